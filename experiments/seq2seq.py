"""Numbers in words to digits, with and without attention.

    python experiments/seq2seq.py

Three recurrent encoder-decoders of one size learn to write the digits of a number that is given in words: without
attention, with Bahdanau's and with Luong's. They learn from numbers of at most 8 words, 64 at a step, and are tested on
new ones of up to 14 words: a number counts as right if every digit is. Same steps and the same Adam for all, the
gradient clipped to the length 1; three seeds.

The model with Bahdanau's attention and the first seed ships as ``data/models/number-words.safetensors``.

It takes about ten minutes on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in ``rnn_intro``,
sections 10.6 and 10.7.
"""

import random
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from recording import resumed, write
from torch import nn

from glassformer.data.number_words import BEGIN, MOST, draw, in_words, source, target
from glassformer.models.seq2seq import BahdanauSeq2Seq, LuongSeq2Seq, Seq2Seq
from glassformer.objectives.seq2seq import batch, loss
from glassformer.train.number_words import CONFIG, digits, save
from glassformer.train.optimizer import Adam

SEEDS = [0, 1, 2]
STEPS, ROWS, LONGEST = 1000, 64, 8
GROUPS = [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14)]
MODELS = {"without attention": Seq2Seq, "Bahdanau": BahdanauSeq2Seq, "Luong": LuongSeq2Seq}


def tests() -> list[list[int]]:
    """200 numbers for each group of lengths, none of which is trained on (see ``held_out``)."""
    rng, found = random.Random(1), [[] for _ in GROUPS]  # type: ignore[var-annotated]
    while any(len(group) < 200 for group in found):
        number = draw(rng, 9)
        for group, (low, high) in zip(found, GROUPS, strict=True):
            if low <= len(in_words(number)) <= high and len(group) < 200 and (held_out(number) or high <= 2):
                group.append(number)
    return found


def held_out(number: int) -> bool:
    """A tenth of all numbers, scattered, is for the test. Of one or two words there are too few for that."""
    return number * 2_654_435_761 % 2**32 < 2**32 // 10 and len(in_words(number)) > 2


def drawn(rng: random.Random) -> int:
    """A number to learn from."""
    while True:
        number = draw(rng, 9)
        if len(in_words(number)) <= LONGEST and not held_out(number):
            return number


def one(key: str) -> dict[str, Any]:
    """Train one model with one seed: the share of right numbers in each group, and the loss on the way."""
    name, seed = key.split(" / ")
    torch.manual_seed(int(seed))
    rng, model = random.Random(int(seed)), MODELS[name](CONFIG)
    optimizer = Adam(model.parameters(), lr=0.003)
    losses = []
    for step in range(STEPS):
        numbers = [drawn(rng) for _ in range(ROWS)]
        rows = batch([source(n) for n in numbers], [target(n)[1:] for n in numbers], start=BEGIN)
        value, _ = loss(model, rows)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            losses.append(value.item())
    right = [mean(float(said == str(n)) for said, n in zip(digits(model, g), g, strict=True)) for g in tests()]
    if name == "Bahdanau" and int(seed) == SEEDS[0]:
        save(model)
    return {"right": right, "losses": losses, "weights": sum(p.numel() for p in model.parameters())}


def main() -> None:
    """Run what is not done yet, and write the result."""
    torch.set_num_threads(1)
    assert MOST == 10**9
    runs = resumed(Path(__file__), [f"{name} / {seed}" for name in MODELS for seed in SEEDS], one)
    result: dict[str, Any] = {"seeds": SEEDS, "steps": STEPS, "longest": LONGEST, "groups": GROUPS, "models": {}}
    for name in MODELS:
        mine = [runs[f"{name} / {seed}"] for seed in SEEDS]
        columns = list(zip(*(run["right"] for run in mine), strict=True))
        result["models"][name] = {"mean": [mean(c) for c in columns], "sd": [stdev(c) for c in columns],
                                  "weights": mine[0]["weights"], "losses": mine[0]["losses"]}  # fmt: skip
    print(write(Path(__file__), result))
    for name, table in result["models"].items():
        print(f"{name:18s}", *(f"{m:.2f} ({s:.2f})" for m, s in zip(table["mean"], table["sd"], strict=True)))


if __name__ == "__main__":
    main()
