"""The figure "what weights, bias and activation do"; it stands in ``nn_intro``, section 3.5."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import numpy as np
import traitlets
from matplotlib.figure import Figure

from glassformer.glass.style import INK, PAPER, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure

ACTIVATIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "step": lambda z: (z >= 0).astype(float),
    "identity": lambda z: z,
}


class Perceptron(InteractiveFigure):
    """A neuron on e-mails with three features: exclamation marks, has "free" (0 or 1), capital letters.

    Args:
        points: e-mails, each ``{"x": [three features], "label": 0 or 1, "name": text}``; 1 is spam.
        w: the three weights. b: the bias. free: the third feature's value on the drawn plane, 0 or 1.
        activation: ``"sigmoid"``, ``"step"`` or ``"identity"``.
        selected: the number of the e-mail that is worked out in words.

    Raises ``traitlets.TraitError``, which names the argument, the rule and the value.
    """

    module: ClassVar[str] = "perceptron"
    alt: ClassVar[str] = (
        "Left: e-mails on a plane of exclamation marks and capital letters, and the straight line where z is 0. "
        "Right: the output of the neuron over z, with each e-mail on the curve."
    )
    points = traitlets.List(traitlets.Dict()).tag(sync=True)
    w = traitlets.List(traitlets.Float(), default_value=[0.3, 0.8, 0.1]).tag(sync=True)
    b = traitlets.Float(-2.0).tag(sync=True)
    free = traitlets.Int(1).tag(sync=True)
    activation = traitlets.Unicode("sigmoid").tag(sync=True)
    selected = traitlets.Int(0).tag(sync=True)

    def __init__(self, points: Sequence[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(points=[dict(point) for point in points], **kwargs)

    @traitlets.validate("points")
    def _points(self, proposal: Any) -> Any:
        _demand(
            proposal["value"] and all(map(_is_email, proposal["value"])),
            "points",
            'at least one {"x": [number, 0 or 1, number], "label": 0 or 1, "name": text}',
            proposal["value"],
        )
        return proposal["value"]

    @traitlets.validate("w")
    def _w(self, proposal: Any) -> Any:
        _demand(len(proposal["value"]) == 3, "w", "3 weights, one for each feature", proposal["value"])
        return proposal["value"]

    @traitlets.validate("free")
    def _free(self, proposal: Any) -> Any:
        _demand(proposal["value"] in (0, 1), "free", "0 or 1", proposal["value"])
        return proposal["value"]

    @traitlets.validate("activation")
    def _activation(self, proposal: Any) -> Any:
        _demand(proposal["value"] in ACTIVATIONS, "activation", " or ".join(ACTIVATIONS), proposal["value"])
        return proposal["value"]

    @traitlets.validate("selected")
    def _selected(self, proposal: Any) -> Any:
        count = len(self.points)
        _demand(
            0 <= proposal["value"] < max(count, 1),
            "selected",
            f"the number of one of {count} e-mails",
            proposal["value"],
        )
        return proposal["value"]

    def still(self) -> str:
        """The plane with its boundary, and the activation with every e-mail on it, as SVG."""
        use_style()
        bend = ACTIVATIONS[self.activation]
        figure = Figure(figsize=(7.4, 3.3))
        plane, curve = figure.subplots(1, 2)
        across, up = np.meshgrid(np.linspace(0, 10, 61), np.linspace(0, 30, 61))
        sums = self.w[0] * across + self.w[2] * up + self.b + self.w[1] * self.free
        if sums.min() < 0 < sums.max():
            plane.contour(across, up, sums, levels=[0], colors=[INK])
        z = np.linspace(-4, 4, 161)
        curve.plot(z, bend(z), color=INK, linewidth=1.5)
        for label, marker, name in ((1, "s", "spam"), (0, "o", "not spam")):
            x = np.array([p["x"] for p in self.points if p["label"] == label], dtype=float).reshape(-1, 3)
            z = x @ np.array(self.w) + self.b
            style = {"marker": marker, "color": SERIES[label], "edgecolor": PAPER, "s": 46, "zorder": 3}
            shown = x[:, 1] == self.free
            plane.scatter(x[shown, 0], x[shown, 2], label=name, **style)
            plane.scatter(x[~shown, 0], x[~shown, 2], alpha=0.3, **style)
            curve.scatter(z, bend(z), **style)
        plane.set(xlim=(-0.4, 10), ylim=(-1.2, 30), xlabel="exclamation marks", ylabel="capital letters")
        plane.legend(loc="upper right")
        curve.set(xlabel="weighted sum z", ylabel="output")
        return svg(figure)


def _is_email(point: dict[str, Any]) -> bool:
    x = point.get("x", ())
    return len(x) == 3 and x[1] in (0, 1) and point.get("label") in (0, 1) and isinstance(point.get("name"), str)


def _demand(holds: object, name: str, rule: str, value: object) -> None:
    if not holds:
        raise traitlets.TraitError(f"{name} must be {rule}, not {value!r}.")
