"""What every source of rows has in common.

Legend: B rows, T tokens.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Source(ABC):
    """Rows of tokens for every step of a run, each of ``context`` + 1 tokens: a function of the seed and the step.

    So where a run stands in its data is known from the step alone, and processes that share a batch need not speak to
    each other. A run keeps to one size of the batch.
    """

    context: int

    @abstractmethod
    def rows(self, step: int, batch: int) -> Tensor:
        """The rows of a step: ids, ``[batch, context + 1]``, int64.

        Raises ``ValueError`` if ``step`` or ``batch`` is out of range, or there is too little to fill a batch.
        """

    @abstractmethod
    def texts(self, step: int, batch: int) -> tuple[Tensor, Tensor]:
        """The same rows, and for each token the number of the document it belongs to; 0 where there is no token.

        The numbers are what ``Blocks`` needs, so that documents in one row do not see each other.
        """


class Series(Source):
    """A source whose rows are numbered from 0, without an end: row n is a function of the seed and n.

    Step s learns from rows ``s · batch`` to ``s · batch + batch − 1``.
    """

    @abstractmethod
    def take(self, first: int, count: int) -> Tensor:
        """Rows ``first`` to ``first + count − 1``: ids, ``[count, context + 1]``, int64."""

    @abstractmethod
    def take_texts(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """The same rows, and the number of each token's document."""

    @abstractmethod
    def check(self, batch: int) -> None:
        """Raises ``ValueError`` if there is too little to fill a batch of so many rows."""

    def rows(self, step: int, batch: int) -> Tensor:
        """The rows of a step, ``[batch, context + 1]``."""
        checked(step, batch)
        self.check(batch)
        return self.take(step * batch, batch)

    def texts(self, step: int, batch: int) -> tuple[Tensor, Tensor]:
        """The rows of a step and the number of each token's document, both ``[batch, context + 1]``."""
        checked(step, batch)
        self.check(batch)
        return self.take_texts(step * batch, batch)


def checked(step: int, batch: int) -> None:
    """Raises ``ValueError`` if there is no such step or batch."""
    if step < 0 or batch < 1:
        raise ValueError(f"step must be at least 0 and batch at least 1, not {step} and {batch}.")


def followed(texts_BT: Tensor) -> Tensor:
    """Which tokens can be predicted from the one before: those of the same document, ``[B, T]``; the first never.

    It is what ``causal.batch`` wants as ``real``: the last token of a document says nothing of the next document.
    """
    real_BT = torch.zeros_like(texts_BT, dtype=torch.bool)
    real_BT[:, 1:] = (texts_BT[:, 1:] == texts_BT[:, :-1]) & (texts_BT[:, 1:] > 0)
    return real_BT
