"""Whole documents, several to a row.

Legend: B rows, T tokens.
"""

from bisect import bisect_left, insort
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glassformer.train.data.chance import PACKING, Epochs, checked_seed, permutation
from glassformer.train.data.source import Series
from glassformer.train.data.tokens import Ints, Tokens


class Packed(Series):
    """Rows of ``context`` + 1 tokens that hold whole documents as far as they fit, each document once in an epoch.

    A document longer than a row is cut into pieces that share one token, so that each token but its first is predicted
    once. Pieces are placed from the longest to the shortest, each into the row where it leaves the least room. Which
    share a row is decided once; chance decides the order of the rows in every epoch.

    Args:
        tokens: what is packed, with its documents.
        context: how many tokens are predicted in a row at most.
        seed: of everything that chance decides.
        pad: the id where no token is.

    ``texts`` numbers the documents of each row from 1, with 0 where no token is; see ``followed``.
    Raises ``ValueError`` if ``context`` is less than 1, or no document has two tokens.
    Source: Ding et al. (2024), Fewer Truncations Improve Language Modeling.
    """

    def __init__(self, tokens: Tokens | Any, context: int, seed: int, pad: int = 0) -> None:
        self.tokens = tokens if isinstance(tokens, Tokens) else Tokens.of(tokens)
        self.context, self.seed, self.pad = context, checked_seed(seed), pad
        if context < 1:
            raise ValueError(f"context must be at least 1, not {context}.")
        starts, lengths = cut(self.tokens.documents, context)
        if lengths.max() < 2:
            raise ValueError("A document must have at least 2 tokens, one to read and one to predict, and none has.")
        order = permutation(self.seed, PACKING, len(starts))
        row = pack(lengths[order], context + 1)
        by_row = np.argsort(row, kind="stable")
        self._starts, self._lengths = starts[order][by_row], lengths[order][by_row]
        self.packed = int(row.max()) + 1
        """How many rows an epoch has."""
        self._begins = np.searchsorted(row[by_row], np.arange(self.packed + 1))
        self._epochs = Epochs(seed, self.packed)

    def check(self, batch: int) -> None:
        """Raises ``ValueError`` if the documents fill fewer rows than a batch has."""
        if self.packed < batch:
            raise ValueError(
                f"The documents fill {self.packed} rows of {self.context + 1} tokens, fewer than one batch of {batch}: "
                f"give more text, a smaller batch or a shorter context."
            )

    def take(self, first: int, count: int) -> Tensor:
        """Rows ``first`` to ``first + count − 1``, ``[count, context + 1]``."""
        return self.take_texts(first, count)[0]

    def take_texts(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """The same, and the number of each token's document in its row."""
        places = np.zeros((count, self.context + 1), np.int64)
        texts = np.zeros_like(places)
        for line, number in enumerate(self._epochs.take(first, count)[1].tolist()):
            end = 0
            for text, piece in enumerate(range(self._begins[number], self._begins[number + 1]), start=1):
                begin, end = end, end + int(self._lengths[piece])
                places[line, begin:end] = np.arange(self._starts[piece], self._starts[piece] + end - begin)
                texts[line, begin:end] = text
        ids = np.where(texts > 0, self.tokens.at(places), self.pad)
        return torch.from_numpy(ids), torch.from_numpy(texts)


def cut(documents: Ints, context: int) -> tuple[Ints, Ints]:
    """Where the pieces of the documents begin, and how many tokens each has: ``context`` + 1 at most."""
    sizes = np.diff(documents)
    number = np.maximum(1, -(-(sizes - 1) // context))
    document = np.repeat(np.arange(len(sizes)), number)
    inside = np.arange(len(document)) - np.repeat(np.cumsum(number) - number, number)
    starts = documents[document] + inside * context
    return starts, np.minimum(context + 1, documents[document + 1] - starts)


def pack(lengths: Ints, room: int) -> Ints:
    """The row of each piece, ``[pieces]``: the longest first, each into the row with the least room that is enough."""
    rows = np.empty(len(lengths), np.int64)
    open_rows: dict[int, list[int]] = {}  # the rows with a certain room
    rooms: list[int] = []  # sorted, each once
    made = 0
    for piece in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[piece])
        place = bisect_left(rooms, length)
        if place == len(rooms):
            row, left = made, room - length
            made += 1
        else:
            found = rooms[place]
            row, left = open_rows[found].pop(), found - length
            if not open_rows[found]:
                del open_rows[found], rooms[place]
        rows[piece] = row
        if left:
            if left not in open_rows:
                open_rows[left] = []
                insort(rooms, left)
            open_rows[left].append(row)
    return rows
