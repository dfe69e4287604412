"""State: what a model keeps between calls, so that a token is computed once. It belongs to the caller.

Legend: B batch, S slots (max_len), H heads, K d_k.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Entry(Protocol):
    """What one stateful module keeps: keys and values, or the hidden state of an SSM or RNN."""

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes what row ``rows[i]`` was: a beam goes on from another beam."""

    def snapshot(self, position: int) -> Any:
        """Enough to come back to this moment, at which ``position`` slots are filled."""

    def restore(self, snapshot: Any) -> None:
        """Come back to the moment of ``snapshot``."""


class KeyValues:
    """The keys and values of one attention layer: the KV cache. Room for ``max_len`` slots is taken once.

    Memory: ``2 · B · H · max_len · K`` numbers. A slot beyond the position holds leftovers that no mask lets through,
    so coming back to an earlier moment costs nothing. Taught in ``transformers``, section 10.
    """

    def __init__(
        self, batch: int, heads: int, max_len: int, d_k: int, device: torch.device, dtype: torch.dtype, d_v: int = 0
    ) -> None:
        self.k = torch.zeros(batch, heads, max_len, d_k, device=device, dtype=dtype)
        self.v = torch.zeros(batch, heads, max_len, d_v or d_k, device=device, dtype=dtype)

    def extend(self, k_BHTK: Tensor, v_BHTK: Tensor, slots_T: Tensor, span: int) -> tuple[Tensor, Tensor]:
        """Write this call's keys and values into their slots; return the first ``span`` slots of both."""
        self.k.index_copy_(2, slots_T, k_BHTK)
        self.v.index_copy_(2, slots_T, v_BHTK)
        return self.k[:, :, :span], self.v[:, :, :span]

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes what row ``rows[i]`` was."""
        self.k.copy_(self.k[rows])
        self.v.copy_(self.v[rows])

    def snapshot(self, position: int) -> None:
        """Nothing: what was written before the position stays there."""

    def restore(self, snapshot: None) -> None:
        """Nothing: later slots are written anew before anybody sees them."""


class Projected:
    """The keys and values of the memory, which a cross-attention layer projects once. Empty until the first call."""

    def __init__(self) -> None:
        self.kv: tuple[Tensor, Tensor] | None = None
        self.source: Tensor | None = None  # the memory that they were made of; another one is projected anew

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes what row ``rows[i]`` was."""
        if self.kv is not None:
            self.kv = self.kv[0][rows], self.kv[1][rows]

    def snapshot(self, position: int) -> None:
        """Nothing: the memory does not change."""

    def restore(self, snapshot: None) -> None:
        """Nothing: the memory does not change."""


def _check_pads(real_BS: Tensor) -> None:
    """Raises ``ValueError`` if a row has a pad between real tokens: windows and score biases count slots."""
    ended = (real_BS[:, :-1] & ~real_BS[:, 1:]).cumsum(1) > 0
    if bool((ended & real_BS[:, 1:]).any()):
        row = int((ended & real_BS[:, 1:]).any(1).nonzero()[0])
        raise ValueError(f"mask must have no pad between the real tokens of a text, but row {row} has one.")


class State:
    """One entry for every stateful module of a model, and how far the text has come.

    Attributes:
        position: the number of slots that are filled, as a tensor, so that a compiled step serves every position.
        length: the same as a plain number.
        span: how many slots a call looks at; ``None`` means those that are filled. A compiled step fixes it.
        real: ``[B, max_len]``, true where a slot holds a real token; ``None`` while no call had pads.

    Raises ``ValueError`` when a call does not fit into ``max_len``.
    Taught in ``transformers``, section 10.
    """

    def __init__(self, entries: Sequence[Entry], batch: int, max_len: int, device: torch.device) -> None:
        self.entries = list(entries)
        self.batch, self.max_len = batch, max_len
        self.position = torch.zeros((), dtype=torch.long, device=device)
        self.length = 0
        self.span: int | None = None
        self.real: Tensor | None = None

    def open(self, real_BT: Tensor | None, tokens: int) -> None:
        """Note which of the coming ``tokens`` are real. Raises ``ValueError`` when there is no room for them."""
        if self.length + tokens > self.max_len:
            raise ValueError(
                f"max_len ({self.max_len}) must hold every token of the text: "
                f"{self.length} are there and {tokens} more came."
            )
        if real_BT is not None and self.real is None:
            self.real = torch.ones(self.batch, self.max_len, dtype=torch.bool, device=self.position.device)
        if real_BT is not None and self.real is not None and not torch.compiler.is_compiling():
            _check_pads(torch.cat((self.real[:, : self.length], real_BT), 1))
        if self.real is not None:
            slots = self.position + torch.arange(tokens, device=self.position.device)
            self.real[:, slots] = True if real_BT is None else real_BT

    def close(self, tokens: int) -> None:
        """The call is done: its tokens are part of the text."""
        self.position += tokens
        self.length += tokens

    def reorder(self, rows: Tensor) -> None:
        """Row i goes on from what row ``rows[i]`` was, in every entry."""
        for entry in self.entries:
            entry.reorder(rows)
        if self.real is not None:
            self.real = self.real[rows]

    def snapshot(self) -> tuple[int, list[Any]]:
        """This moment, to come back to. Keys and values need no copy; the state of an SSM or RNN is copied."""
        return self.length, [entry.snapshot(self.length) for entry in self.entries]

    def restore(self, snapshot: tuple[int, list[Any]]) -> None:
        """Come back to the moment of ``snapshot``: what came later is forgotten."""
        self.length, entries = snapshot
        self.position.fill_(self.length)
        for entry, kept in zip(self.entries, entries, strict=True):
            entry.restore(kept)


def new_state(
    model: nn.Module, batch: int, max_len: int, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> State:
    """An empty ``State`` for ``model``: each module with a ``new_entry`` gets one entry, and its number in ``slot``.

    Args:
        batch: the number of rows.
        max_len: the number of tokens, prompt and answer together, for which room is taken.
        device, dtype: those of the model's first parameter by default.

    Raises ``ValueError`` if ``batch`` or ``max_len`` is below 1. Taught in ``transformers``, section 10.
    """
    if batch < 1 or max_len < 1:
        raise ValueError(f"batch ({batch}) and max_len ({max_len}) must be at least 1.")
    first = next(model.parameters())
    device, dtype = device or first.device, dtype or first.dtype
    stateful: list[Any] = [module for module in model.modules() if hasattr(module, "new_entry")]
    for slot, module in enumerate(stateful):
        module.slot = slot
    return State([m.new_entry(batch, max_len, device, dtype) for m in stateful], batch, max_len, device)
