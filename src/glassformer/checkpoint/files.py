"""Weights in safetensors files, read one tensor at a time, in one file or in shards; and a hub's name as a folder.

A safetensors file is a length (8 bytes), that many bytes of JSON (name → dtype, shape, first and last byte) and the
numbers. It is read here with plain reads into fresh tensors. The usual way maps the file into memory instead, and then
every page that was touched counts beside its copy in the model: twice the weights. A pickle (``.bin``, ``.pt``) can
run code of its author while it is read, so those are refused.

Taught in ``transformers``, section 17 (what a stored number costs).
"""

import json
import math
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import torch
from torch import Tensor

from glassformer.checkpoint import CheckpointError

SINGLE: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"
PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
PIECE: Final = 1 << 20  # numbers converted at a time: small beside any weights, large enough to share among cores
DTYPES: Final = {
    "BOOL": torch.bool,
    **{f"{kind}{bits}": getattr(torch, f"{word}{bits}") for kind, word in (("I", "int"), ("U", "uint"))
       for bits in (8, 16, 32, 64)},
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}  # fmt: skip
CODES: Final = {dtype: code for code, dtype in DTYPES.items()}
SHARD: Final = re.compile(r"model-\d+-of-\d+\.safetensors")


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies: an open file, the place of its first byte, and what the bytes mean."""

    file: BinaryIO
    start: int
    dtype: torch.dtype
    shape: tuple[int, ...]


class Weights:
    """Names and tensors of a checkpoint; a tensor is read when it is asked for, and not kept.

    Make one with ``Weights.open``. It holds its files open until ``close`` (or the end of a ``with``), so that it goes
    on reading what it opened if the files are replaced meanwhile.
    """

    def __init__(self, folder: Path, entries: Mapping[str, Entry], metadata: Mapping[str, str]) -> None:
        self.folder = folder
        self.metadata = dict(metadata)
        self._entries = dict(entries)
        self._lock = threading.RLock()
        self._staged: Tensor | None = None

    @classmethod
    def open(cls, source: str | os.PathLike[str]) -> "Weights":
        """Open a ``.safetensors`` file, or a folder with ``model.safetensors`` or with shards and their index.

        Reads the headers only. Raises ``CheckpointError`` if nothing is there, if there are only pickled weights, if a
        file is truncated or its header is wrong, if a shard or one of its tensors is missing, or if a tensor is stored
        twice.
        """
        path = Path(source).expanduser()
        folder, promised = _find(path)
        entries: dict[str, Entry] = {}
        metadata: dict[str, str] = {}
        weights = cls(folder, {}, {})
        try:
            for name, keys in sorted(promised.items()):
                found, about = _read_header(folder / name)
                twice = sorted(entries.keys() & found.keys())
                weights._entries |= found
                if twice:
                    raise CheckpointError(f"{folder} holds the tensor {twice[0]!r} twice, the second time in {name}.")
                absent = sorted(keys - found.keys())
                if absent:
                    raise CheckpointError(
                        f"{name} in {folder} lacks {len(absent)} tensor(s) that {INDEX} places there, "
                        f"such as {absent[0]!r}: index and shards are not of one checkpoint. Fetch it again."
                    )
                entries |= found
                metadata |= about
        except BaseException:
            weights.close()
            raise
        weights.metadata = metadata
        return weights

    def names(self) -> list[str]:
        """The names of all tensors, sorted."""
        return sorted(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, without reading it. Raises ``KeyError`` for a name that is not there."""
        return self._entry(name).shape

    def dtype(self, name: str) -> torch.dtype:
        """The dtype of a tensor as ``tensor(name)`` yields it. Raises ``KeyError`` for a name that is not there."""
        return self._entry(name).dtype

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """Read one tensor into fresh memory of its own; as ``dtype`` if one is given.

        The conversion goes piece by piece, so a tensor never stands in memory in both dtypes.
        Raises ``KeyError`` for a name that is not there.
        """
        entry = self._entry(name)
        out = torch.empty(entry.shape, dtype=dtype or entry.dtype)
        flat = out.view(-1)
        if out.dtype == entry.dtype:
            self._fill(flat, entry.file, entry.start)
            return out
        with self._lock:
            if self._staged is None:  # kept: made anew each time, it would leave holes in the heap between tensors
                self._staged = torch.empty(PIECE * 8, dtype=torch.uint8)
            piece = self._staged.view(entry.dtype)[:PIECE]
            for first in range(0, flat.numel(), PIECE):
                part = piece[: flat.numel() - first]
                self._fill(part, entry.file, entry.start + first * part.element_size())
                flat[first : first + len(part)].copy_(part)
        return out

    @property
    def config(self) -> dict[str, Any]:
        """What ``config.json`` beside the weights says. Raises ``CheckpointError`` if it is missing or no JSON."""
        path = self.folder / "config.json"
        if not path.is_file():
            raise CheckpointError(
                f"{self.folder} has no config.json, which says what model its weights belong to. Put it there."
            )
        return _json(path)

    def close(self) -> None:
        """Close the files. What was read stays valid."""
        for entry in self._entries.values():
            entry.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _entry(self, name: str) -> Entry:
        if name not in self._entries:
            raise KeyError(f"There is no tensor {name!r} in {self.folder}.")
        return self._entries[name]

    def _fill(self, flat: Tensor, file: BinaryIO, start: int) -> None:
        room = flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")
        with self._lock:
            file.seek(start)
            while room:  # one read of the system stops at 2 GiB
                count = file.readinto(room)  # type: ignore[attr-defined]  # unbuffered files have it
                if not count:
                    raise CheckpointError(f"{file.name} became shorter while it was read. Fetch it again.")
                room = room[count:]


