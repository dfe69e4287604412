"""How far do positions reach? One small decoder per scheme learns texts of 64 characters, and reads texts of 256.

    python experiments/positions.py

The plays, character by character; two plays are kept for the test. Each model has 2 layers of width 64 with 4 heads,
and takes the same 700 steps on 16 texts of 64 characters: AdamW, 20 steps of warm-up, then a straight line down. Only
the positions differ. The table of the learned ones has 256 rows, of which training reaches 64. T5's buckets end at
distance 32, so that training reaches all of them. Two seeds each. Then every model reads the same 400 test texts of 256
characters, and the loss is averaged over the positions 1 to 64, 65 to 128 and 129 to 256. The rotary model is read
again with its angles scaled by 4, without further training, and in windows of 64 characters that overlap by half.

It takes about five minutes on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in
``transformers/06-embeddings``, section 6.11.
"""

from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from recording import resumed, write
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from glassformer.data.plays import plays
from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.norm import RMSNorm
from glassformer.parts.position import LearnedPositions, SinusoidalPositions
from glassformer.parts.residual import PreNorm
from glassformer.parts.rotary import Rotary
from glassformer.parts.rotary_scaling import UNSCALED, Dynamic, Linear, Scaling, Yarn
from glassformer.parts.score_bias import ALiBi, CausalBuckets, RelativeBias
from glassformer.parts.stack import Layer, Stack

SEEDS, STEPS, BATCH = [1, 2], 700, 16
LENGTH, LONG, TEXTS = 64, 256, 400
D, HEADS, LAYERS, RATE = 64, 4, 2, 0.005
TEST = ("As You Like It", "Macbeth")
SCHEMES = ("none", "learned", "sinusoidal", "rotary", "ALiBi", "T5 bias")
FACTOR = LONG / LENGTH
SCALINGS: dict[str, Scaling] = {
    "rotary, linear": Linear(FACTOR),
    "rotary, NTK": Dynamic(1.0, LENGTH),  # at 256 characters: the base times 4^(d/(d − 2))
    "rotary, YaRN": Yarn(FACTOR, LENGTH),
}


class Small(Decoder):
    """A pre-norm decoder whose positions are one of ``SCHEMES``."""

    def __init__(self, scheme: str, vocab: int) -> None:
        def layer() -> Layer:
            rotate = Rotary(D // HEADS) if scheme == "rotary" else None
            return Layer(
                PreNorm(RMSNorm(D), Attention(D, HEADS, bias=False, rotate=rotate)),
                PreNorm(RMSNorm(D), FeedForward(D, 4 * D, nn.GELU())),
            )

        added = {"learned": lambda: LearnedPositions(LONG, D), "sinusoidal": lambda: SinusoidalPositions(D)}
        biases = {"ALiBi": lambda: ALiBi(HEADS), "T5 bias": lambda: RelativeBias(HEADS, CausalBuckets(16, 32))}
        super().__init__(
            None,
            embed=nn.Embedding(vocab, D),
            positions=added[scheme]() if scheme in added else None,
            score_bias=biases[scheme]() if scheme in biases else None,
            stack=Stack(layer() for _ in range(LAYERS)),
            norm=RMSNorm(D),
            head=nn.Linear(D, vocab, bias=False),
            tied=(("head.weight", "embed.weight"),),
            scale=D**0.5,  # so that a token's vector is as long as a sinusoidal position's
        )

    def init_weights(self) -> None:
        """N(0, 0.02²), and the table of tokens N(0, 1/D)."""
        normal(self, 0.02)
        nn.init.normal_(self.embed.weight, std=D**-0.5)


@cache
def texts() -> tuple[Tensor, Tensor, int]:
    """The characters of the plays as numbers, those to learn from and those of the test, and how many there are."""
    whole = {play.title: "\n".join(play.passages) for play in plays()}
    number = {c: i for i, c in enumerate(sorted(set("".join(whole.values()))))}
    parts = ["\n".join(text for title, text in whole.items() if (title in TEST) is test) for test in (False, True)]
    learn, test = (torch.tensor([number[c] for c in part]) for part in parts)
    return learn, test, len(number)


def rows(text: Tensor, number: int, length: int, draw: torch.Generator) -> Tensor:
    """``number`` random stretches of ``length`` characters and the one that follows."""
    start = torch.randint(len(text) - length, (number, 1), generator=draw)
    return text[start + torch.arange(length + 1)]


def learn(scheme: str, seed: int) -> Small:
    """A model of the scheme, trained on texts of 64 characters."""
    text, _, vocab = texts()
    torch.manual_seed(seed)
    model, draw = Small(scheme, vocab), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / 20, (STEPS - s) / STEPS))
    for _ in range(STEPS):
        batch = rows(text, BATCH, LENGTH, draw)
        optimizer.zero_grad()
        cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        pace.step()
    return model.eval()


