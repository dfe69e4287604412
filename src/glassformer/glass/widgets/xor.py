"""How a bend makes XOR separable: a network 2-2-1 of ReLU units, seen in the input plane and in its hidden plane.

The network is ``hⱼ = ReLU(x₁ W[0][j] + x₂ W[1][j] + c[j])`` and ``out = h₁ v[0] + h₂ v[1] + d``; the answer is 1 where
``out ≥ ½``. Taught in ``nn_intro``, section 4.
"""

from itertools import product
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
import traitlets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from glassformer.glass.style import FAINT, INK, PAPER, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure, finite, one_of

CASES: Final = ((0, 0), (0, 1), (1, 0), (1, 1))
GATES: Final[dict[str, tuple[int, int, int, int]]] = {
    "XOR": (0, 1, 1, 0),
    "AND": (0, 0, 0, 1),
    "OR": (0, 1, 1, 1),
    "NAND": (1, 1, 1, 0),
    "XNOR": (1, 0, 0, 1),
}
"""What each gate wants of the four ``CASES``, in their order."""

Points: TypeAlias = NDArray[np.float64]  # [points, 2]


class Xor(InteractiveFigure):
    """Two hidden units over two inputs: the square of inputs with its folds, and where the units put the four cases.

    ``W`` is ``[input][unit]``, as in ``x W + c``; ``v`` and ``d`` give the output. ``gate`` names the wanted answers.
    With ``bend`` off a unit's value is its sum; with ``biases`` off ``c`` and ``d`` count as 0. As it starts, it is
    XOR by hand, ``ReLU(x₁ + x₂) − 2 · ReLU(x₁ + x₂ − 1)``. Raises ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "xor"
    alt: ClassVar[str] = (
        "Left the square of inputs with its four cases, the lines where a hidden unit bends it, and the region where "
        "the answer is 1; right the same cases at the values of the hidden units, where one line separates them or not."
    )

    W = traitlets.List(trait=traitlets.List(trait=traitlets.Float()), default_value=[[1.0, 1.0], [1.0, 1.0]]).tag(
        sync=True
    )
    c = traitlets.List(trait=traitlets.Float(), default_value=[0.0, -1.0]).tag(sync=True)
    v = traitlets.List(trait=traitlets.Float(), default_value=[1.0, -2.0]).tag(sync=True)
    d = traitlets.Float(0.0).tag(sync=True)
    gate = traitlets.Unicode("XOR").tag(sync=True)
    bend = traitlets.Bool(True).tag(sync=True)
    biases = traitlets.Bool(True).tag(sync=True)

    @traitlets.validate("W")
    def _check_weights(self, proposal: Any) -> Any:
        return finite("W", proposal.value, (2, 2), "2 rows of 2 finite numbers")

    @traitlets.validate("c", "v")
    def _check_pair(self, proposal: Any) -> Any:
        return finite(proposal.trait.name, proposal.value, (2,), "2 finite numbers")

    @traitlets.validate("d")
    def _check_d(self, proposal: Any) -> Any:
        return finite("d", proposal.value, (), "a finite number")

    @traitlets.validate("gate")
    def _check_gate(self, proposal: Any) -> str:
        return one_of("gate", proposal.value, GATES)

    def still(self) -> str:
        """The input plane and the hidden plane, as SVG with the page's colors."""
        with rc_context():
            use_style()
            figure = Figure(figsize=(7.2, 3.9))
            before, after = figure.subplots(1, 2)
            self._draw_input(before)
            self._draw_hidden(after)
            return svg(figure)

    def _network(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both units and the output as rows ``[a, b, c]`` of ``a x + b y + c``, of the inputs and of the units."""
        units = np.array([*self.W, self.c if self.biases else [0.0, 0.0]]).T
        return units, np.array([*self.v, self.d if self.biases else 0.0])

    def _hidden(self, x: Points) -> Points:
        sums = _at(self._network()[0], x)
        return np.maximum(sums, 0) if self.bend else sums

    def _right(self) -> list[bool]:
        """Case by case, whether the answer is the wanted one."""
        out = _at(self._network()[1], self._hidden(np.array(CASES, dtype=float)))
        return [bool(value >= 0.5) == bool(wanted) for value, wanted in zip(out, GATES[self.gate], strict=True)]

    def _pieces(self) -> list[Points]:
        """The square cut along both folds: over each piece the output is one plane."""
        units = self._network()[0]
        sides = product((1, -1), repeat=2) if self.bend else []
        cut = [_clip(_clip(_box(-0.5, 1.5), one * units[0]), two * units[1]) for one, two in sides]
        return [piece for piece in cut if len(piece) > 2] or [_box(-0.5, 1.5)]

    def _draw_input(self, ax: Axes) -> None:
        units, output = self._network()
        regions = []
        for piece in self._pieces():
            on = _at(units, piece.mean(0, keepdims=True))[0] > 0 if self.bend else np.array([True, True])
            f = (output[:2] * on) @ units + [0, 0, output[2] - 0.5]
            regions.append(_clip(piece, f))
            _line(ax, _cross(piece, f))
        _fill(ax, regions, facecolor=SERIES[1], alpha=0.22)
        for j in (0, 1) if self.bend else ():
            ends = _cross(_box(-0.5, 1.5), units[j])
            _line(ax, ends, color=SERIES[2 + j], linestyle=(3.5 * j, (3, 4)))  # two folds on one line show in turn
            if len(ends):
                x, y = ends[0] + (0.88 if j else 0.12) * (ends[1] - ends[0])
                halo = {"boxstyle": "circle,pad=0.15", "facecolor": PAPER, "edgecolor": SERIES[2 + j]}
                ax.text(x, y, str(j + 1), ha="center", va="center", fontsize=9, fontweight="bold", bbox=halo)
        for case, wanted, right in zip(CASES, GATES[self.gate], self._right(), strict=True):
            _mark(ax, case, wanted, right)
            _name(ax, f"({case[0]},{case[1]})", case)
        ax.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xlabel="$x_1$", ylabel="$x_2$", box_aspect=1)
        ax.set(xticks=np.linspace(-0.5, 1.5, 5), yticks=np.linspace(-0.5, 1.5, 5))
        ax.set_title("Input space, tinted: out ≥ ½")

    def _draw_hidden(self, ax: Axes) -> None:
        h = self._hidden(np.array(CASES, dtype=float))
        low, high = np.floor(min(0.0, h.min()) + 1e-9), np.ceil(max(1.0, h.max()) - 1e-9)
        edge = 0.15 * (high - low)
        frame, f = _box(low - edge, high + edge), self._network()[1] - [0, 0, 0.5]
        _fill(ax, [_clip(frame, f)], facecolor=SERIES[1], alpha=0.22)
        ax.axhline(0, color=FAINT, linewidth=1, zorder=0.5)
        ax.axvline(0, color=FAINT, linewidth=1, zorder=0.5)
        sheet = [self._hidden(piece) for piece in self._pieces()]
        _fill(ax, sheet, facecolor=INK + "17", edgecolor=INK + "80", linewidth=1)
        _line(ax, _cross(frame, f))
        groups: list[list[int]] = []  # cases that fall on one point stand side by side under one name
        for i, point in enumerate(h):
            near = [group for group in groups if np.linalg.norm(h[group[0]] - point) < 0.06 * (high - low)]
            near[0].append(i) if near else groups.append([i])
        right = self._right()
        for group in groups:
            x, y = h[group[0]]
            for k, i in enumerate(group):
                aside = (k - (len(group) - 1) / 2) * 0.09 * (high - low)
                _mark(ax, (x + aside, y), GATES[self.gate][i], right[i])
            names = " and ".join(f"({CASES[i][0]},{CASES[i][1]})" for i in group)
            _name(ax, names, (x, y))
        ax.set(xlim=frame[[0, 2], 0], ylim=frame[[0, 2], 0], xlabel="$h_1$", ylabel="$h_2$", box_aspect=1)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(6, integer=True))
        ax.set_title("Hidden: ■ wants 1, ○ wants 0")


def _box(low: float, high: float) -> Points:
    """A square as its four corners."""
    return np.array([[low, low], [high, low], [high, high], [low, high]], dtype=float)


def _at(f: NDArray[np.float64], points: Points) -> NDArray[np.float64]:
    """``a x + b y + c`` at every point, for the rows ``[a, b, c]`` of ``f``."""
    return np.asarray(points @ f[..., :2].T + f[..., 2])


def _cut(polygon: Points, f: NDArray[np.float64], keep: bool) -> Points:
    """The points where the edges of a convex polygon meet ``f = 0``; with ``keep``, also its corners with ``f ≥ 0``."""
    values, points = _at(f, polygon), []
    for p, q, fp, fq in zip(polygon, np.roll(polygon, -1, 0), values, np.roll(values, -1), strict=True):
        if keep and fp >= 0:
            points.append(p)
        if (fp < 0) != (fq < 0):
            points.append(p + (q - p) * fp / (fp - fq))
    return np.array(points).reshape(-1, 2)


def _clip(polygon: Points, f: NDArray[np.float64]) -> Points:
    """The part of a convex polygon where ``f ≥ 0``."""
    return _cut(polygon, f, keep=True)


def _cross(polygon: Points, f: NDArray[np.float64]) -> Points:
    """The two ends of ``f = 0`` in a convex polygon, left (then lower) end first; no points if it is outside."""
    ends = _cut(polygon, f, keep=False)
    return ends[np.lexsort(ends.T[::-1])]


def _line(ax: Axes, ends: Points, **how: Any) -> None:
    ax.plot(*ends.T, **({"color": INK} | how))


def _fill(ax: Axes, polygons: list[Points], **how: Any) -> None:
    """All polygons as one shape, so that no seam shows between them."""
    closed = [np.vstack([polygon, polygon[:1]]) for polygon in polygons if len(polygon) > 2]
    if closed:
        path = Path.make_compound_path(*(Path(polygon, closed=True) for polygon in closed))
        ax.add_patch(PathPatch(path, **({"edgecolor": "none"} | how)))


def _mark(ax: Axes, place: tuple[float, float], wanted: int, right: bool) -> None:
    """A case: a filled square where 1 is wanted, a hollow circle where 0 is; crossed if the answer is wrong."""
    face, edge = (SERIES[1], PAPER) if wanted else (PAPER, SERIES[0])
    how: dict[str, Any] = {"clip_on": False, "zorder": 3, "linestyle": "none"}
    width = 1 if wanted else 2
    ax.plot(*place, "os"[wanted], color=face, markeredgecolor=edge, markeredgewidth=width, markersize=9, **how)
    if not right:
        ax.plot(*place, "x", color=PAPER if wanted else SERIES[0], markersize=5, markeredgewidth=1.8, **how)


def _name(ax: Axes, words: str, place: tuple[float, float]) -> None:
    """The name of a case over its mark, on a ground of its own."""
    ground = {"boxstyle": "square,pad=0.05", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.75}
    ax.annotate(words, place, (0, 9), textcoords="offset points", ha="center", fontsize=9, bbox=ground)
