"""Rows that files hold in another order than our layers: interleaved pairs, q k v head by head, experts in a stack.

Legend: H heads, K d_k, D d_model, E experts, F d_ff.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glassformer.checkpoint.rules import How
from glassformer.parts.rotary import permute_half_to_interleaved, permute_interleaved_to_half


@dataclass(frozen=True)
class Permuted(How):
    """A q or k projection stored for interleaved rotation, as GGUF files of LLaMA do; ours turns the pairs
    ``(i, i + K/2)``.

    ``heads`` is the number of heads of this projection: H for q, kv_heads for k.
    """

    heads: int

    def load(self, stored: Tensor) -> Tensor:
        """The rows of each head with both halves of its pairs apart. Raises ``ValueError`` if ``heads`` does not
        divide the rows.
        """
        return permute_interleaved_to_half(stored, self.heads)

    def save(self, parameters: Sequence[Tensor]) -> Tensor:
        """The rows of each head with its pairs side by side."""
        return permute_half_to_interleaved(parameters[0], self.heads)


@dataclass(frozen=True)
class PerHead(How):
    """q, k and v in one tensor, head by head, as GPT-NeoX stores them: ``[H · 3 · K, …]``.

    ``index`` says which of the three this is.
    """

    index: int
    heads: int

    def load(self, stored: Tensor) -> Tensor:
        """Its K rows of every head, ``[H · K, …]``. Raises ``ValueError`` if the rows do not divide."""
        if len(stored) % (3 * self.heads):
            raise ValueError(f"axis 0 has {len(stored)} entries, which is no multiple of 3 · {self.heads} heads")
        rest = stored.shape[1:]
        return stored.reshape(self.heads, 3, -1, *rest)[:, self.index].reshape(-1, *rest)

    def save(self, parameters: Sequence[Tensor]) -> Tensor:
        """All three again, head by head."""
        rest = parameters[0].shape[1:]
        return torch.stack([p.reshape(self.heads, -1, *rest) for p in parameters], 1).reshape(-1, *rest)


@dataclass(frozen=True)
class OfExpert(How):
    """One matrix of one expert: stored by itself, or in a stack of all experts, ``[E, pieces · rows, columns]``.

    In a stack, expert ``expert`` holds ``pieces`` matrices one under another, and this is number ``piece``. Files have
    one matrix a name; a state dict of newer versions of the reference library has stacks. We write the former.
    """

    expert: int
    piece: int
    pieces: int

    def load(self, stored: Tensor) -> Tensor:
        """The matrix. Raises ``ValueError`` if a stack does not divide."""
        if stored.ndim == 2:
            return stored
        if stored.ndim != 3 or stored.shape[0] <= self.expert or stored.shape[1] % self.pieces:
            raise ValueError(f"it is no stack of at least {self.expert + 1} experts of {self.pieces} matrices each")
        return stored[self.expert].chunk(self.pieces)[self.piece]