def losses(model: Small, batch: Tensor) -> Tensor:
    """The loss at each position, ``[texts, positions]``."""
    return cross_entropy(model(batch[:, :-1]).mT, batch[:, 1:], reduction="none")


@torch.no_grad()
def read(model: Small, scaling: Scaling | None = None) -> list[float]:
    """The mean loss at each of the 256 positions of the test texts."""
    for layer in model.stack:
        if scaling is not None:
            layer.attention.part.rotate = Rotary(D // HEADS, scaling=scaling)
    batch = rows(texts()[1], TEXTS, LONG, torch.Generator().manual_seed(99))
    return torch.cat([losses(model, part) for part in batch.split(50)]).mean(0).tolist()


@torch.no_grad()
def windows(model: Small) -> list[float]:
    """As ``read``, but the model sees windows of 64 characters, each 32 further on; only new characters count."""
    batch, half = rows(texts()[1], TEXTS, LONG, torch.Generator().manual_seed(99)), LENGTH // 2
    found = [losses(model, batch[:, : LENGTH + 1])]
    for start in range(half, LONG - LENGTH + 1, half):
        found.append(losses(model, batch[:, start : start + LENGTH + 1])[:, half:])
    return torch.cat(found, 1).mean(0).tolist()


@torch.no_grad()
def looks(model: Small) -> list[list[float]]:
    """How much the heads of the first layer look back by 0 to 63 positions from the last of 64, ``[heads][distance]``.

    The mean over the test texts of the attention weights of the first layer.
    """
    attention, found = model.stack[0].attention.part, {}
    hooks = [
        part.register_forward_hook(lambda _, __, out, name=name: found.update({name: out}))
        for name, part in (("q", attention.queries), ("k", attention.keys))
    ]
    model(rows(texts()[1], TEXTS, LENGTH, torch.Generator().manual_seed(99))[:, :-1])
    for hook in hooks:
        hook.remove()
    scores = (found["q"][:, :, -1:] @ found["k"].mT)[:, :, 0] * (D // HEADS) ** -0.5
    places = torch.arange(LENGTH)
    if model.score_bias is not None:
        scores = scores + model.score_bias(places[-1:], places)[:, :, 0]
    weights: list[list[float]] = scores.softmax(-1).mean(0).flip(-1).tolist()
    return weights


def compute(key: str) -> dict[str, Any]:
    """One scheme and seed: the losses by position, with scalings if it is rotary, and where its heads look."""
    scheme, seed = key.split(" / ")
    model = learn(scheme, int(seed))
    found: dict[str, Any] = {"looks": looks(model), scheme: read(model, UNSCALED if scheme == "rotary" else None)}
    if scheme == "rotary":
        found["rotary, windows"] = windows(model)
        found |= {name: read(model, scaling) for name, scaling in SCALINGS.items()}
    return found


def main() -> None:
    """Run what is not done yet, and write the result."""
    torch.set_num_threads(1)
    runs = resumed(Path(__file__), [f"{scheme} / {seed}" for scheme in SCHEMES for seed in SEEDS], compute)
    result: dict[str, Any] = {"seeds": SEEDS, "steps": STEPS, "length": LENGTH, "texts": TEXTS, "schemes": {}}
    for name in (*SCHEMES, "rotary, windows", *SCALINGS):
        mine = [runs[f"{name.split(',')[0]} / {seed}"][name] for seed in SEEDS]
        spans = {"1x": (0, LENGTH), "2x": (LENGTH, 2 * LENGTH), "4x": (2 * LENGTH, LONG)}
        table = {span: [mean(run[a:b]) for run in mine] for span, (a, b) in spans.items()}
        curve = [mean(sum(run[i : i + 8]) / 8 for run in mine) for i in range(0, LONG, 8)]
        result["schemes"][name] = {**table, "curve": curve}
    result["looks"] = {scheme: runs[f"{scheme} / {SEEDS[0]}"]["looks"] for scheme in SCHEMES}
    print(write(Path(__file__), result))
    for name, table in result["schemes"].items():
        print(f"{name:16s}", *(f"{s}: {', '.join(f'{x:.3f}' for x in table[s])}  " for s in ("1x", "2x", "4x")))


if __name__ == "__main__":
    main()
