"""The step: what a layer may need to know about this call. It travels down the stack beside ``x``.

Legend: B batch, T queries, S keys, H heads.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from glassformer.parts.mask import Everything, Mask, Padding
from glassformer.parts.state import State


class Memory(NamedTuple):
    """What an encoder hands to a decoder: its hidden states ``[B, S, D]``, and which of them are real ``[B, S]`` (or
    None: all).
    """

    hidden: Tensor
    real: Tensor | None = None


class View(NamedTuple):
    """Who may see whom, resolved for one call: ``visible`` makes the tensor ``[B or 1, 1, T, S]``, once and only if
    asked.

    ``everything`` and ``causal`` say that no tensor is needed at all.
    """

    visible: Callable[[], Tensor]
    everything: bool
    causal: bool


class Step:
    """Everything about this call: masks, positions, rotation tables, score bias, memory and state.

    Args:
        batch, tokens: the size of this call, B and T.
        device: where the model is.
        mask: who may see whom among the tokens of the text.
        real: ``[B, T]``, true where a token of this call is real; ``None``: all are.
        state: the caller's state, or ``None`` for a call that stands alone.
        memory: what the encoder read, for cross-attention.

    Attributes:
        queries, keys: the slots of this call's tokens, ``[T]``, and of all tokens so far, ``[S]``.
        span, length: how many slots a layer looks at, and how many of them are filled.
        positions: where each token of this call stands in its text, ``[B or 1, T]``.
        bias: added to the scores of self-attention, ``[1, H, T, S]``; ``None`` for most models.

    Taught in ``transformers``, section 7.
    """

    def __init__(
        self,
        batch: int,
        tokens: int,
        device: torch.device,
        mask: Mask,
        real: Tensor | None = None,
        state: State | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.batch, self.tokens, self.device = batch, tokens, device
        self.real, self.state, self.memory = real, state, memory
        self.bias: Tensor | None = None
        self._once: dict[Hashable, Any] = {}
        self.queries = torch.arange(tokens, device=device)
        self.span = self.length = tokens
        self.whole = True  # whether the keys are just the text so far, without empty slots behind it
        known = real
        if state is not None:
            state.open(real, tokens)
            self.queries = self.queries + state.position
            self.length = state.length + tokens
            self.span = state.span or self.length
            self.whole = state.span is None
            known = state.real
        self.keys = torch.arange(self.span, device=device)
        self.mask = mask if known is None else mask & Padding(known)
        self.positions = self.mask.positions(self.queries)

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """``make()``, computed at the first asking and kept for this call."""
        if key not in self._once:
            self._once[key] = make()
        return self._once[key]

    def view(self, narrower: Mask) -> View:
        """Who may see whom in a layer that narrows the mask of this call, such as to a sliding window."""
        mask = self.mask & narrower
        alone = self.span == self.tokens  # nothing came before, so a plain causal mask is the square one
        newest = self.tokens == 1 and self.whole  # the last token of a text sees all of it
        return View(
            lambda: self.once(("visible", mask), lambda: self._visible(mask)),
            mask.everything or (mask.causal and newest),
            mask.causal and alone,
        )

    def _visible(self, mask: Mask) -> Tensor:
        visible = mask.visible(self.queries, self.keys)
        return visible[None, None] if visible.ndim == 2 else visible

    def memory_view(self) -> View:
        """Who may see whom in cross-attention: every query sees every real place of the memory."""
        assert self.memory is not None
        real = self.memory.real
        return View(lambda: real[:, None, None], real is None, False)  # type: ignore[index]

    def entry(self, module: nn.Module) -> Any:
        """What the caller's state keeps for ``module``, or ``None`` without a state."""
        if self.state is None:
            return None
        slot: Any = module.slot
        if not 0 <= slot < len(self.state.entries):
            raise ValueError("state must be made by this model (model.new_state), after its layers were replaced.")
        return self.state.entries[slot]

    @classmethod
    def alone(cls, x_BTD: Tensor, mask: Mask | None = None) -> "Step":
        """A step for using one part by itself: no state, no pads, and everything visible unless ``mask`` says
        otherwise.
        """
        return cls(x_BTD.shape[0], x_BTD.shape[1], x_BTD.device, mask or Everything())
