"""Rotary positions, one pair of dimensions at a time: a query and a key turn with their positions, and are compared.

Pair ``i`` of ``d_k`` dimensions turns by ``base^(−2i/d_k)`` radians a position. Taught in
``transformers/06-embeddings``, section 6.9.
"""

from typing import Any, ClassVar, Final

import numpy as np
import traitlets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassformer.glass.style import FAINT, INK, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure, finite

LAST: Final = 60
"""The last position that the sliders reach."""


class Rotary(InteractiveFigure):
    """A query and a key of one pair of dimensions, as arrows in the plane of that pair.

    - ``query``, ``key``: the two numbers of each before they are turned, at most 2 in size;
    - ``m``, ``n``: the position of the query and of the key, 0 to 60;
    - ``pair``: which pair it is, from 0 to ``d_k / 2 − 1``, and ``d_k``: the width of a head, even, from 2 to 256;
    - ``power``: the base is 10 to this power, 2 to 6.

    Raises ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "rotary"
    alt: ClassVar[str] = (
        "Two arrows in a plane, a query and a key, each turned by an angle that grows with its position; and their "
        "score as a curve over the distance of the positions, with the present distance marked."
    )

    query = traitlets.List(default_value=[1.0, 0.0]).tag(sync=True)
    key = traitlets.List(default_value=[0.8, 0.3]).tag(sync=True)
    m = traitlets.Int(5).tag(sync=True)
    n = traitlets.Int(2).tag(sync=True)
    d_k = traitlets.Int(64).tag(sync=True)
    pair = traitlets.Int(4).tag(sync=True)
    power = traitlets.Int(5).tag(sync=True)

    @traitlets.validate("query", "key")
    def _check_vector(self, proposal: Any) -> Any:
        name = proposal.trait.name
        numbers = finite(name, proposal.value, (2,), "2 numbers from −2 to 2")
        if max(map(abs, numbers)) > 2:
            raise traitlets.TraitError(f"{name} must be 2 numbers from −2 to 2, not {proposal.value!r}.")
        return numbers

    @traitlets.validate("m", "n", "power", "d_k")
    def _check_whole(self, proposal: Any) -> int:
        name = proposal.trait.name
        low, high = {"power": (2, 6), "d_k": (2, 256)}.get(name, (0, LAST))
        if not low <= proposal.value <= high:
            raise traitlets.TraitError(f"{name} must be from {low} to {high}, not {proposal.value!r}.")
        if name == "d_k" and proposal.value % 2:
            raise traitlets.TraitError(f"d_k must be even, not {proposal.value!r}.")
        return int(proposal.value)

    @traitlets.validate("pair")
    def _check_pair(self, proposal: Any) -> int:
        if not 0 <= proposal.value < self.d_k // 2:
            raise traitlets.TraitError(f"pair must be from 0 to {self.d_k // 2 - 1}, not {proposal.value!r}.")
        return int(proposal.value)

    @property
    def omega(self) -> float:
        """The angle that one position adds, in radians."""
        return float(10.0 ** (-2 * self.pair * self.power / self.d_k))

    def turned(self) -> NDArray[np.float64]:
        """The query and the key, turned by their positions: ``[2, 2]``."""
        found = []
        for (a, b), position in ((self.query, self.m), (self.key, self.n)):
            cos, sin = np.cos(position * self.omega), np.sin(position * self.omega)
            found.append([a * cos - b * sin, b * cos + a * sin])
        return np.array(found)

    def score(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """The product of query and key when the query stands ``distance`` positions after the key."""
        (a, b), (c, d) = self.query, self.key
        return np.asarray(
            (a * c + b * d) * np.cos(distance * self.omega) + (a * d - b * c) * np.sin(distance * self.omega)
        )

    def still(self) -> str:
        """The arrows and the curve of the score, as SVG with the page's colors."""
        with rc_context():
            use_style()
            figure = Figure(figsize=(7.2, 3.4))
            plane, curve = figure.subplots(1, 2)
            self._draw_plane(plane)
            distance = np.linspace(-LAST, LAST, 481)
            now = self.m - self.n
            curve.axhline(0, color=FAINT, linewidth=1)
            curve.plot(distance, self.score(distance))
            curve.plot([now], self.score(np.array([now], dtype=float)), "o", color=SERIES[1], markersize=9)
            curve.set(xlabel="distance m − n", xlim=(-LAST, LAST), title="The score over the distance")
            return svg(figure)

    def _draw_plane(self, ax: Axes) -> None:
        size = 1.15 * max(1.0, *(float(np.hypot(*v)) for v in (self.query, self.key)))
        ax.axhline(0, color=FAINT, linewidth=1)
        ax.axvline(0, color=FAINT, linewidth=1)
        for name, start, end, color in zip("qk", (self.query, self.key), self.turned(), SERIES, strict=False):
            faint = {"arrowstyle": "-|>", "color": color, "lw": 1.2, "alpha": 0.35}
            ax.annotate("", start, (0, 0), arrowprops=faint)
            ax.annotate("", end, (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.4})
            ax.text(1.12 * end[0], 1.12 * end[1], name, color=INK, ha="center", va="center", fontweight="bold")
        ax.set(xlim=(-size, size), ylim=(-size, size), box_aspect=1, title="Turned by m and by n")
