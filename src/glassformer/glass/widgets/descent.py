"""Losses and optimizers compared: four of them walk down one surface from the same start.

The surface is the loss over a weight w and a bias b: a long valley ``½ (w² + 100 b²)``, or the mean loss of one neuron
``out = σ(w x + b)`` on a few examples. Taught in ``nn_intro``, section 5.5.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final

import numpy as np
import torch
import traitlets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import softplus

from glassformer.glass.style import INK, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure, finite, labeled, one_of

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
LOSSES: Final[dict[str, Loss]] = {  # of w, b, the features x and the labels y; w and b may have axes in front
    "long valley": lambda w, b, x, y: (w**2 + 100 * b**2)[..., 0] / 2,
    "cross-entropy": lambda w, b, x, y: (softplus(w * x + b) - y * (w * x + b)).mean(-1),
    "squared error": lambda w, b, x, y: ((torch.sigmoid(w * x + b) - y) ** 2).mean(-1),
}
OPTIMIZERS: Final[dict[str, Callable[[list[Tensor], float], torch.optim.Optimizer]]] = {
    "gradient descent": lambda weights, lr: torch.optim.SGD(weights, lr),
    "momentum": lambda weights, lr: torch.optim.SGD(weights, lr, momentum=0.9),
    "RMSProp": lambda weights, lr: torch.optim.RMSprop(weights, lr, alpha=0.9),
    "Adam": lambda weights, lr: torch.optim.Adam(weights, lr),
}
MARKS: Final = ("o", "s", "^", "D")
DASHES: Final = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1, 2)))
MARKS_OF_EMAILS: Final = (6, 4, 3, 0, 0, 3, 0, 3)  # exclamation marks; the first four are spam


class Descent(InteractiveFigure):
    """The paths of gradient descent, momentum, RMSProp and Adam over one loss surface, and their losses by step.

    - ``surface``: ``"long valley"``, ``"cross-entropy"`` or ``"squared error"``;
    - ``data``: the neuron's examples, ``{"x": a number, "label": 0 or 1}``; the long valley has none;
    - ``start``: ``[w, b]``, each from −10 to 10; ``lr``: the learning rate, from 0.001 to 10;
    - ``steps``: how many of 100 steps are shown; ``shown``: the names of the optimizers that are.

    Start and learning rate have defaults that suit the surface. The optimizers are those of ``glassformer.train`` with
    their defaults; Adam's learning rate is ``lr`` too. A path ends where w or b passes a million: it has diverged.
    Raises ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "descent"
    alt: ClassVar[str] = (
        "A map of a loss over a weight and a bias, as lines of equal loss, with the path of each optimizer from the "
        "same start; beside it the loss of each at every step, on a logarithmic scale."
    )

    surface = traitlets.Unicode("long valley").tag(sync=True)
    data = traitlets.List(trait=traitlets.Dict()).tag(sync=True)
    start = traitlets.List(trait=traitlets.Float()).tag(sync=True)
    lr = traitlets.Float().tag(sync=True)
    steps = traitlets.Int(40).tag(sync=True)
    shown = traitlets.List(trait=traitlets.Unicode(), default_value=list(OPTIMIZERS)).tag(sync=True)

    @traitlets.default("data")
    def _data(self) -> list[dict[str, Any]]:
        return [{"x": float(x), "label": int(i < 4)} for i, x in enumerate(MARKS_OF_EMAILS)]

    @traitlets.default("start")
    def _start(self) -> list[float]:
        return [-3.5, 1.5] if self.surface == "long valley" else [-1.5, -3.0]

    @traitlets.default("lr")
    def _lr(self) -> float:
        return 0.018 if self.surface == "long valley" else 0.1

    @traitlets.validate("surface")
    def _check_surface(self, proposal: Any) -> str:
        return one_of("surface", proposal.value, LOSSES)

    @traitlets.validate("data")
    def _check_data(self, proposal: Any) -> list[dict[str, Any]]:
        if not proposal.value:
            raise traitlets.TraitError(f"data must hold at least one example, not {proposal.value!r}.")
        return [_example(i, example) for i, example in enumerate(proposal.value)]

    @traitlets.validate("start")
    def _check_start(self, proposal: Any) -> list[float]:
        if len(proposal.value) != 2 or not all(-10 <= x <= 10 for x in proposal.value):
            raise traitlets.TraitError(f"start must be two numbers from -10 to 10, w and b, not {proposal.value!r}.")
        return [float(x) for x in proposal.value]

    @traitlets.validate("lr")
    def _check_lr(self, proposal: Any) -> float:
        if not 0.001 <= proposal.value <= 10:
            raise traitlets.TraitError(f"lr must be from 0.001 to 10, not {proposal.value!r}.")
        return float(proposal.value)

    @traitlets.validate("steps")
    def _check_steps(self, proposal: Any) -> int:
        if not 0 <= proposal.value <= 100:
            raise traitlets.TraitError(f"steps must be from 0 to 100, not {proposal.value!r}.")
        return int(proposal.value)

    @traitlets.validate("shown")
    def _check_shown(self, proposal: Any) -> list[str]:
        for name in proposal.value:
            if name not in OPTIMIZERS:
                raise traitlets.TraitError(f"shown must hold names out of {', '.join(OPTIMIZERS)}, not {name!r}.")
        return [name for name in OPTIMIZERS if name in proposal.value]

    def still(self) -> str:
        """The map with the paths and the losses by step, as SVG with the page's colors."""
        with rc_context():
            use_style()
            figure = Figure(figsize=(7.2, 4.0))
            above, beside = figure.subplots(1, 2)
            low = self._draw_map(above)
            for i, name in enumerate(OPTIMIZERS):
                if name in self.shown:
                    places, losses = self._walk(name)
                    every = 1 + self.steps // 10
                    look = {
                        "color": SERIES[i],
                        "ls": DASHES[i],
                        "lw": 1.2,
                        "marker": MARKS[i],
                        "markersize": 4.5,
                        "mew": 0,
                    }
                    kept = self._until_it_leaves(places)
                    above.plot(*kept.T, **look, markevery=((len(kept) - 1) % every, every))
                    beside.semilogy(np.maximum(losses, 1e-99), **look, markevery=[-1], label=name)
            above.plot(*self.start, "o", color=INK, fillstyle="none", markersize=10, markeredgewidth=1.6)
            high = {"long valley": 1e4, "cross-entropy": 30, "squared error": 1}[self.surface]
            beside.set(xlim=(0, 100), ylim=(low, high), xlabel="step", box_aspect=0.9, xticks=[0, 25, 50, 75, 100])
            beside.minorticks_off()
            beside.set_title("The loss at every step")
            if self.shown:
                figure.legend(*beside.get_legend_handles_labels(), loc="outside lower center", ncols=4)
            return svg(figure)

    @property
    def _window(self) -> np.ndarray:
        return np.array([[-4, 4], [-2, 2]] if self.surface == "long valley" else [[-2, 3], [-5, 4]], dtype=float)

    def _until_it_leaves(self, places: np.ndarray) -> np.ndarray:
        """The places up to the first one after the last inside the window."""
        low, high = self._window.T
        inside = ((low <= places) & (places <= high)).all(1)
        return places[: int(np.flatnonzero(inside).max(initial=-1)) + 2]

    def _loss(self, w: Tensor, b: Tensor) -> Tensor:
        """The loss at w and b, which end in an axis of size 1; that axis is gone."""
        x, y = (torch.tensor([float(e[key]) for e in self.data], dtype=torch.float64) for key in ("x", "label"))
        return LOSSES[self.surface](w, b, x, y)

    def _walk(self, name: str) -> tuple[np.ndarray, list[float]]:
        """The places [w, b] and the losses of ``steps`` steps, fewer if the path diverges."""
        place = torch.tensor(self.start, dtype=torch.float64, requires_grad=True)
        optimizer = OPTIMIZERS[name]([place], self.lr)
        places, losses = [], []
        for _ in range(self.steps + 1):
            if not bool((place.detach().abs() <= 1e6).all()):  # NaN is not below either
                break
            optimizer.zero_grad()
            loss = self._loss(place[:1], place[1:])
            loss.backward()  # type: ignore[no-untyped-call]
            places.append(place.tolist())
            losses.append(loss.item())
            optimizer.step()
        return np.array(places), losses

    def _draw_map(self, ax: Axes) -> float:
        """Draws the lines of equal loss; returns the power of ten under the lowest loss, not under a millionth."""
        window = self._window
        w, b = (torch.linspace(low, high, 41, dtype=torch.float64) for low, high in window)
        heights = self._loss(w.expand(41, 41)[..., None], b.expand(41, 41).T[..., None]).numpy()
        low, high = heights.min(), heights.max()
        levels = low + (high - low) * ((np.arange(8) + 0.5) / 8) ** 2
        if high > low:
            ax.contour(w, b, heights, levels=levels, colors=INK, linewidths=0.6, alpha=0.5)
        row, column = np.unravel_index(heights.argmin(), heights.shape)
        ax.plot(w[column], b[row], "+", color=INK, markersize=10, markeredgewidth=1.8, zorder=5)
        ax.set(xlim=window[0], ylim=window[1], xlabel="w", ylabel="b", box_aspect=0.9)
        ax.set_title(f"{self.surface.capitalize()}, learning rate {self.lr:g}")
        return float(10 ** np.floor(np.log10(np.clip(low, 1e-6, 0.99))))


def _example(i: int, example: dict[str, Any]) -> dict[str, Any]:
    """One example, checked."""
    label = labeled(f"data[{i}]", example, ("x", "label"))
    return {"x": finite(f"data[{i}]['x']", example["x"], (), "a finite number"), "label": label}
