"""Tokens on disk: written whole or not at all, opened as memory maps.

A folder holds ``tokens-00000.bin``, ``tokens-00001.bin`` and so on (ids of 2 or 4 bytes), ``documents.bin`` (where each
document begins, and last where the last one ends; 8 bytes each) and ``meta.json``. Numbers are little-endian.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from glassformer.train.data.tokens import Tokens

VERSION: Final = 1
META: Final = "meta.json"
DOCUMENTS: Final = "documents.bin"
EMPTY: Final = "The texts hold no tokens."


def dtype_for(vocab: int) -> np.dtype[Any]:
    """How an id is written: in 2 bytes where all ids of the vocabulary fit, otherwise in 4."""
    return np.dtype("<u2" if vocab <= 1 << 16 else "<u4")


class Digest:
    """What tokens are known by: a hash of the ids and of where documents begin, as they are written."""

    def __init__(self) -> None:
        self.ids, self.starts = hashlib.sha256(), hashlib.sha256()

    def __str__(self) -> str:
        return hashlib.sha256(self.ids.digest() + self.starts.digest()).hexdigest()


def shard_name(number: int) -> str:
    """How the file of a shard is called."""
    return f"tokens-{number:05}.bin"


class Writer:
    """Writes tokens to a folder that comes into being when all is there.

    ``with Writer(folder, vocab) as writer:``, then ``add`` and ``end`` for each document. At the end of the block the
    folder is moved into place; an exception, Ctrl-C among them, leaves nothing behind. The folder ``folder.part``
    beside it is where it is written: one process at a time may.

    Args:
        folder: what to write; one that is there is replaced.
        vocab: ids are below it. Up to 65,536 they take 2 bytes, then 4.
        shard: how many tokens a file holds.
        about: what else ``meta.json`` is to say.

    Raises ``ValueError`` if ``shard`` is less than 1.
    """

    def __init__(self, folder: Path, vocab: int, shard: int = 1 << 27, about: Mapping[str, Any] | None = None) -> None:
        if shard < 1:
            raise ValueError(f"shard must be at least 1, not {shard}.")
        self._folder, self._part = folder, folder.with_name(folder.name + ".part")
        self._vocab, self._shard, self._about = vocab, shard, dict(about or {})
        self._tokens = self._files = self._documents = self._begun = 0
        self._dtype, self._digest = dtype_for(vocab), Digest()
        self._file: BinaryIO | None = None

    def __enter__(self) -> "Writer":
        shutil.rmtree(self._part, ignore_errors=True)  # of a process that was killed
        self._part.mkdir(parents=True)
        self._starts = (self._part / DOCUMENTS).open("wb")
        return self

    def add(self, ids: Sequence[int]) -> None:
        """Go on with a document. Raises ``ValueError`` if an id is outside the vocabulary."""
        array = np.asarray(ids, dtype=np.int64)
        if array.size and not 0 <= array.min() <= array.max() < self._vocab:
            raise ValueError(f"ids must be from 0 to {self._vocab - 1}, not from {array.min()} to {array.max()}.")
        data = array.astype(self._dtype)
        self._digest.ids.update(data.data)
        while len(data):
            room = self._shard - self._tokens % self._shard
            file = self._next() if room == self._shard or self._file is None else self._file
            file.write(data[:room].data)
            self._tokens += len(data[:room])
            data = data[room:]

    def end(self) -> None:
        """The document is over. One without a token is none."""
        if self._tokens > self._begun:
            self._mark(self._begun)
            self._documents, self._begun = self._documents + 1, self._tokens

    def _mark(self, place: int) -> None:
        data = place.to_bytes(8, "little")
        self._starts.write(data)
        self._digest.starts.update(data)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            for file in (self._file, self._starts):
                if file is not None:
                    with suppress(OSError):  # a full disk cannot take what is waiting either
                        file.close()
            shutil.rmtree(self._part, ignore_errors=True)

    def _next(self) -> BinaryIO:
        if self._file is not None:
            _close(self._file)
        self._file = (self._part / shard_name(self._files)).open("wb")
        self._files += 1
        return self._file

    def _finish(self) -> None:
        self.end()
        if self._file is None:
            raise ValueError(EMPTY)
        self._mark(self._tokens)
        _close(self._file)
        _close(self._starts)
        counts = {"tokens": self._tokens, "documents": self._documents, "shard": self._shard, "vocab": self._vocab}
        meta = {"version": VERSION, "dtype": self._dtype.str, **counts, "sha256": str(self._digest)}
        with (self._part / META).open("wb") as file:
            file.write(json.dumps(self._about | meta, indent=2).encode() + b"\n")
            _close(file)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._part.replace(self._folder)


def _close(file: BinaryIO) -> None:
    """Close it when its content is on the disk, so that a folder never comes into being before what it holds."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


def open_tokens(folder: str | Path) -> Tokens:
    """The tokens in a folder that ``Writer`` wrote, as memory maps.

    Raises ``FileNotFoundError`` if there are none, ``ValueError`` if the folder is damaged or of another version.
    """
    folder = Path(folder)
    if not (folder / META).is_file():
        raise FileNotFoundError(f"{folder} holds no tokens: it has no {META}.")
    try:
        meta = json.loads((folder / META).read_text("utf-8"))
        if meta["version"] != VERSION:
            raise ValueError(f"{folder} is of version {meta['version']}; {VERSION} is read here.")
        dtype, tokens, shard, documents = (meta[name] for name in ("dtype", "tokens", "shard", "documents"))
        sizes = [min(shard, tokens - first) for first in range(0, tokens, shard)]
        shards = tuple(_map(folder / shard_name(number), dtype, size) for number, size in enumerate(sizes))
        return Tokens(shards, _map(folder / DOCUMENTS, "<i8", documents + 1), 0, tokens, str(meta["sha256"]))
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{folder / META} is damaged ({error!r}).") from None


def _map(path: Path, dtype: str, size: int) -> np.ndarray[Any, Any]:
    wanted = size * np.dtype(dtype).itemsize
    have = path.stat().st_size if path.is_file() else 0
    if have != wanted:
        raise ValueError(f"{path} is damaged: it has {have} bytes instead of {wanted}.")
    return np.asarray(np.memmap(path, dtype, "r", shape=(size,)))
