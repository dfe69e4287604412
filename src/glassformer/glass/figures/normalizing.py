"""Drawings of feed-forward networks and norms: where vectors go, who holds the parameters, how large the stream is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from glassformer.glass.style import FAINT, INK, LINES, PAPER, SERIES, describe, use_style


def _seen(points: Any) -> Any:
    """Points of space on the page: the direction (1, 1, 1) goes up, the plane across it is seen at a slant."""
    points = np.asarray(points, dtype=float)
    up = np.ones(3) / 3**0.5
    right, away = np.array([1.0, -1.0, 0.0]) / 2**0.5, np.array([1.0, 1.0, -2.0]) / 6**0.5
    return np.stack([points @ right, 0.9 * points @ up + 0.4 * points @ away], -1)


def onto_sphere(stages: Mapping[str, Any], rings: Mapping[str, float]) -> Figure:
    """The same vectors of three entries, ``[points, 3]``, at each stage of a norm.

    ``rings`` gives, for some of the stages, the radius of the circle in the plane across (1, 1, 1) on which they lie;
    a negative radius is that of a sphere around 0.
    """
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(1, len(stages), figsize=(5.2, 2.1), sharex=True, sharey=True)
    turn = np.linspace(0, 2 * np.pi, 73)
    right, away = np.array([1.0, -1.0, 0.0]) / 2**0.5, np.array([1.0, 1.0, -2.0]) / 6**0.5
    disk = np.cos(turn)[:, None] * right + np.sin(turn)[:, None] * away
    for ax, (name, points) in zip(np.atleast_1d(axes), stages.items(), strict=True):
        ax.fill(*_seen(2.3 * disk).T, color=FAINT, alpha=0.35, linewidth=0)
        ax.plot(*_seen([[-1.3] * 3, [1.3] * 3]).T, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        radius = rings.get(name)
        if radius and radius > 0:
            ax.plot(*_seen(radius * disk).T, color=SERIES[0], linewidth=1.2)
        elif radius:
            ax.plot(-radius * np.cos(turn), -radius * np.sin(turn), color=SERIES[0], linewidth=1.2)
        for point, x in zip(np.asarray(points, dtype=float), _seen(points), strict=True):
            below = _seen(point - point.mean())
            ax.plot([below[0], x[0]], [below[1], x[1]], color=SERIES[1], linewidth=0.8)
            ax.plot(*x, "o", color=SERIES[1], markersize=5, markeredgecolor=PAPER)
        ax.set_title(name, fontsize=10)
        ax.set_aspect("equal")
        ax.axis("off")
    return describe(
        figure,
        f"{len(np.asarray(points))} vectors of three entries, seen from the side: the dashed line is the direction "
        f"(1, 1, 1), the gray disk the plane across it. One picture for each of: {', '.join(stages)}. Taking away the "
        "mean drops the "
        "vectors into the plane, dividing by the root brings all of them to the same distance from 0.",
    )


def parameter_shares(models: Mapping[str, Mapping[str, float]], title: str = "") -> Figure:
    """A bar for each model, cut into the shares of its parts, which add up to 1."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.6, 0.42 * len(models) + 1.2))
    names, parts = list(models)[::-1], list(next(iter(models.values())))
    left = np.zeros(len(names))
    for number, part in enumerate(parts):
        share = np.array([models[name][part] for name in names])
        axes.barh(names, share, left=left, height=0.7, color=SERIES[number], label=part, edgecolor=PAPER)
        for row, (begin, width) in enumerate(zip(left, share, strict=True)):
            if width > 0.085:
                axes.text(begin + width / 2, row, f"{width:.0%}", ha="center", va="center", color=PAPER, fontsize=8.5)
        left += share
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.08), ncols=3, columnspacing=1.0, handlelength=1.2)
    words = "; ".join(
        f"{name} {', '.join(f'{p} {s:.0%}' for p, s in shares.items())}" for name, shares in models.items()
    )
    return describe(figure, f"The shares of all parameters by part, a bar for each model: {words}.")


def by_layer(lines: Mapping[str, Sequence[float]], y: str, title: str = "", log: bool = True) -> Figure:
    """Values layer by layer, a line for each name; in powers of ten unless ``log`` is false."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 3.5))
    for number, (name, values) in enumerate(lines.items()):
        axes.plot(range(len(values)), values, color=SERIES[number], linestyle=LINES[number], label=name)
    axes.set(xlabel="after layer", ylabel=y, yscale="log" if log else "linear")
    axes.set_title(title)
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=2)
    ends = "; ".join(f"{n}: {v[0]:.3g} after the first layer, at most {max(v):.3g}" for n, v in lines.items())
    return describe(figure, f"{y} after each layer. {ends}.")


def paired(values: Mapping[str, Sequence[float]], x: str) -> Figure:
    """The outcome of each seed as a dot, a row for each name, and the mean as a bar: a small effect and its spread."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 0.5 * len(values) + 1.0))
    for row, some in enumerate(values.values()):
        axes.plot(some, [row] * len(some), "o", color=SERIES[row % len(SERIES)], alpha=0.75)
        axes.plot([np.mean(some)] * 2, [row - 0.3, row + 0.3], color=INK, linewidth=1.6)
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlabel(x)
    words = "; ".join(f"{n} {np.mean(v):.3f}, from {min(v):.3f} to {max(v):.3f}" for n, v in values.items())
    return describe(figure, f"{x}, a dot for each seed and a bar for the mean: {words}.")