def _find(path: Path) -> tuple[Path, dict[str, set[str]]]:
    """The folder of a checkpoint, and for each of its files the tensors that the index promises there."""
    if path.name.endswith(".index.json"):
        path = path.parent
    if path.suffix in PICKLES:
        raise CheckpointError(refusal(path.name))
    if path.suffix == ".gguf":
        raise CheckpointError(f"{path} is a GGUF file: open it with glassformer.checkpoint.gguf.open_gguf.")
    if path.is_file():
        return path.parent, {path.name: set()}
    if not path.is_dir():
        raise CheckpointError(f"There is no file and no folder {path}.")
    if (path / SINGLE).is_file():
        return path, {SINGLE: set()}
    if (path / INDEX).is_file():
        return path, _read_index(path)
    files = sorted(file.name for file in path.iterdir())
    found = [name for name in files if name.endswith(".safetensors")]
    if len(found) == 1 and not SHARD.fullmatch(found[0]):
        return path, {found[0]: set()}
    if found:
        raise CheckpointError(
            f"{path} holds {', '.join(found[:3])}{' …' if len(found) > 3 else ''} but no {INDEX}. "
            "If these are shards, put the index beside them; otherwise name one of the files."
        )
    packed = [name for name in files if name.endswith(".gguf")]
    if packed:
        raise CheckpointError(f"{path} holds no safetensors but the GGUF file {packed[0]}: name that file itself.")
    pickled = [name for name in files if name.endswith(PICKLES)]
    if pickled:
        raise CheckpointError(refusal(f"{path} (only {', '.join(pickled[:3])})"))
    raise CheckpointError(f"{path} holds no weights: neither {SINGLE} nor {INDEX} is there.")


def refusal(what: str) -> str:
    """Why pickled weights are not read, and what to do."""
    return (
        f"{what} holds pickled weights, and reading a pickle can run any code its author put in. Glassformer reads "
        "safetensors only. Take another revision or a copy that has .safetensors files, or convert it once where you "
        "trust it: safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'model.safetensors')."
    )


def _read_index(folder: Path) -> dict[str, set[str]]:
    places = _json(folder / INDEX).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise CheckpointError(f"{folder / INDEX} has no weight_map that says which shard holds which tensor.")
    promised: dict[str, set[str]] = {}
    for key, name in places.items():
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(
                f"{folder / INDEX} places {key!r} in {name!r}, which is no .safetensors file beside it."
            )
        promised.setdefault(name, set()).add(key)
    missing = sorted(name for name in promised if not (folder / name).is_file())
    if missing:
        raise CheckpointError(
            f"{folder} lacks {len(missing)} of {len(promised)} shards: {', '.join(missing[:3])}. Fetch them into it."
        )
    return promised


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} is no JSON ({error}). Fetch it again.") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} must hold a JSON object, not {type(value).__name__}.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice")
    return made


def _read_header(path: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """Open a safetensors file: an entry per tensor, and the metadata. The whole header is checked first."""
    file = path.open("rb", buffering=0)
    try:
        held = path.stat().st_size
        length = int.from_bytes(file.read(8), "little")
        if held < 8 or length > held - 8:
            raise CheckpointError(
                f"{path} is truncated, or no safetensors file: its header says {length} bytes and {held} are there in "
                "all. Fetch it again."
            )
        try:
            header = json.loads(file.read(length), object_pairs_hook=_once)
            metadata = header.pop("__metadata__", {})
            spans = [_span(file, 8 + length, name, about) for name, about in header.items()]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{path} has a header that is no safetensors header ({error}). Fetch it again."
            ) from error
        end = 8 + length
        for name, entry, size in sorted(spans, key=lambda span: (span[1].start, span[2])):
            if entry.start != end:
                raise CheckpointError(f"{path} has a wrong header: the bytes of {name!r} do not follow those before.")
            end += size
        if held != end:
            why = "is truncated" if held < end else "is longer than its header says"
            raise CheckpointError(f"{path} {why}: it holds {held} bytes, its header promises {end}. Fetch it again.")
        return {name: entry for name, entry, _ in spans}, {str(k): str(v) for k, v in metadata.items()}
    except BaseException:
        file.close()
        raise


def _span(file: BinaryIO, base: int, name: str, about: dict[str, Any]) -> tuple[str, Entry, int]:
    dtype, shape, (first, last) = about["dtype"], tuple(about["shape"]), about["data_offsets"]
    if dtype not in DTYPES:
        raise ValueError(f"the dtype {dtype!r} of {name!r} is not one of {', '.join(DTYPES)}")
    if not all(type(n) is int and n >= 0 for n in (*shape, first, last)):
        raise ValueError(f"the sizes of {name!r} must be whole numbers from 0 on")
    size = math.prod(shape) * DTYPES[dtype].itemsize
    if last - first != size:
        raise ValueError(f"{name!r} of shape {list(shape)} in {dtype} takes {size} bytes, not {last - first}")
    return name, Entry(file, base + first, DTYPES[dtype], shape), size
