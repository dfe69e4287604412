"""Does post-norm need warm-up, and pre-norm not? One decoder, two placements of its norms, with and without warm-up.

    python experiments/norm_placement.py

All models have 6 layers of width 64 and predict the next letter of Shakespeare's comedies: Adam with the rate 0.003, no
clipping, 300 steps of 16 pieces of 32 letters. Warm-up is a straight rise over the first 200 steps; there is no decay.
Three seeds each. What is kept is the mean loss of the last 20 steps, in nats.

It takes about four minutes on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in
``transformers``, section 7.
"""

from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from recording import resumed, write

from glassformer.train.norm_placement import Placed, PlacedConfig, learn

SEEDS = [0, 1, 2]
WARMUPS = [0, 200]
STEPS, RATE, LAYERS = 300, 0.003, 6


def one(key: str) -> dict[str, Any]:
    """The loss at the end, and its course."""
    name, warmup, seed = key.split(" / ")
    torch.manual_seed(int(seed))
    model = Placed(PlacedConfig(pre=name == "pre", layers=LAYERS))
    told = learn(model, STEPS, RATE, int(warmup), torch.Generator().manual_seed(100 + int(seed)))
    return {"loss": mean(told[-20:]), "losses": [mean(told[i : i + 10]) for i in range(0, STEPS, 10)]}


def main() -> None:
    """Run what is not done yet, and write the result."""
    torch.set_num_threads(1)
    keys = [f"{name} / {warmup} / {seed}" for name in ("pre", "post") for warmup in WARMUPS for seed in SEEDS]
    runs = resumed(Path(__file__), keys, one)
    result: dict[str, Any] = {"seeds": SEEDS, "steps": STEPS, "rate": RATE, "layers": LAYERS, "warmups": WARMUPS}
    for name in ("pre", "post"):
        for warmup in WARMUPS:
            mine = [runs[f"{name} / {warmup} / {seed}"] for seed in SEEDS]
            losses = [run["loss"] for run in mine]
            course = [mean(column) for column in zip(*(run["losses"] for run in mine), strict=True)]
            key = f"{name}, {'warm-up' if warmup else 'no warm-up'}"
            result[key] = {"mean": mean(losses), "sd": stdev(losses), "all": losses, "losses": course}
            print(f"{key:18s} {mean(losses):.2f} ({stdev(losses):.2f})")
    print(write(Path(__file__), result))


if __name__ == "__main__":
    main()
