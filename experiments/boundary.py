"""Width and depth: how well small networks separate two classes of points in the plane.

    python experiments/boundary.py

Three problems: a disc in a ring, two half moons, two arms of a spiral. For each, tanh networks of 1, 2 and 3 hidden
layers, each of 2, 4 or 8 units, learn from the same 300 points, with five seeds for the initial weights, and are
tested on 200 other points. The weights are rounded to three digits before the test, so that what is stored gives
exactly the accuracy that is stored. Of the five the one with the median accuracy is kept.

It takes about three minutes on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in
``mlp_intro``, section 4.
"""

import math
from itertools import product
from pathlib import Path
from typing import Any

import torch
from recording import resumed, write
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from glassformer.models.mlp import MLP
from glassformer.train.optimizer import Adam

SEEDS = [0, 1, 2, 3, 4]
WIDTHS = [2, 4, 8]
DEPTHS = [1, 2, 3]
TRAIN, TEST = 300, 200
DATA_SEED = 1000  # no seed of a network
STEPS, LR = 1500, 0.02


def circle(label: Tensor) -> Tensor:
    """A disc of radius 0.45 (label 1) in a ring from 0.6 to 0.95, each filled evenly."""
    low, high = torch.where(label == 1, 0.0, 0.6), torch.where(label == 1, 0.45, 0.95)
    radius = (low**2 + (high**2 - low**2) * torch.rand(len(label))).sqrt()
    angle = 2 * math.pi * torch.rand(len(label))
    return torch.stack((radius * angle.cos(), radius * angle.sin()), -1)


def moons(label: Tensor) -> Tensor:
    """Two half circles, one hooked into the other, with noise."""
    angle = math.pi * torch.rand(len(label))
    upper = torch.stack((angle.cos() - 0.5, angle.sin() - 0.25), -1)
    sides = torch.where(label == 1, -1.0, 1.0)[:, None]  # the lower moon is the upper one turned by half a circle
    return 0.55 * (sides * upper + 0.12 * torch.randn(len(label), 2))


def spiral(label: Tensor) -> Tensor:
    """Two arms that wind one and a half times around the middle, with noise."""
    along = torch.rand(len(label)).sqrt()
    angle = 3 * math.pi * along + math.pi * label
    place = (0.1 + 0.8 * along)[:, None] * torch.stack((angle.cos(), angle.sin()), -1)
    return place + 0.03 * torch.randn(len(label), 2)


PROBLEMS = {"circle": circle, "moons": moons, "spiral": spiral}


def points(problem: str) -> tuple[Tensor, Tensor]:
    """Training points, then test points: places [points, 2], with three digits, and labels. Half of them are 1."""
    torch.manual_seed(DATA_SEED)
    label = (torch.arange(TRAIN + TEST) % 2).float()
    return PROBLEMS[problem](label).mul(1000).round().div(1000), label


@torch.no_grad()
def round_weights(model: MLP) -> None:
    for weight in model.parameters():
        weight.copy_(weight.mul(1000).round().div(1000))


def train(problem: str, width: int, depth: int, seed: int) -> tuple[MLP, float]:
    """A trained network with rounded weights, and its accuracy on the test points."""
    x, label = points(problem)
    torch.manual_seed(seed)
    model = MLP([2, *[width] * depth, 1], torch.tanh)
    optimizer = Adam(model.parameters(), lr=LR)
    for _ in range(STEPS):
        loss = binary_cross_entropy_with_logits(model(x[:TRAIN])[:, 0], label[:TRAIN])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    round_weights(model)
    with torch.no_grad():
        right = (model(x[TRAIN:])[:, 0] >= 0) == (label[TRAIN:] == 1)
    return model, right.float().mean().item()


def stored(model: MLP) -> list[list[Any]]:
    """Each layer as ``[W, b]`` with W as ``[from][to]``."""
    lists = [
        (layer.weight.detach().double().T.tolist(), layer.bias.detach().double().tolist()) for layer in model.layers
    ]
    return [[[[round(w, 3) for w in row] for row in weight], [round(w, 3) for w in bias]] for weight, bias in lists]


def measure(key: str) -> dict[str, Any]:
    problem, width, depth = key.split(" ")
    runs = [train(problem, int(width), int(depth), seed) for seed in SEEDS]
    accuracies = [accuracy for _, accuracy in runs]
    median = sorted(range(len(SEEDS)), key=lambda i: (accuracies[i], i))[len(SEEDS) // 2]
    return {
        "problem": problem,
        "width": int(width),
        "depth": int(depth),
        "accuracies": accuracies,
        "seed": SEEDS[median],
        "accuracy": accuracies[median],
        "weights": stored(runs[median][0]),
    }


def test_points(problem: str) -> list[list[float]]:
    x, label = points(problem)
    return [
        [*(round(v, 3) for v in place), int(of)] for place, of in zip(x[TRAIN:].tolist(), label[TRAIN:], strict=True)
    ]


def main() -> None:
    torch.set_num_threads(1)
    keys = [f"{problem} {width} {depth}" for problem, width, depth in product(PROBLEMS, WIDTHS, DEPTHS)]
    networks = resumed(Path(__file__), keys, measure)
    settings = {"seeds": SEEDS, "train": TRAIN, "test": TEST, "steps": STEPS, "lr": LR}
    path = write(
        Path(__file__),
        {**settings, "points": {p: test_points(p) for p in PROBLEMS}, "networks": list(networks.values())},
    )
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
