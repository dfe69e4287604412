"""GGUF files, the one-file format of llama.cpp: metadata, the vocabulary, and tensors that may be quantized.

A file is a head (fields, then a line per tensor: name, shape, type, place) and aligned data. The head is parsed here,
which takes a twentieth of the time of the ``gguf`` package on a large vocabulary. That package's ``quants`` turn blocks
into numbers, such as Q4_1's ``w = d · q + m`` with 4-bit ``q`` and a float16 ``d`` and ``m`` per 32 weights. Such a sum
is not exact in 16 bits, so quantized tensors become float32. They are kept in a cache, in a safetensors file named by
the SHA-256 of the GGUF file. F32, F16 and BF16 tensors are read from the file itself, as they are.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Taught in ``transformers``, section 17.
"""

import contextlib
import hashlib
import math
import mmap
import os
import struct
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glassformer.checkpoint import CheckpointError
from glassformer.checkpoint.fetch import cache_folder
from glassformer.checkpoint.files import Entry, Weights
from glassformer.checkpoint.writing import stream

KEPT_BYTES: Final = 8 << 30  # the cache holds at most so much; the entry used longest ago goes first
_ABANDONED: Final = 3600  # seconds after which an unfinished file is one of a process that was killed
PLAIN: Final = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
TYPES: Final = {  # number in the file → name, weights per block, bytes per block
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    30: ("BF16", 1, 2),
}
_SCALARS: Final = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}  # 8 is a string, 9 an array
_STRING, _ARRAY, _DEEPEST, _MOST_DIMENSIONS = 8, 9, 4, 4


class Stored(NamedTuple):
    """One tensor as the file holds it: its type's name, shape, first byte, and bytes per row of blocks."""

    type: str
    shape: tuple[int, ...]
    start: int
    row: int

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.row * math.prod(self.shape[:-1])


class GGUF(Weights):
    """The tensors of a GGUF file, dequantized, and its ``fields``. Make one with ``open_gguf``."""

    def __init__(self, path: Path, fields: dict[str, Any], stored: Mapping[str, Stored], dequantized: Weights | None):
        self.path, self.fields, self._stored, self._dequantized = path, fields, dict(stored), dequantized
        file = path.open("rb", buffering=0)
        entries = {n: Entry(file, s.start, PLAIN.get(s.type, torch.float32), s.shape) for n, s in stored.items()}
        super().__init__(path.parent, entries, {})
        self._file = file

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """One tensor in fresh memory: float32 if the file holds it quantized, else as it is; or as ``dtype``.

        The order of dimensions is PyTorch's, ``[out, in]``. Raises ``KeyError`` for a name that is not there.
        """
        if self._entry(name) and self._stored[name].type in PLAIN:
            return super().tensor(name, dtype)
        if self._dequantized is not None:
            return self._dequantized.tensor(name, dtype)
        return torch.from_numpy(_dequantize(*self.quantized(name))).to(dtype)

    def quantized(self, name: str) -> tuple[NDArray[np.uint8], str]:
        """One tensor as it is stored: bytes of shape ``[..., out, bytes per row]``, and the type, such as ``"Q4_1"``.

        Raises ``KeyError`` for a name that is not there.
        """
        entry, stored = self._entry(name), self._stored[name]
        raw = torch.empty((*stored.shape[:-1], stored.row), dtype=torch.uint8)
        self._fill(raw.view(-1), entry.file, stored.start)
        return raw.numpy(), stored.type

    @property
    def config(self) -> dict[str, Any]:
        """Raises ``CheckpointError``: a GGUF file says what it is in ``fields``."""
        raise CheckpointError(f"{self.path} has no config.json: a GGUF file says what it is in its fields.")

    def close(self) -> None:
        """Close the file and its dequantized copy. What was read stays valid."""
        self._file.close()
        if self._dequantized is not None:
            self._dequantized.close()


