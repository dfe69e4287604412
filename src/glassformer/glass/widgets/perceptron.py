"""What weights, bias and activation do: one neuron that reads e-mails.

The neuron gives ``z = w₁x₁ + w₂x₂ + w₃x₃ + b`` and ``out = activation(z)`` for the features exclamation marks, has the
word "free", capital letters. Taught in section 1.3.
"""

import math
import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

import numpy as np
import traitlets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glassformer.glass.style import FAINT, INK, PAPER, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure, finite, labeled, one_of

ACTIVATIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-np.clip(z, -700, 700))),
    "step": lambda z: np.where(np.asarray(z) >= 0, 1.0, 0.0),
    "identity": lambda z: np.asarray(z, dtype=float),
}
EMAILS: Final = (
    ("FREE prize!!! Claim it NOW, OFFER ends today!!!", 1),
    ("You WON!!!! Open the LINK before MIDNIGHT!!!!", 1),
    ("Dear customer, your account is locked. Log in to unlock it.", 1),
    ("Are You free for Lunch on Friday? Anna", 0),
    ("Happy birthday, Grandma!!! See you on Sunday!", 0),
    ("Minutes of the NLP group: BERT, GPT and RNN on Monday.", 0),
)


def features(text: str) -> list[float]:
    """What the neuron reads of an e-mail: exclamation marks, 1 if the word "free" is there, capital letters."""
    return [float(text.count("!")), float(bool(re.search(r"\bfree\b", text, re.I))), float(sum(map(str.isupper, text)))]


def email(text: str, label: int) -> dict[str, Any]:
    """A point of the figure: the features counted in ``text``, its ``label`` (1 is spam) and its text as name."""
    return {"x": features(text), "label": label, "name": text}


class Perceptron(InteractiveFigure):
    """One neuron over three features, its boundary in the plane of two; the third is a switch that shifts it.

    ``points`` are e-mails ``{"x": [exclamation marks, has "free", capital letters], "label": 0 or 1, "name": str}``,
    ``selected`` the index of the one whose sum is spelled out. Raises ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "perceptron"
    alt: ClassVar[str] = (
        "A plane of e-mails, exclamation marks to the right and capital letters up, cut by the line z = 0 with the "
        "weights as an arrow across it; beside it the activation as a curve over z with every e-mail on it."
    )

    points = traitlets.List(trait=traitlets.Dict()).tag(sync=True)
    w = traitlets.List(trait=traitlets.Float(), default_value=[0.3, 0.8, 0.1]).tag(sync=True)
    b = traitlets.Float(-2.0).tag(sync=True)
    free = traitlets.Int(1).tag(sync=True)
    activation = traitlets.Unicode("sigmoid").tag(sync=True)
    selected = traitlets.Int(0).tag(sync=True)

    @traitlets.default("points")
    def _points(self) -> list[dict[str, Any]]:
        return [email(text, label) for text, label in EMAILS]

    @traitlets.validate("points")
    def _check_points(self, proposal: Any) -> list[dict[str, Any]]:
        if not proposal.value:
            raise traitlets.TraitError(f"points must hold at least one e-mail, not {proposal.value!r}.")
        return [_point(i, point) for i, point in enumerate(proposal.value)]

    @traitlets.validate("w")
    def _check_w(self, proposal: Any) -> Any:
        return finite("w", proposal.value, (3,), "3 finite numbers")

    @traitlets.validate("b")
    def _check_b(self, proposal: Any) -> Any:
        return finite("b", proposal.value, (), "a finite number")

    @traitlets.validate("free")
    def _check_free(self, proposal: Any) -> int:
        if proposal.value not in (0, 1):
            raise traitlets.TraitError(f"free must be 0 or 1, not {proposal.value!r}.")
        return int(proposal.value)

    @traitlets.validate("activation")
    def _check_activation(self, proposal: Any) -> str:
        return one_of("activation", proposal.value, ACTIVATIONS)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int:
        if not 0 <= proposal.value < len(self.points):
            rule = f"an index of the {len(self.points)} points"
            raise traitlets.TraitError(f"selected must be {rule}, not {proposal.value!r}.")
        return int(proposal.value)

    def still(self) -> str:
        """The plane with its boundary and the activation curve, as SVG with the page's colors."""
        with rc_context():
            use_style()
            figure = Figure(figsize=(7.2, 4.0))
            plane, curve = figure.subplots(1, 2)
            self._draw_plane(plane)
            self._draw_curve(curve)
            return svg(figure)

    def _draw_plane(self, ax: Axes) -> None:
        w1, w2, w3 = self.w
        x, y = np.meshgrid([0.0, 10.0], [0.0, 30.0])
        z = w1 * x + w3 * y + w2 * self.free + self.b
        cuts = 1e-9 if self.activation == "step" else math.log(9)  # outputs 0.1 and 0.9 of the sigmoid
        tints = [(SERIES[0], 0.36), (SERIES[0], 0.14), (SERIES[1], 0.14), (SERIES[1], 0.36)]
        ax.contourf(x, y, z, levels=[-cuts, 0, cuts], colors=tints, extend="both")
        if z.min() < 0 <= z.max():
            ((ends,),) = ax.contour(x, y, z, levels=[0], colors=INK, linewidths=2).allsegs
            foot, slope = ends.mean(0), np.array([w1 * 10, w3 * 30])  # z per width and per height of the plane
            tip = foot + slope / np.linalg.norm(slope) * [1.6, 4.8]
            ax.annotate("", tip, foot, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 2, "shrinkA": 0})
        for point in self.points:
            _mark(ax, point["x"][0], point["x"][2], point["label"], point["x"][1] == self.free)
        ax.set(xlim=(0, 10), ylim=(0, 30), xlabel="exclamation marks", ylabel="capital letters", box_aspect=1)
        ax.set_title(f"The line z = 0, {'with' if self.free else 'without'} “free”")

    def _draw_curve(self, ax: Axes) -> None:
        activate = ACTIVATIONS[self.activation]
        z = np.array([point["x"] for point in self.points]) @ np.array(self.w) + self.b
        end = max(6.0, float(abs(z).max()))
        grid = np.concatenate([np.linspace(-end, -1e-9, 60), np.linspace(0, end, 60)])
        ax.axvline(0, color=FAINT, linewidth=1)
        ax.plot(grid, activate(grid), color=INK)
        for value, out, point in zip(z, activate(z), self.points, strict=True):
            _mark(ax, value, out, point["label"])
        ax.set(xlabel="z", ylabel="output", box_aspect=1)
        ax.set_title(f"The output: {self.activation} of z")


def _mark(ax: Axes, x: float, y: float, label: int, solid: bool = True) -> None:
    """An e-mail: a circle (not spam) or a square (spam), hollow if it lies in the other plane."""
    color = SERIES[label]
    face, edge = (color, PAPER) if solid else (PAPER, color)
    ax.plot(x, y, "os"[label], color=face, markeredgecolor=edge, markersize=8, clip_on=False, zorder=3)


def _point(i: int, point: dict[str, Any]) -> dict[str, Any]:
    """One e-mail, checked."""
    label = labeled(f"points[{i}]", point, ("x", "label", "name"))
    x = finite(f"points[{i}]['x']", point["x"], (3,), "3 finite numbers")
    return {"x": x, "label": label, "name": str(point["name"])}
