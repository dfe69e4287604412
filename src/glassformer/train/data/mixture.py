"""Several sources, mixed by weight."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glassformer.train.data.chance import MIXTURES, checked_seed, shares
from glassformer.train.data.source import Series, Source, checked
from glassformer.train.data.tokens import Ints

STEPS = 4096


class Mixture(Source):
    """Every row of a batch comes from a source that chance picks with probability ``weight / Σ weights``.

    A source is asked for its rows one after the other, so its own order is kept: shuffled windows are all seen once
    before one is seen again. Rows that the source would give next are counted from the seed alone, not remembered.

    Args:
        sources: pairs of a source and its weight. All have one context.
        seed: of the picks.
        curriculum: ``curriculum(step) -> weights``, if they are to change with the step. It must be a function of the
            step alone.

    Raises ``ValueError`` if contexts differ, or weights are negative, infinite or all 0.
    Taught in ``transformers``, section 13.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Series, float]],
        seed: int,
        curriculum: Callable[[int], Sequence[float]] | None = None,
    ) -> None:
        if not sources:
            raise ValueError("sources must not be empty.")
        self.sources = [source for source, _ in sources]
        self.seed, self.curriculum = checked_seed(seed), curriculum
        contexts = sorted({source.context for source in self.sources})
        if len(contexts) > 1:
            raise ValueError(f"sources must have one context, not {contexts}.")
        self.context = contexts[0]
        self._limits = self._up_to([weight for _, weight in sources])
        self._counted: dict[int, tuple[int, Ints]] = {}

    def _up_to(self, weights: Sequence[float]) -> NDArray[np.float64]:
        """Source i is picked by a share from limit i − 1 to below limit i."""
        array = np.asarray(weights, float)
        if array.shape != (len(self.sources),) or not (np.isfinite(array) & (array >= 0)).all() or not array.any():
            raise ValueError(f"weights must be {len(self.sources)} numbers from 0, not all of them 0, not {weights}.")
        limits: NDArray[np.float64] = np.cumsum(array / array.max())  # so that large weights do not overflow
        limits /= limits[-1]  # the last is exactly 1
        return limits

    def picks(self, step: int, batch: int, steps: int = 1) -> Ints:
        """The number of the source of each row, from ``step`` on, ``[steps, batch]``."""
        found = shares(self.seed, MIXTURES, step * batch, steps * batch).reshape(steps, batch)
        if self.curriculum is None:
            return np.searchsorted(self._limits, found, side="right")
        limits = [self._up_to(self.curriculum(step + later)) for later in range(steps)]
        return np.stack([np.searchsorted(*pair, side="right") for pair in zip(limits, found, strict=True)])

    def before(self, step: int, batch: int) -> Ints:
        """How many rows each source has given before ``step``. What was counted last is kept, as a start."""
        known, counts = self._counted.get(batch, (0, np.zeros(len(self.sources), np.int64)))
        if known > step:
            known, counts = 0, np.zeros_like(counts)
        for first in range(known, step, STEPS):
            picks = self.picks(first, batch, min(STEPS, step - first))
            counts = counts + np.bincount(picks.ravel(), minlength=len(counts))
        self._counted = {batch: (step, counts)}
        return counts

    def rows(self, step: int, batch: int) -> Tensor:
        """The rows of a step: ids, ``[batch, context + 1]``."""
        return self._joined(step, batch, lambda source, first, count: (source.take(first, count),))[0]

    def texts(self, step: int, batch: int) -> tuple[Tensor, Tensor]:
        """The same, and the number of each token's document."""
        ids, texts = self._joined(step, batch, lambda source, first, count: source.take_texts(first, count))
        return ids, texts

    def _joined(self, step: int, batch: int, take: Callable[[Series, int, int], tuple[Tensor, ...]]) -> list[Tensor]:
        """What ``take`` gets from each source, in the places of its rows."""
        checked(step, batch)
        picks, before = self.picks(step, batch)[0], self.before(step, batch)
        order = torch.from_numpy(np.argsort(np.argsort(picks, kind="stable"), kind="stable"))
        counts = np.bincount(picks, minlength=len(before))
        found = [
            take(source, int(first), int(count))
            for source, first, count in zip(self.sources, before, counts, strict=True)
            if count
        ]
        return [torch.cat(tensors)[order] for tensors in zip(*found, strict=True)]
