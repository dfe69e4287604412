"""Windows onto a long row of tokens.

Legend: B rows, T tokens.
"""

from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from glassformer.train.data.chance import SHIFTS, WINDOWS, Epochs, checked_seed, stream
from glassformer.train.data.source import Series
from glassformer.train.data.tokens import Ints, Tokens

Order = Literal["random", "shuffled"]


class Windows(Series):
    """Stretches of ``context`` + 1 tokens; documents are not heeded.

    - ``"random"``: each begins anywhere, with replacement, as in nanoGPT.
    - ``"shuffled"``: in each epoch the tokens are cut into windows that share only their border, so that each token is
      predicted once, and chance decides their order. Chance also decides where the first one begins, so that epochs
      see different windows; fewer than two contexts of tokens are left out at the ends.

    Args:
        tokens: what to look at.
        context: how many tokens are predicted in a row.
        seed: of everything that chance decides.
        order: see above.

    Raises ``ValueError`` if there are fewer tokens than one window.
    """

    def __init__(self, tokens: Tokens | Any, context: int, seed: int, order: Order = "random") -> None:
        self.tokens = tokens if isinstance(tokens, Tokens) else Tokens.of(tokens)
        self.context, self.seed, self.order = context, checked_seed(seed), order
        if order not in get_args(Order):
            raise ValueError(f"order must be 'random' or 'shuffled', not {order!r}.")
        if context < 1:
            raise ValueError(f"context must be at least 1, not {context}.")
        spare = len(self.tokens) - 1 - context
        if spare < 0:
            raise ValueError(
                f"There are {len(self.tokens):,} tokens, fewer than one window of {context + 1}: "
                f"give more text, or a shorter context."
            )
        self.windows = max(1, (spare + 1) // context)
        """How many windows an epoch of the shuffled order has."""
        self._room = min(context, len(self.tokens) - self.windows * context)
        self._epochs = Epochs(seed, self.windows)

    def check(self, batch: int) -> None:
        """Raises ``ValueError`` if there are fewer tokens than a batch of so many windows has."""
        if len(self.tokens) <= batch * self.context:
            raise ValueError(
                f"There are {len(self.tokens):,} tokens, fewer than one batch of "
                f"{batch} × {self.context} and one: give more text, a smaller batch or a shorter context."
            )

    def starts(self, first: int, count: int) -> Ints:
        """Where windows ``first`` to ``first + count − 1`` begin, ``[count]``."""
        if self.order == "random":  # the last places are favored, by less than one in 2²⁰
            raw = stream(self.seed, WINDOWS, first, count)
            return (raw % np.uint64(len(self.tokens) - self.context)).astype(np.int64)
        epochs, numbers = self._epochs.take(first, count)
        return numbers * self.context + self._shifts(epochs)

    def _shifts(self, epochs: Ints) -> Ints:
        """Where the first window of each of ``epochs``, which follow one another, begins."""
        first, last = (int(epochs[0]), int(epochs[-1])) if len(epochs) else (0, 0)
        drawn = stream(self.seed, SHIFTS, first, last + 1 - first) % np.uint64(self._room)
        return drawn.astype(np.int64)[epochs - first]

    def take(self, first: int, count: int) -> Tensor:
        """Windows ``first`` to ``first + count − 1``, ``[count, context + 1]``."""
        return torch.from_numpy(self.tokens.rows(self.starts(first, count), self.context + 1))

    def take_texts(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """The same, and the number of each token's document."""
        places = self.starts(first, count)[:, None] + np.arange(self.context + 1)
        return torch.from_numpy(self.tokens.at(places)), torch.from_numpy(self.tokens.texts(places))
