"""One neuron: a weighted sum, a bias, and a bend.

Legend: B batch, I inputs of the neuron.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def step(z: Tensor) -> Tensor:
    """The threshold of the perceptron: 1 where ``z`` ≥ 0, else 0. Any shape in, the same shape out.

    Its slope is 0 wherever it has one, so it cannot be trained by gradients.
    Source: Rosenblatt (1958). Taught in ``nn_intro``, section 3.
    """
    return (z >= 0).to(z.dtype)


def identity(z: Tensor) -> Tensor:
    """No bend at all: the weighted sum itself. Taught in ``nn_intro``, section 3."""
    return z


class Neuron(nn.Module):
    """One artificial neuron: ``y = f(x · w + b)``.

    Args:
        weights: one number for each input, shape ``[I]``.
        bias: the number that is added to the weighted sum.
        activation: the function f, applied to the weighted sum.

    Shapes: ``x`` is ``[..., I]``, the output ``[...]``: one number for each example.

    Raises ``ValueError`` if there are no weights, or if the last axis of ``x`` is not ``I``.

    Source: McCulloch and Pitts (1943); weights and the name perceptron, with f = ``step``: Rosenblatt (1958).
    Taught in ``nn_intro``, section 3.
    """

    def __init__(
        self,
        weights: Sequence[float] | Tensor,
        bias: float = 0.0,
        activation: Callable[[Tensor], Tensor] = torch.sigmoid,
    ) -> None:
        super().__init__()
        weight = torch.as_tensor(weights, dtype=torch.get_default_dtype())
        if weight.ndim != 1 or len(weight) == 0:
            raise ValueError(f"weights must be a list of at least one number, not of shape {list(weight.shape)}.")
        self.weight = nn.Parameter(weight.clone())
        self.bias = nn.Parameter(torch.tensor(float(bias)))
        self.activation = activation

    def weighted_sum(self, x: Tensor) -> Tensor:
        """z = x · w + b, the sum before the activation."""
        if x.shape[-1:] != self.weight.shape:
            raise ValueError(f"x must end in {len(self.weight)} inputs, but its shape is {list(x.shape)}.")
        return x @ self.weight + self.bias

    def forward(self, x: Tensor) -> Tensor:
        """f(x · w + b), the output."""
        return self.activation(self.weighted_sum(x))
