"""Write safetensors: a whole checkpoint or nothing, one tensor in memory at a time."""

import json
import math
import os
import shutil
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glassformer.checkpoint.files import CODES, INDEX, SHARD, SINGLE


def stream(
    path: Path,
    plan: Mapping[str, tuple[torch.dtype, tuple[int, ...]]],
    tensors: Iterable[Tensor],
    metadata: Mapping[str, str],
) -> None:
    """Write a safetensors file whose names, dtypes and shapes are known: one tensor in memory at a time.

    ``tensors`` come in the order of ``plan``. Raises ``ValueError`` if one is not as planned.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, (dtype, shape) in plan.items():
        first, end = end, end + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": CODES[dtype], "shape": list(shape), "data_offsets": [first, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # readers that map the file want the numbers aligned
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for (name, (dtype, shape)), tensor in zip(plan.items(), tensors, strict=True):
            if tensor.dtype != dtype or tensor.shape != shape:
                raise ValueError(
                    f"{name!r} must be {dtype} of shape {shape}, not {tensor.dtype} of {tuple(tensor.shape)}."
                )
            flat = tensor.detach().cpu().contiguous().view(-1)
            if flat.numel():
                file.write(flat.view(torch.uint8).numpy().data)


def write(
    folder: str | os.PathLike[str],
    tensors: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]],
    config: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
    shard_bytes: int = 5_000_000_000,
) -> None:
    """Write ``config.json`` and the tensors: ``model.safetensors``, or shards of at most ``shard_bytes`` and an index.

    Everything is written beside and then moved into place, the file that makes the checkpoint readable last. A failure
    leaves what was there; a crash while files are moved leaves a folder that does not open, never a mixture.
    An iterable is consumed one shard at a time.

    Raises ``ValueError`` for a name given twice, for two names of one tensor (tied weights: write one, tie on load),
    for a tensor on the meta device and for a dtype that the format lacks.
    """
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    pairs = tensors.items() if isinstance(tensors, Mapping) else tensors
    about = {"format": "pt"} if metadata is None else metadata
    text = json.dumps(config, indent=2) + "\n"
    beside = folder / ".writing"
    shutil.rmtree(beside, ignore_errors=True)  # of a process that was killed
    beside.mkdir()
    try:
        shards: list[dict[str, tuple[int, ...]]] = []
        places: dict[str, int] = {}
        total = 0
        for shard in _shards(_checked(pairs), shard_bytes):
            shard = dict(sorted(shard.items(), key=lambda pair: (-pair[1].element_size(), pair[0])))
            plan = {name: (t.dtype, tuple(t.shape)) for name, t in shard.items()}
            stream(beside / f"{len(shards)}", plan, shard.values(), about)
            places |= dict.fromkeys(shard, len(shards))
            total += sum(t.numel() * t.element_size() for t in shard.values())
            shards.append({})
        if not shards:
            stream(beside / "0", {}, [], about)
        many = len(shards)
        names = [SINGLE] if many < 2 else [f"model-{n:05}-of-{many:05}.safetensors" for n in range(1, many + 1)]
        if many > 1:
            index = {"metadata": {"total_size": total}, "weight_map": {k: names[n] for k, n in sorted(places.items())}}
            (beside / INDEX).write_text(json.dumps(index, indent=2) + "\n", "utf-8")
        (beside / "config.json").write_text(text, "utf-8")
        (folder / INDEX).unlink(missing_ok=True)
        if many > 1:
            (folder / SINGLE).unlink(missing_ok=True)
        (beside / "config.json").replace(folder / "config.json")
        for number, name in enumerate(names):
            (beside / f"{number}").replace(folder / name)
        if many > 1:
            (beside / INDEX).replace(folder / INDEX)
        for old in folder.glob("model-*-of-*.safetensors"):
            if old.name not in names and SHARD.fullmatch(old.name):
                old.unlink()
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _checked(pairs: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    names: set[str] = set()
    places: dict[tuple[int, int], tuple[str, weakref.ref[Tensor]]] = {}
    for name, tensor in pairs:
        if name in names or name == "__metadata__":
            raise ValueError(
                f"The name {name!r} is {'given twice' if name in names else 'kept for the format itself'}."
            )
        if tensor.is_meta:
            raise ValueError(f"{name!r} is on the meta device, which holds no numbers. Load or initialize it first.")
        if tensor.dtype not in CODES:
            raise ValueError(f"{name!r} is {tensor.dtype}, which safetensors files cannot hold here.")
        names.add(name)
        place = (tensor.data_ptr(), tensor.numel())
        other = places.get(place)
        if place[0] and other and other[1]() is not None:  # memory may be used again once its tensor is gone
            raise ValueError(
                f"{other[0]!r} and {name!r} are one tensor. Write {other[0]!r} only, and tie the two after loading."
            )
        places[place] = (name, weakref.ref(tensor))
        yield name, tensor


def _shards(pairs: Iterable[tuple[str, Tensor]], limit: int) -> Iterator[dict[str, Tensor]]:
    shard: dict[str, Tensor] = {}
    size = 0
    for name, tensor in pairs:
        more = tensor.numel() * tensor.element_size()
        if shard and size + more > limit:
            yield shard
            shard, size = {}, 0
        shard[name] = tensor
        size += more
    if shard:
        yield shard