def open_gguf(path: str | os.PathLike[str], cache: bool = True) -> GGUF:
    """Open a GGUF file of version 2 or 3. The first time, write its dequantized tensors into the cache.

    The cache is ``gguf/`` in ``fetch.cache_folder()``. It is keyed by the content, rebuilt when damaged, and left out
    where it cannot be written, where ``cache`` is false, or for weights beyond ``KEPT_BYTES``: each ``tensor`` call
    then dequantizes anew.

    Raises ``CheckpointError`` for a file that is missing, no GGUF, truncated, big-endian, of another version, or that
    holds a tensor of a type not in ``TYPES``.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}.")
    fields, stored = read_head(path)
    opened = GGUF(path, fields, stored, None)
    try:
        if cache and any(s.type not in PLAIN for s in stored.values()):
            opened._dequantized = _cached(opened)
    except BaseException:
        opened.close()
        raise
    return opened


def read_head(path: Path) -> tuple[dict[str, Any], dict[str, Stored]]:
    """The fields of a GGUF file as plain Python values, and where its tensors lie. Raises as ``open_gguf`` does."""
    held = path.stat().st_size
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Head(data).read()
    except (ValueError, struct.error) as error:  # an empty file cannot be mapped, and that is a ValueError too
        why = "it ends within its head" if isinstance(error, struct.error) or held == 0 else f"{error}"
        raise CheckpointError(f"{path} ({held} bytes) cannot be read as a GGUF file: {why}. Fetch it again.") from error


class _Head:
    """A place in the file that moves on with each value read."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def read(self) -> tuple[dict[str, Any], dict[str, Stored]]:
        if self.data[:4] != b"GGUF":
            raise ValueError(f"it begins with {self.data[:4]!r}, not b'GGUF'")
        self.at = 4
        version = self.take("I")
        if version & 0xFFFF == 0:
            raise ValueError("it is big-endian, and only little-endian files are read here")
        if version not in (2, 3):
            raise ValueError(f"its version is {version}, and only 2 and 3 are read here")
        tensors, fields = self.take("Q"), self.take("Q")
        values: dict[str, Any] = {}
        for _ in range(fields):
            key = self.string()
            if key in values:
                raise ValueError(f"the field {key!r} stands twice")
            values[key] = self.value(self.take("I"), 0)
        lines = [(self.string(), self.shape(), self.take("I"), self.take("Q")) for _ in range(tensors)]
        align = values.get("general.alignment", 32)
        if type(align) is not int or align < 1 or align & (align - 1):
            raise ValueError(f"general.alignment must be a power of two, not {align!r}")
        base = -(-self.at // align) * align
        stored: dict[str, Stored] = {}
        for name, shape, code, offset in lines:
            if name in stored:
                raise ValueError(f"the tensor {name!r} stands twice")
            stored[name] = line = _stored(name, shape, code, base + offset)
            if line.start + line.size > len(self.data):
                raise ValueError(f"it is truncated: the tensor {name!r} ends at byte {line.start + line.size}")
        return values, stored

    def take(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{code}")
        return value

    def bytes(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise struct.error
        self.at += count
        return self.data[self.at - count : self.at]

    def string(self) -> str:
        return self.bytes(self.take("Q")).decode("utf-8", "surrogateescape")

    def shape(self) -> tuple[int, ...]:
        count = self.take("I")
        if count > _MOST_DIMENSIONS:
            raise ValueError(f"a tensor has {count} dimensions, and the format has at most {_MOST_DIMENSIONS}")
        return tuple(self.take("Q") for _ in range(count))[::-1]  # the file names the innermost first

    def value(self, kind: int, depth: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind in _SCALARS:
            return self.take(_SCALARS[kind])
        if kind != _ARRAY or depth == _DEEPEST:
            raise ValueError(
                f"a field has the type {kind}, which is none of GGUF's" if kind != _ARRAY else "it nests arrays"
            )
        kind, count = self.take("I"), self.take("Q")
        if kind in _SCALARS:
            return np.frombuffer(self.bytes(count * struct.calcsize(_SCALARS[kind])), f"<{_SCALARS[kind]}").tolist()
        return [self.value(kind, depth + 1) for _ in range(count)]


def _stored(name: str, shape: tuple[int, ...], code: int, start: int) -> Stored:
    if code not in TYPES:
        raise ValueError(
            f"the tensor {name!r} is of type {code}, and those read here are {', '.join(t for t, *_ in TYPES.values())}"
        )
    kind, weights, size = TYPES[code]
    inner = shape[-1] if shape else 1
    if inner % weights:
        raise ValueError(f"the rows of {name!r} ({inner}) must be a multiple of the block of {kind} ({weights})")
    return Stored(kind, shape, start, inner // weights * size)


def _dequantize(blocks: NDArray[np.uint8], kind: str) -> NDArray[np.float32]:
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    numbers: NDArray[np.float32] = dequantize(blocks, GGMLQuantizationType[kind])
    return numbers


def _cached(source: GGUF) -> Weights | None:
    """The dequantized tensors of ``source`` from the cache, written there first if need be. None if it cannot be."""
    plan = {n: (torch.float32, s.shape) for n, s in source._stored.items() if s.type not in PLAIN}
    size = sum(4 * math.prod(shape) for _, shape in plan.values())
    if size > KEPT_BYTES:
        return None
    source._file.seek(0)
    key = hashlib.file_digest(source._file, "sha256").hexdigest()
    folder = cache_folder() / "gguf"
    kept = folder / f"{key}.safetensors"
    found = _reopen(kept, plan)
    if found is not None:
        return found
    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=".writing-", delete=False) as file:
            temporary = Path(file.name)
        numbers = (torch.from_numpy(_dequantize(*source.quantized(name))) for name in plan)
        stream(temporary, plan, numbers, {"source": source.path.name, "sha256": key})
        temporary.replace(kept)
        _bound(folder, kept)
    except OSError as error:
        warnings.warn(f"{kept} cannot be written ({error}): {source.path} is dequantized on every load.", stacklevel=3)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return _reopen(kept, plan)


def _reopen(kept: Path, plan: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]) -> Weights | None:
    if not kept.is_file():
        return None
    try:
        found = Weights.open(kept)
    except CheckpointError:
        return None  # damaged: built again
    if {n: (found.dtype(n), found.shape(n)) for n in found.names()} != plan:
        found.close()
        return None
    with contextlib.suppress(OSError):
        os.utime(kept)  # the bound drops what was used longest ago
    return found


def _bound(folder: Path, kept: Path) -> None:
    def entries() -> Iterator[tuple[float, int, Path]]:
        for path in folder.glob("*.safetensors"):
            with contextlib.suppress(OSError):  # another process may bound the same folder
                yield path.stat().st_mtime, path.stat().st_size, path

    for left in folder.glob(".writing-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()
    room = KEPT_BYTES - kept.stat().st_size
    for _, size, path in sorted(entries(), reverse=True):
        if path != kept:
            room -= size
            if room < 0:
                with contextlib.suppress(OSError):  # in use, on Windows
                    path.unlink()
