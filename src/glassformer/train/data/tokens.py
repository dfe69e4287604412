"""Tokens that may be too many for memory: they stay in files, and what is asked for is read."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tokens:
    """A long row of tokens, made of documents; or a stretch of one, which shares its memory.

    Args:
        shards: the ids, all shards but the last equally long. Arrays or memory maps.
        starts: where each document begins, and last where the last one ends.
        first: where the stretch begins.
        last: where it ends.
        digest: what the tokens are known by: equal digests, equal tokens.

    ``tokens[a:b]`` is a stretch, ``len(tokens)`` the number of tokens.
    """

    shards: tuple[NDArray[Any], ...]
    starts: Ints
    first: int
    last: int
    digest: str = ""

    @classmethod
    def of(cls, documents: Any) -> "Tokens":
        """From ids in memory: one row of them, or a list of documents. A tensor is one row.

        Raises ``ValueError`` if there are none, or they are not whole numbers from 0.
        """
        many = isinstance(documents, list | tuple) and len(documents) > 0 and np.ndim(documents[0]) > 0
        rows = [row for one in (documents if many else [documents]) if (row := np.asarray(one)).size]
        if not rows:
            raise ValueError("documents must not be empty: there are no tokens.")
        for row in rows:
            if row.ndim != 1 or row.dtype.kind not in "iu":
                raise ValueError(f"A document must be one row of whole numbers, not {row.dtype} of shape {row.shape}.")
            if row.min() < 0:
                raise ValueError(f"ids must be from 0, not {row.min()}.")
        starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls((np.concatenate(rows).astype(np.int64, copy=False),), starts, 0, int(starts[-1]))

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, stretch: slice) -> "Tokens":
        first, last, stride = stretch.indices(len(self))
        if stride != 1:
            raise ValueError(f"A stretch of tokens must have the stride 1, not {stride}.")
        digest = f"{self.digest}[{self.first + first}:{self.first + max(first, last)}]" if self.digest else ""
        return Tokens(self.shards, self.starts, self.first + first, self.first + max(first, last), digest)

    @cached_property
    def documents(self) -> Ints:
        """Where the documents begin, and last where the last one ends. A stretch may hold a part of one."""
        inside = slice(*np.searchsorted(self.starts, [self.first + 1, self.last]))
        return np.concatenate([[self.first], self.starts[inside], [self.last]]) - self.first

    def at(self, places: Ints) -> Ints:
        """The tokens at ``places``, an array of any shape."""
        places = places + self.first
        if len(self.shards) == 1:
            return self.shards[0][places].astype(np.int64)
        shard, inside = np.divmod(places, len(self.shards[0]))
        found = np.empty(places.shape, np.int64)
        for number in np.unique(shard):
            here = shard == number
            found[here] = self.shards[int(number)][inside[here]]
        return found

    def rows(self, starts: Ints, length: int) -> Ints:
        """``[B, length]``: as many tokens from each of the ``B`` places on.

        Raises ``ValueError`` if a row reaches beyond the tokens.
        """
        if len(starts) and not 0 <= starts.min() <= starts.max() <= len(self) - length:
            raise ValueError(f"A row of {length} must begin from 0 to {len(self) - length}, not {starts.tolist()}.")
        return self.at(starts[:, None] + np.arange(length))

    def texts(self, places: Ints) -> Ints:
        """The number of the document that each of ``places`` belongs to, from 1."""
        return np.searchsorted(self.documents, places, side="right")
