"""Chance without a state: random numbers as a function of a seed and a place.

The generator is Philox, which numbers its outputs: any of them can be computed without those before it.
Source: Salmon, Moraes, Dror and Shaw (2011).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

WINDOWS: Final = 0  # what chance is asked for; each is a stream of its own
SHIFTS: Final = 1
MIXTURES: Final = 2
PACKING: Final = 3
SPLITS: Final = 4
EPOCHS: Final = 1 << 32  # and further streams, one for each epoch

BLOCK: Final = 4  # outputs come in fours


def stream(seed: int, purpose: int, first: int, count: int) -> NDArray[np.uint64]:
    """Outputs ``first`` to ``first + count − 1`` of a stream, 64 random bits each. Equal arguments, equal outputs."""
    skip = first % BLOCK
    counter = (first // BLOCK, 0, 0, 0)
    raw: NDArray[np.uint64] = np.random.Philox(key=(seed, purpose), counter=counter).random_raw(skip + count)
    return raw[skip:]


def shares(seed: int, purpose: int, first: int, count: int) -> NDArray[np.float64]:
    """The same as numbers from 0 to below 1, of 53 bits each."""
    return (stream(seed, purpose, first, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permutation(seed: int, purpose: int, count: int) -> NDArray[np.int64]:
    """The numbers 0 to ``count − 1`` in an order that chance decides."""
    return np.argsort(stream(seed, purpose, 0, count), kind="stable")


class Epochs:
    """The numbers 0 to ``count − 1`` over and over, each time in another order: an endless series.

    The orders of the last two epochs are kept, because to draw one takes a while.
    """

    def __init__(self, seed: int, count: int) -> None:
        self.seed, self.count = seed, count
        self._orders: dict[int, NDArray[np.int64]] = {}

    def take(self, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places ``first`` to ``first + count − 1`` of the series: in which epoch each is, and its number."""
        epochs, places = np.divmod(np.arange(first, first + count), self.count)
        for epoch in np.unique(epochs).tolist():
            here = epochs == epoch
            places[here] = self._order(epoch)[places[here]]
        return epochs, places

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            self._orders = dict([*self._orders.items()][-1:]) | {
                epoch: permutation(self.seed, EPOCHS + epoch, self.count)
            }
        return self._orders[epoch]


def checked_seed(seed: int) -> int:
    """``seed``, if it is from 0 to 2⁶³ − 1. Raises ``ValueError`` otherwise."""
    if not 0 <= seed < 1 << 63:
        raise ValueError(f"seed must be from 0 to 2**63 - 1, not {seed}.")
    return seed
