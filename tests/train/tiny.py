"""A run that takes a second: a small text and a small model, for tests of all that is around them."""

from pathlib import Path
from typing import Any

import torch

from glassformer.train.reading import parse
from glassformer.train.recipe import Recipe

WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "saw", "one", "dog", "run", "far")


def text(characters: int = 3001, seed: int = 5) -> str:
    """Words that chance has drawn."""
    chance = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(WORDS), (characters,), generator=chance)
    return " ".join(WORDS[number] for number in drawn.tolist())[:characters]


def recipe(folder: Path, *changes: str, **tables: dict[str, Any]) -> Recipe:
    """Two layers of 16, a batch of 5 rows of 11 tokens; dropout, a running average and Muon: all have a memory."""
    file = folder / "text.txt"
    if not file.exists():
        file.write_text(text(), "utf-8")
    given: dict[str, Any] = {
        "name": "tiny",
        "model": {"architecture": "gpt2", "layers": 2, "heads": 2, "d_model": 16, "dropout": 0.1},
        "data": {"files": [str(file)], "context": 11},
        "optimizer": {"name": "muon", "lr": 0.01, "muon_lr": 0.01},
        "schedule": {"warmup": 2},
        "training": {
            "steps": 13,
            "batch": 5,
            "average": 0.9,
            "evaluate_every": 5,
            "save_every": 3,
            "log_every": 1,
            "sample": 7,
            "device": "cpu",
        },
    }
    for name, values in tables.items():
        given[name] = given[name] | values
    return parse(given, changes)
