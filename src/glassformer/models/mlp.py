"""The multi-layer perceptron: layers of neurons, each bent by an activation, the last one left straight.

Legend: B batch, D_i width of layer i.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """A multi-layer perceptron: ``h₀ = x``, ``hᵢ = f(hᵢ₋₁ Wᵢ + bᵢ)``, and ``logits = h W + b`` at the end.

    Args:
        sizes: the width of every layer, inputs first and outputs last, such as ``[3, 2, 1]``.
        activation: the function f between the layers.

    Shapes: ``x`` is ``[..., sizes[0]]``, the output ``[..., sizes[-1]]``. ``nn.Linear`` keeps each weight as
    ``[d_out, d_in]``, the transpose of the W above.

    It has ``Σ (sizes[i] · sizes[i+1] + sizes[i+1])`` parameters. Initialization is that of ``nn.Linear``:
    weights and biases uniform within ±1/√d_in. There is no dropout.

    Raises ``ValueError`` if there are fewer than two sizes or one is not positive.

    Taught in ``nn_intro``, section 4, and in ``mlp_intro``.
    """

    def __init__(self, sizes: Sequence[int], activation: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"sizes must be at least two positive widths, not {list(sizes)}.")
        self.layers = nn.ModuleList(nn.Linear(d_in, d_out) for d_in, d_out in pairwise(sizes))
        self.activation = activation

    def hidden(self, x: Tensor) -> Tensor:
        """The values of the last hidden layer, ``[..., sizes[-2]]``; with no hidden layer, ``x`` itself."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return x

    def forward(self, x: Tensor) -> Tensor:
        """The outputs before any softmax or sigmoid, called logits."""
        logits: Tensor = self.layers[-1](self.hidden(x))
        return logits
