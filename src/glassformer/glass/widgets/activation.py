"""Activation functions side by side: the value, the slope, and where so little slope is left that learning stalls.

Sigmoid, tanh, ReLU, leaky ReLU with 0.01, GELU by the error function, and SiLU, for z from −6 to 6. Taught in
``mlp_intro``, section 9.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final

import torch
import traitlets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional

from glassformer.glass.style import FAINT, INK, PAPER, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure, one_of

FUNCTIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": functional.relu,
    "leaky ReLU": lambda z: functional.leaky_relu(z, 0.01),
    "GELU": functional.gelu,
    "SiLU": functional.silu,
}
END: Final = 6.0
FLAT: Final = 0.05
"""A slope nearer to 0 than this counts as flat."""


class Activation(InteractiveFigure):
    """One activation ``function`` and its slope, with the same point ``z`` from −6 to 6 on both curves.

    Where the slope is between −0.05 and 0.05 both are shaded. At its corner a function's slope is PyTorch's: 0 for
    ReLU, 0.01 for leaky ReLU. Raises ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "activation"
    alt: ClassVar[str] = (
        "Two curves over z: an activation function with its tangent at one point, and the function's slope with the "
        "same point; shaded where the slope is nearly 0."
    )

    function = traitlets.Unicode("tanh").tag(sync=True)
    z = traitlets.Float(2.0).tag(sync=True)

    @traitlets.validate("function")
    def _check_function(self, proposal: Any) -> str:
        return one_of("function", proposal.value, FUNCTIONS)

    @traitlets.validate("z")
    def _check_z(self, proposal: Any) -> float:
        if not -END <= proposal.value <= END:
            raise traitlets.TraitError(f"z must be from −6 to 6, not {proposal.value!r}.")
        return float(proposal.value)

    def at(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The values and the slopes of the function at every ``z``, the slopes by autograd."""
        z = z.detach().double().requires_grad_()
        value = FUNCTIONS[self.function](z)
        (slope,) = torch.autograd.grad(value.sum(), z)
        return value.detach(), slope

    def still(self) -> str:
        """The function and its slope with the point z, as SVG with the page's colors."""
        with rc_context():
            use_style()
            figure = Figure(figsize=(7.2, 3.4))
            left, right = figure.subplots(1, 2)
            grid = torch.linspace(-END, END, 481, dtype=torch.float64)
            now = torch.tensor([self.z], dtype=torch.float64)
            for ax, curve, point, color in zip((left, right), self.at(grid), self.at(now), SERIES, strict=False):
                self._draw(ax, grid, curve, float(point), color)
            value, slope = (float(part) for part in self.at(now))
            left.axline((self.z, value), slope=slope, color=INK, linewidth=1.2, linestyle="dashed")
            left.set(ylim=(-1.4, 1.4) if self.function in ("sigmoid", "tanh") else (-1, 6))
            right.set(ylim=(-0.25, 1.25))
            left.set_title(f"{self.function}: {value:.2f} at z = {self.z:.4g}")
            right.set_title(f"Its slope: {slope:.2f}")
            return svg(figure)

    def _draw(self, ax: Axes, grid: Tensor, curve: Tensor, point: float, color: str) -> None:
        flat = self.at(grid)[1].abs() < FLAT
        ax.fill_between(grid, 0, 1, where=flat.tolist(), transform=ax.get_xaxis_transform(), color=FAINT, alpha=0.5)
        ax.axhline(0, color=FAINT, linewidth=1, zorder=0.5)
        ax.axvline(0, color=FAINT, linewidth=1, zorder=0.5)
        ax.plot(grid, curve, color=color)
        ax.plot(self.z, point, "o", color=INK, markeredgecolor=PAPER, markersize=8, zorder=4, clip_on=False)
        ax.set(xlim=(-END, END), xlabel="z")
