"""A small checkpoint with a tensor of every kind, and how its tests compare."""

from pathlib import Path

import torch
from torch import Tensor

from glassformer.checkpoint.files import INDEX, Weights
from glassformer.checkpoint.writing import write

CONFIG = {"model_type": "tiny", "layers": 2}


def tensors() -> dict[str, Tensor]:
    torch.manual_seed(3)
    return {
        "embed": torch.randn(13, 7),
        "norm": torch.randn(7).bfloat16(),
        "half": torch.randn(5, 3, 2).half(),
        "count": torch.tensor(11),
        "flags": torch.tensor([True, False, True]),
        "none": torch.empty(0, 7),
    }


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[n].dtype == b[n].dtype and torch.equal(a[n], b[n]) for n in a)


def everything(source: Path) -> dict[str, Tensor]:
    with Weights.open(source) as weights:
        return {name: weights.tensor(name) for name in weights.names()}


def sharded(folder: Path) -> Path:
    write(folder, tensors(), CONFIG, shard_bytes=200)
    assert (folder / INDEX).is_file()
    return folder
