"""Yes and no in a plane: the cases of a small problem, and where a network answers yes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glassformer.glass.style import INK, PAPER, SERIES, describe, use_style


@dataclass(frozen=True)
class Plane:
    """One panel: the ``cases``, shape ``[cases, 2]``, whether each is wanted (``target``), and the ``output``.

    ``output`` maps points, a tensor ``[n, 2]``, to numbers ``[n]``; the answer is yes where it is at least ``border``.
    Without it only the cases are drawn. ``axes`` names the two directions.
    """

    title: str
    cases: Any
    target: Sequence[float]
    output: Callable[[Any], Any] | None = None
    border: float = 0.5
    axes: tuple[str, str] = ("x₁", "x₂")


def planes(*panels: Plane) -> Figure:
    """The panels side by side: yes is an orange square, no a teal circle, and the ground is tinted by the answer."""
    import matplotlib.pyplot as plt

    use_style()
    figure, row = plt.subplots(1, len(panels), figsize=(0.3 + 2.25 * len(panels), 2.6), squeeze=False)
    for axes, panel in zip(row[0], panels, strict=True):
        _draw(axes, panel)
    said = "; ".join(panel.title for panel in panels)
    return describe(figure, f"Cases in a plane, squares for yes and circles for no, the ground tinted: {said}.")


def _draw(axes: Axes, panel: Plane) -> None:
    import torch

    cases = np.asarray(panel.cases, dtype=float)
    low, high = cases.min(0), cases.max(0)
    room = 0.45 * max(float((high - low).max()), 0.1)
    middle, half = (low + high) / 2, float((high - low).max()) / 2 + room
    (left, bottom), (right, top) = middle - half, middle + half
    if panel.output is not None:
        x, y = np.meshgrid(np.linspace(left, right, 81), np.linspace(bottom, top, 81))
        points = torch.tensor(np.stack([x.ravel(), y.ravel()], axis=1), dtype=torch.float32)
        with torch.no_grad():
            out = np.asarray(panel.output(points), dtype=float).reshape(x.shape) - panel.border
        axes.contourf(x, y, out, levels=[-1e9, 0, 1e9], colors=[SERIES[0], SERIES[1]], alpha=0.16)
        axes.contour(x, y, out, levels=[0], colors=INK, linewidths=1.4)
    seen: dict[tuple[float, ...], int] = {}
    for case, wanted in zip(cases, panel.target, strict=True):
        place = tuple(np.round(case, 2).tolist())
        ring = seen[place] = seen.get(place, 0) + 1  # cases that fall on one point are drawn as rings around it
        color = SERIES[1] if wanted else SERIES[0]
        face, edge = (color, PAPER) if ring == 1 else ("none", color)
        size = 8 + 5 * (ring - 1)
        axes.plot(*case, "s" if wanted else "o", markersize=size, markerfacecolor=face, markeredgecolor=edge)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xlabel=panel.axes[0], ylabel=panel.axes[1])
    axes.set_title(panel.title, fontsize=9.5)
