"""The context: a model in the middle of a text. What it has read is kept in a state, so each token is read once.

Legend: B batch, T tokens, D d_model, V vocab.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from glassformer.parts.state import State
from glassformer.parts.step import Memory


class LanguageModel(Protocol):
    """What generation asks of a model. See ``glassformer.models``."""

    embed: nn.Embedding

    @property
    def context(self) -> int | None:
        """The longest text that the model is made for; ``None`` without a limit."""

    def hidden(self, *args: Any, **kwargs: Any) -> Tensor:
        """``hidden(ids, *, mask, state)``, and ``memory`` where there is an encoder: hidden states ``[B, T, D]``."""

    def logits(self, hidden: Tensor, /) -> Tensor:
        """What the head makes of hidden states, ``[B, T, V]``."""

    def new_state(self, batch: int, max_len: int) -> State:
        """Room for ``max_len`` tokens of ``batch`` texts."""


class Context:
    """A model, what it has read so far, and the memory it answers to.

    Args:
        model: the model.
        batch, room: how many rows, and how many tokens of each; room is taken once.
        memory: what the encoder made of the source, for an encoder-decoder.
        state: where an earlier text ended, to go on from there; a new one by default.
        step: stands in for the model when ``next`` reads a token, such as a compiled step:
            ``step(ids, state=state) -> logits [B, 1, V]``, with ``memory=`` if there is one.

    Taught in ``transformers``, section 10.
    """

    def __init__(
        self,
        model: LanguageModel,
        batch: int,
        room: int,
        *,
        memory: Memory | None = None,
        state: State | None = None,
        step: Callable[..., Tensor] | None = None,
    ) -> None:
        self.model, self.step = model, step
        self.state = model.new_state(batch, room) if state is None else state
        self.given: dict[str, Any] = {"state": self.state}
        if memory is not None:
            self.given["memory"] = memory

    def hidden(self, ids_BT: Tensor, mask_BT: Tensor | None = None) -> Tensor:
        """Read ``ids``: the hidden state of each, ``[B, T, D]``. ``mask`` is false at pads."""
        return self.model.hidden(ids_BT, mask=mask_BT, **self.given)

    def read(self, ids_BT: Tensor, mask_BT: Tensor | None = None, chunk: int | None = None) -> Tensor:
        """Read ``ids``, ``chunk`` at a time: the logits of the token that comes next, ``[B, V]``.

        The head runs for the last token only: at a vocabulary of 50,000 it costs more than several layers.
        """
        tokens = ids_BT.shape[1]
        for start in range(0, tokens, chunk or tokens):
            part = slice(start, start + (chunk or tokens))
            hidden_BTD = self.hidden(ids_BT[:, part], None if mask_BT is None else mask_BT[:, part])
        return self.model.logits(hidden_BTD[:, -1:])[:, 0]

    def next(self, ids_B: Tensor) -> Tensor:
        """Read one token of each row, ``ids`` ``[B]``: the logits of the token that comes next, ``[B, V]``."""
        if self.step is None:
            return self.read(ids_B[:, None])
        return self.step(ids_B[:, None], **self.given)[:, -1]

    def rewind(self, snapshot: tuple[int, list[Any]], ids_BT: Tensor) -> None:
        """Go back to having read exactly ``ids``, of which the first tokens are what ``snapshot`` had read.

        Keys and values stay where they were written, so moving the position back is enough. The hidden state of an SSM
        or RNN is one of a single moment: it goes back to the snapshot, and reads the rest again.
        """
        position, entries = snapshot
        tokens = ids_BT.shape[1]
        if all(entry is None for entry in entries):
            self.state.restore((tokens, entries))
            return
        self.state.restore(snapshot)
        if position < tokens:
            self.hidden(ids_BT[:, position:])


class Ends:
    """Which rows have met a stop token; from then on they are filled with ``pad``, by default the first stop token."""

    def __init__(self, batch: int, stop_ids: Sequence[int], pad: int | None, device: torch.device) -> None:
        self.stops = torch.tensor(list(stop_ids), dtype=torch.long, device=device)
        self.pad = pad if pad is not None else next(iter(stop_ids), 0)
        self.rows = torch.zeros(batch, dtype=torch.bool, device=device)

    def put(self, ids_B: Tensor) -> Tensor:
        """``ids`` with ``pad`` in the rows that ended before; notes the rows that end with it."""
        ids_B = ids_B.masked_fill(self.rows, self.pad)
        self.rows = self.rows | torch.isin(ids_B, self.stops)
        return ids_B

    @property
    def all(self) -> bool:
        """Whether every row has ended."""
        return bool(self.rows.all())
