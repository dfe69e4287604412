"""A running average of the weights: smoother than the last step's, and often better."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of a model's parameters: ``a ← β a + (1 − β) w`` after every step.

    The first update takes the weights as they are. Averages are kept in float32 at least: in 16 bits a change of
    ``1 − β`` would be lost to rounding. Tied weights are kept once; buffers are not averaged.

    Args:
        model: whose parameters to average. It is not changed but in ``applied``.
        decay: β, from 0 up to but not including 1. The average looks back over about ``1 / (1 − β)`` steps.

    Raises ``ValueError`` if ``decay`` lies outside.

    Source: Polyak and Juditsky (1992); in this form Tarvainen and Valpola (2017), section 2.
    Taught in ``transformers``, section 15.
    """

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be from 0 up to but not including 1, not {decay!r}.")
        self.model, self.decay, self.updates = model, decay, 0
        self.weights = {name: _wide(parameter).clone() for name, parameter in model.named_parameters()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights of the model as they are now."""
        weights, now = list(self.weights.values()), [_wide(each) for each in self.model.parameters()]
        torch._foreach_lerp_(weights, now, 1 - self.decay if self.updates else 1.0)
        self.updates += 1

    @contextmanager
    def applied(self) -> Iterator[nn.Module]:
        """Within the block the model has the averaged weights; afterwards, whatever happens, its own, to the bit."""
        own = [parameter.detach().clone() for parameter in self.model.parameters()]
        try:
            self._put(list(self.weights.values()))
            yield self.model
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, weights: list[Tensor]) -> None:
        for parameter, weight in zip(self.model.parameters(), weights, strict=True):
            parameter.copy_(weight)

    def state_dict(self) -> dict[str, Any]:
        """The number of updates, and the averages by the names of the parameters."""
        return {"updates": self.updates, "weights": dict(self.weights)}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state_dict`` gave. Raises ``ValueError`` if it is that of another model."""
        shapes = {name: tuple(weight.shape) for name, weight in self.weights.items()}
        others = {name: tuple(weight.shape) for name, weight in state["weights"].items()}
        if shapes != others:
            first = next(name for name in [*shapes, *others] if shapes.get(name) != others.get(name))
            here, there = shapes.get(first, "none"), others.get(first, "none")
            raise ValueError(f"state must be of this model: the shape of {first} is {here} here and {there} there.")
        self.updates = int(state["updates"])
        for name, weight in self.weights.items():
            weight.copy_(state["weights"][name])


def _wide(parameter: Tensor) -> Tensor:
    """The numbers of a parameter in float32 at least."""
    return parameter.detach().to(torch.promote_types(parameter.dtype, torch.float32))
