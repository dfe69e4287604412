"""Masks: who may see whom. A mask is a value; two are joined by ``&``.

Queries and keys are named by their *slots*: 0, 1, 2, … in the order in which tokens came, pads included.
Legend: B batch, T queries, S keys.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


class Mask:
    """What a query may see. Every kind has ``visible``; ``everything`` and ``causal`` say when no tensor is needed.

    Taught in ``transformers``, section 9.
    """

    everything = False
    causal = False
    places = 0  # above 0 if ``positions`` are other than the slots; of two that are joined the higher one counts
    ordered = False  # whether it says what a decoder's token may see of later ones
    whole = False  # whether it holds for a whole text only, read in one call

    def visible(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """True where the query at a slot may see the key at a slot; broadcasts to ``[B, 1, T, S]``."""
        raise NotImplementedError

    def __and__(self, other: "Mask") -> "Mask":
        """Both must allow it."""
        if self.everything or self == other:
            return other
        return self if other.everything else Both(self, other)

    def positions(self, slots_T: Tensor) -> Tensor:
        """Where each token stands in its text, ``[B or 1, T]``: its slot, unless the mask knows better."""
        return slots_T[None]


@dataclass(frozen=True)
class Everything(Mask):
    """Every query sees every key: an encoder without pads."""

    everything = True
    ordered = True

    def visible(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """True everywhere."""
        return torch.ones(len(queries_T), len(keys_S), dtype=torch.bool, device=keys_S.device)


@dataclass(frozen=True)
class Causal(Mask):
    """A query sees its own key and earlier ones: ``key ≤ query``. Nothing comes from the future."""

    causal = True
    ordered = True

    def visible(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """True where ``key ≤ query``."""
        return keys_S <= queries_T[:, None]


@dataclass(frozen=True)
class Window(Mask):
    """A query sees keys that are fewer than ``width`` slots away: ``|query − key| < width``.

    Joined with ``Causal()`` it is Mistral's sliding window: the token itself and the ``width`` − 1 before it.
    Source: Beltagy, Peters and Cohan (2020), section 3.1.
    """

    width: int

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width must be at least 1, so that a token sees itself, not {self.width}.")

    def visible(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """True where the distance is below the width."""
        return (queries_T[:, None] - keys_S).abs() < self.width


@dataclass(frozen=True, eq=False)
class Padding(Mask):
    """Nobody sees a pad. ``real`` is ``[B, S]``, true where a slot holds a real token.

    Positions count real tokens only, so that pads on the left change nothing.
    """

    real: Tensor
    places = 1
    whole = True

    def visible(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """True where the key is real, ``[B, 1, 1, S]``."""
        return self.real[:, None, None, : len(keys_S)]

    def positions(self, slots_T: Tensor) -> Tensor:
        """How many real tokens stand before each token; 0 at pads on the left."""
        return (self.real.cumsum(1) - 1).clamp(min=0)[:, slots_T]


@dataclass(frozen=True, eq=False)
class Blocks(Mask):
    """Several texts packed into one row, none of which sees another. ``text`` is ``[B, S]``: the text's number at each
    slot.

    Positions start again at 0 with every text.
    """

    text: Tensor
    places = 2
    whole = True

    def visible(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """True where both belong to one text, ``[B, 1, T, S]``."""
        return (self.text[:, queries_T, None] == self.text[:, None, keys_S])[:, None]

    def positions(self, slots_T: Tensor) -> Tensor:
        """The distance to the first token of the same text."""
        slots = torch.arange(self.text.shape[1], device=self.text.device)
        begins = torch.ones_like(self.text, dtype=torch.bool)
        begins[:, 1:] = self.text[:, 1:] != self.text[:, :-1]
        return (slots - torch.where(begins, slots, 0).cummax(1).values)[:, slots_T]


@dataclass(frozen=True, eq=False)
class Prefix(Mask):
    """A prefix LM: the first ``lengths[b]`` slots, pads included, see each other both ways, the rest is causal.
    ``lengths`` is ``[B]``.

    Source: Raffel et al. (2020), section 3.2.1.
    """

    lengths: Tensor
    ordered = True
    whole = True

    def visible(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """True where ``key ≤ query`` or the key lies in the prefix, ``[B, 1, T, S]``."""
        return (keys_S <= queries_T[:, None]) | (keys_S < self.lengths[:, None, None, None])


@dataclass(frozen=True)
class Both(Mask):
    """Two masks joined by ``&``."""

    first: Mask
    second: Mask

    @property
    def places(self) -> int:  # type: ignore[override]
        """That of the one that knows better where a token stands."""
        return max(self.first.places, self.second.places)

    @property
    def ordered(self) -> bool:  # type: ignore[override]
        """Whether one of them is."""
        return self.first.ordered or self.second.ordered

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Whether one of them is."""
        return self.first.whole or self.second.whole

    def visible(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """True where both allow it."""
        return self.first.visible(queries_T, keys_S) & self.second.visible(queries_T, keys_S)

    def positions(self, slots_T: Tensor) -> Tensor:
        """Those of the one that knows better: of ``Blocks``, then of ``Padding``."""
        return max(self.first, self.second, key=lambda mask: mask.places).positions(slots_T)
