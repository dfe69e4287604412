"""Windows in order: every token is scored exactly once.

Legend: B rows, T tokens.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from glassformer.train.data.tokens import Tokens


class InOrder:
    """All windows onto ``tokens``, from the first to the last, for validation.

    Window w reads tokens from ``w · stride`` on and predicts up to ``context`` of them. With a stride below the context
    windows overlap, and a token is scored in the first window that predicts it: all of them but those of window 0 then
    have at least ``context − stride`` tokens before them. Only the very first token is never scored.

    Args:
        tokens: what to look at.
        context: how many tokens are predicted in a row.
        stride: how far the next window is; ``context`` if not given.

    ``len`` is the number of windows. Raises ``ValueError`` if there are fewer than 2 tokens, ``context`` is less than
    1, or ``stride`` is not from 1 to ``context``. Taught in ``transformers``, section 18.
    """

    def __init__(self, tokens: Tokens | Any, context: int, stride: int | None = None) -> None:
        self.tokens = tokens if isinstance(tokens, Tokens) else Tokens.of(tokens)
        self.context, self.stride = context, context if stride is None else stride
        if context < 1:
            raise ValueError(f"context must be at least 1, not {context}.")
        if not 1 <= self.stride <= context:
            raise ValueError(f"stride must be from 1 to context ({context}), not {stride}.")
        if len(self.tokens) < 2:
            raise ValueError(
                f"There must be at least 2 tokens, one to read and one to predict, not {len(self.tokens)}."
            )
        self._windows = 1 + max(0, -(-(len(self.tokens) - 1 - context) // self.stride))

    def __len__(self) -> int:
        return self._windows

    def rows(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Windows ``first`` to ``last − 1``: ids and which of them are scored here, both ``[B, context + 1]``.

        It is what ``causal.batch`` wants. Beyond the end of the tokens the ids are 0 and not scored.
        Raises ``ValueError`` if there are no such windows.
        """
        if not 0 <= first < last <= len(self):
            raise ValueError(f"first and last must be in order from 0 to {len(self)}, not {first} and {last}.")
        windows = np.arange(first, last)[:, None]
        slots = np.arange(self.context + 1)
        places = windows * self.stride + slots
        inside = places < len(self.tokens)
        new = slots > np.where(windows == 0, 0, self.context - self.stride)
        ids = np.where(inside, self.tokens.at(np.minimum(places, len(self.tokens) - 1)), 0)
        return torch.from_numpy(ids), torch.from_numpy(inside & new)
