"""The stack: layers one after another, each reading and writing the same stream.

Legend: B batch, T tokens, D d_model, N layers.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from glassformer.parts.step import Step


class Layer(nn.Module):
    """One layer: its sublayers in order, each named after what it does, such as ``attention`` and ``feedforward``.

    Args:
        sublayers: parts in their residual placement, such as ``PreNorm(RMSNorm(8), Attention(8, 2))``.

    Shapes: ``[B, T, D]`` in and out. Taught in ``transformers``, section 7.
    """

    def __init__(self, *sublayers: nn.Module) -> None:
        super().__init__()
        for sublayer in sublayers:
            self.add_module(str(sublayer.role), sublayer)

    def forward(self, x_BTD: Tensor, step: Step) -> Tensor:
        """Each sublayer after the other."""
        for sublayer in self.children():
            x_BTD = sublayer(x_BTD, step)
        return x_BTD


class Stack(nn.ModuleList):
    """N layers, one after another: ``x → layer₀ → … → layer_{N−1}``. Layer 3 is ``stack[3]``.

    Shapes: ``[B, T, D]`` in and out. Taught in ``transformers``, section 7.
    """

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, x_BTD: Tensor, step: Step) -> Tensor:
        """Through all layers."""
        for layer in self:
            x_BTD = layer(x_BTD, step)
        return x_BTD
