"""Four ways to step downhill, each as short as its formula. They are used like PyTorch's, and equal them.

In the formulas g is the gradient of the loss at the present weights, α the learning rate ``lr``, t the number of the
step, counted from 1 for each parameter. Memories (v, m, s) start at 0 and have the shape of the weights. Products,
squares, roots and quotients of them are taken number by number.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor, nn


class Optimizer(ABC):
    """What every optimizer shares: it holds the weights, and moves each of them by ``move`` at every ``step``.

    Args:
        parameters: the tensors to change, such as ``model.parameters()``. One without a gradient is left alone.
        lr: the learning rate α, a positive number.

    Raises ``ValueError`` if there are no parameters or ``lr`` is not positive.
    """

    remembers: ClassVar[tuple[str, ...]] = ()
    """The names of what is kept from step to step for each parameter."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("parameters must hold at least one tensor, and are empty.")
        self.lr = _positive("lr", lr)
        self.memories: list[dict[str, Tensor]] = [
            {"t": torch.zeros((), dtype=torch.float64)} | {name: torch.zeros_like(p) for name in self.remembers}
            for p in self.parameters
        ]

    def zero_grad(self) -> None:
        """Forget the gradients of the last step; without this, new ones would be added to them."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient once."""
        for parameter, memory in zip(self.parameters, self.memories, strict=True):
            if parameter.grad is not None:
                memory["t"] += 1
                parameter.add_(self.move(parameter.grad, memory))

    @abstractmethod
    def move(self, g: Tensor, memory: dict[str, Tensor]) -> Tensor:
        """By how much to change a parameter with the gradient ``g``; ``memory`` is updated. All of one shape."""


class GradientDescent(Optimizer):
    """Gradient descent: ``w ← w − α g``. Source: Cauchy (1847). Taught in ``nn_intro``, section 5.3."""

    def move(self, g: Tensor, memory: dict[str, Tensor]) -> Tensor:
        """−α g."""
        return -self.lr * g


class Momentum(Optimizer):
    """Gradient descent with momentum: ``v ← β v + g``, ``w ← w − α v``.

    ``beta`` (β, from 0 up to but not including 1) is the share of the last step that is kept.

    Source: Polyak (1964), in the scaling of PyTorch's ``SGD(momentum=β)``. Taught in ``nn_intro``, section 5.5.
    """

    remembers = ("v",)

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, beta: float = 0.9) -> None:
        super().__init__(parameters, lr)
        self.beta = _within("beta", beta, 0.0, 1.0)

    def move(self, g: Tensor, memory: dict[str, Tensor]) -> Tensor:
        """−α v."""
        memory["v"] = self.beta * memory["v"] + g
        return -self.lr * memory["v"]


class RMSProp(Optimizer):
    """RMSProp: ``s ← β s + (1 − β) g²``, ``w ← w − α g / (√s + ε)``.

    ``beta`` (β, from 0 up to but not including 1) says how slowly the running mean s of g² forgets; ``eps`` (ε) keeps
    the quotient finite.

    Source: Tieleman and Hinton (2012). PyTorch's ``RMSprop`` calls β ``alpha``. Taught in ``nn_intro``, section 5.5.
    """

    remembers = ("s",)

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, beta: float = 0.9, eps: float = 1e-8) -> None:
        super().__init__(parameters, lr)
        self.beta, self.eps = _within("beta", beta, 0.0, 1.0), _positive("eps", eps)

    def move(self, g: Tensor, memory: dict[str, Tensor]) -> Tensor:
        """−α g / (√s + ε)."""
        memory["s"] = self.beta * memory["s"] + (1 - self.beta) * g**2
        return -self.lr * g / (memory["s"].sqrt() + self.eps)


class Adam(Optimizer):
    """Adam: momentum and RMSProp together, both corrected for having started at 0.

    ``m ← β₁ m + (1 − β₁) g``, ``s ← β₂ s + (1 − β₂) g²``, ``w ← w − α m̂ / (√ŝ + ε)`` with ``m̂ = m / (1 − β₁ᵗ)`` and
    ``ŝ = s / (1 − β₂ᵗ)``. ``betas`` are β₁ and β₂, each from 0 up to but not including 1.

    Source: Kingma and Ba (2015), algorithm 1, where s is called v. Taught in ``nn_intro``, section 5.5.
    """

    remembers = ("m", "s")

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr)
        if len(betas) != 2:
            raise ValueError(f"betas must be two numbers, not {betas!r}.")
        self.betas = tuple(_within(f"betas[{i}]", beta, 0.0, 1.0) for i, beta in enumerate(betas))
        self.eps = _positive("eps", eps)

    def move(self, g: Tensor, memory: dict[str, Tensor]) -> Tensor:
        """−α m̂ / (√ŝ + ε)."""
        beta1, beta2 = self.betas
        memory["m"] = beta1 * memory["m"] + (1 - beta1) * g
        memory["s"] = beta2 * memory["s"] + (1 - beta2) * g**2
        m_hat = memory["m"] / (1 - beta1 ** memory["t"])
        s_hat = memory["s"] / (1 - beta2 ** memory["t"])
        return -self.lr * m_hat / (s_hat.sqrt() + self.eps)


def _within(name: str, value: float, low: float, high: float) -> float:
    """``value``, if low ≤ value < high, or an error that says so."""
    if not low <= value < high:
        raise ValueError(f"{name} must be from {low:g} up to but not including {high:g}, not {value!r}.")
    return value


def _positive(name: str, value: float) -> float:
    """``value``, if it is above 0 and finite, or an error that says so."""
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a positive number, not {value!r}.")
    return value
