"""Width and depth against a problem in the plane: which region a trained network of each size gives to each class.

The networks are tanh MLPs from two inputs to one output, ``hᵢ = tanh(hᵢ₋₁ W + b)`` and ``p = sigmoid(h W + b)``,
trained by ``experiments/boundary.py``. Taught in ``mlp_intro``, section 4.
"""

from itertools import pairwise, product
from statistics import median
from typing import Any, ClassVar

import numpy as np
import traitlets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glassformer.data import recorded
from glassformer.glass.style import INK, PAPER, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure, finite, one_of

KEYS = ("problem", "width", "depth", "accuracies", "weights")
IN_STILL = 40
"""How many of the test points the still draws, which would be large with all."""
MARKS = ("o", "s", "^", "D", "v", "P")


def parameters(width: int, depth: int) -> int:
    """How many numbers a network of ``depth`` hidden layers of ``width`` units has, from two inputs to one output."""
    sizes = [2, *[width] * depth, 1]
    return sum(d_in * d_out + d_out for d_in, d_out in pairwise(sizes))


class Boundary(InteractiveFigure):
    """Trained networks of several widths and depths, each with its decision region and its accuracy over seeds.

    - ``networks``: ``{"problem", "width", "depth", "accuracies", "weights"}`` each: the accuracy on the test points for
      every seed, and the weights of one of these networks as ``[[W, b], …]`` with W as ``[from][to]``. Each problem
      needs every width with every depth. The default is what ``experiments/boundary.py`` recorded;
    - ``points``: the test points of each problem, ``{problem: [[x, y, 0 or 1], …]}``;
    - ``problem``, ``width``, ``depth``: the network that is shown.

    Raises ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "boundary"
    alt: ClassVar[str] = (
        "Test points of two classes in a plane, shaded by what a network of the chosen width and depth answers; beside "
        "it the accuracy of every width and depth over several seeds."
    )

    networks = traitlets.List(trait=traitlets.Dict()).tag(sync=True)
    points = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    depth = traitlets.Int().tag(sync=True)

    @traitlets.default("networks")
    def _networks(self) -> list[dict[str, Any]]:
        return [{key: network[key] for key in KEYS} for network in recorded("boundary")["networks"]]

    @traitlets.default("points")
    def _points(self) -> dict[str, Any]:
        return dict(recorded("boundary")["points"])

    @traitlets.default("problem")
    def _problem(self) -> str:
        return str(self.networks[0]["problem"])

    @traitlets.default("width")
    def _width(self) -> int:
        return min(int(network["width"]) for network in self.networks)

    @traitlets.default("depth")
    def _depth(self) -> int:
        return min(int(network["depth"]) for network in self.networks)

    @traitlets.validate("networks")
    def _check_networks(self, proposal: Any) -> list[dict[str, Any]]:
        networks = [_network(i, network) for i, network in enumerate(proposal.value)]
        if not networks:
            raise traitlets.TraitError("networks must hold at least one network.")
        found = [(network["problem"], network["width"], network["depth"]) for network in networks]
        for each in product(*(sorted(set(values)) for values in zip(*found, strict=True))):
            if found.count(each) != 1:
                rule = "hold every width with every depth once for each problem"
                raise traitlets.TraitError(f"networks must {rule}; {each} is there {found.count(each)} times.")
        return networks

    @traitlets.validate("points")
    def _check_points(self, proposal: Any) -> dict[str, Any]:
        for problem in dict.fromkeys(network["problem"] for network in self.networks):
            if not proposal.value.get(problem):
                raise traitlets.TraitError(f"points must hold points for each problem; {problem!r} has none.")
        return {problem: [_point(problem, p) for p in points] for problem, points in proposal.value.items()}

    @traitlets.validate("problem")
    def _check_problem(self, proposal: Any) -> str:
        return one_of("problem", proposal.value, list(dict.fromkeys(n["problem"] for n in self.networks)))

    @traitlets.validate("width", "depth")
    def _check_size(self, proposal: Any) -> int:
        name = proposal.trait.name
        sizes = sorted({network[name] for network in self.networks})
        if proposal.value not in sizes:
            raise traitlets.TraitError(f"{name} must be one of {', '.join(map(str, sizes))}, not {proposal.value!r}.")
        return int(proposal.value)

    def chosen(self) -> dict[str, Any]:
        """The network that is shown."""
        wanted = (self.problem, self.width, self.depth)
        return next(n for n in self.networks if (n["problem"], n["width"], n["depth"]) == wanted)

    def output(self, x: np.ndarray) -> np.ndarray:
        """The output z of the shown network at every point ``[..., 2]``; the answer is 1 where ``z ≥ 0``."""
        weights = [(np.array(w), np.array(b)) for w, b in self.chosen()["weights"]]
        for w, b in weights[:-1]:
            x = np.tanh(x @ w + b)
        w, b = weights[-1]
        return np.asarray((x @ w + b)[..., 0])

    def still(self) -> str:
        """The plane with its region and 40 points, and all accuracies, as SVG with the page's colors."""
        with rc_context():
            use_style()
            figure = Figure(figsize=(7.2, 3.9))
            plane, chart = figure.subplots(1, 2)
            self._draw_plane(plane)
            self._draw_accuracies(chart)
            return svg(figure)

    def _draw_plane(self, ax: Axes) -> None:
        line = np.linspace(-1.1, 1.1, 31)
        x, y = np.meshgrid(line, line)
        z = self.output(np.stack((x, y), -1))
        tints = [(SERIES[0], 0.36), (SERIES[0], 0.14), (SERIES[1], 0.14), (SERIES[1], 0.36)]
        ax.contourf(x, y, z, levels=[-np.log(9), 0, np.log(9)], colors=tints, extend="both")
        points = np.array(self.points[self.problem][:IN_STILL])
        for label, face, edge in ((0, PAPER, SERIES[0]), (1, SERIES[1], PAPER)):
            ax.plot(*points[points[:, 2] == label, :2].T, "os"[label], color=face, mec=edge, mew=1, markersize=4)
        right = (self.output(points[:, :2]) >= 0) == (points[:, 2] == 1)
        ax.plot(*points[~right, :2].T, "x", color=INK, markersize=6, markeredgewidth=1.4)
        ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[-1, 0, 1], yticks=[-1, 0, 1], box_aspect=1)
        ax.set_title(f"{self.problem}: width {self.width}, depth {self.depth}")

    def _draw_accuracies(self, ax: Axes) -> None:
        widths, depths = (sorted({network[name] for network in self.networks}) for name in ("width", "depth"))
        for network in self.networks:
            if network["problem"] == self.problem:
                k = depths.index(network["depth"])
                place = widths.index(network["width"]) + 0.16 * (k - (len(depths) - 1) / 2)
                values, color = network["accuracies"], SERIES[k % len(SERIES)]
                name = f"depth {network['depth']}" if network["width"] == widths[0] else None
                ax.plot([place] * len(values), values, MARKS[k % len(MARKS)], color=color, markersize=4, alpha=0.55)
                ax.plot(place, median(values), MARKS[k % len(MARKS)], color=color, markersize=8, label=name)
        ax.set(xlim=(-0.5, len(widths) - 0.5), ylim=(0.45, 1.02), xlabel="width", ylabel="accuracy", box_aspect=1)
        ax.set_xticks(range(len(widths)), [str(width) for width in widths])
        ax.set_title("Every seed, and the median")
        ax.legend(loc="lower right")


def _network(i: int, network: dict[str, Any]) -> dict[str, Any]:
    """One network, checked."""
    if missing := [key for key in KEYS if key not in network]:
        raise traitlets.TraitError(f"networks[{i}] must have {', '.join(KEYS)}; {', '.join(missing)} is missing.")
    width, depth, accuracies = int(network["width"]), int(network["depth"]), list(network["accuracies"])
    sizes, weights = [2, *[width] * depth, 1], network["weights"]
    if len(weights) != depth + 1:
        rule = f"{depth + 1} layers for depth {depth}"
        raise traitlets.TraitError(f"networks[{i}]['weights'] must be {rule}, not {len(weights)}.")
    if not accuracies or not all(0 <= accuracy <= 1 for accuracy in accuracies):
        raise traitlets.TraitError(f"networks[{i}]['accuracies'] must be numbers from 0 to 1, not {accuracies!r}.")
    layers = []
    for k, ((w, b), (d_in, d_out)) in enumerate(zip(weights, pairwise(sizes), strict=True)):
        name = f"networks[{i}]['weights'][{k}]"
        rule = f"{d_in} rows of {d_out} finite numbers"
        layers.append(
            [finite(f"{name}[0]", w, (d_in, d_out), rule), finite(f"{name}[1]", b, (d_out,), f"{d_out} finite numbers")]
        )
    return {
        "problem": str(network["problem"]),
        "width": width,
        "depth": depth,
        "accuracies": accuracies,
        "weights": layers,
    }


def _point(problem: str, point: Any) -> list[float]:
    """One test point, checked."""
    x, y, label = finite(f"points[{problem!r}]", point, (3,), "points of x, y and a label")
    if label not in (0, 1):
        raise traitlets.TraitError(f"points[{problem!r}] must have labels 0 or 1, not {label!r}.")
    return [x, y, int(label)]
