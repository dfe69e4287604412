"""Charts of numbers. Each function draws, describes what it drew in words, and returns the figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from glassformer.glass.style import FAINT, INK, LINES, PAPER, SERIES, describe, use_style


def bars(values: Mapping[str, tuple[float, float]], title: str, guess: float | None = None) -> Figure:
    """Horizontal bars of shares between 0 and 1, each with its standard error; ``guess`` marks what guessing gives."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 0.55 * len(values) + 0.9))
    names = list(values)[::-1]
    shares = [values[name][0] for name in names]
    errors = [values[name][1] for name in names]
    axes.barh(names, shares, height=0.55, color=[SERIES[i % 3] for i in range(len(names))][::-1])
    axes.errorbar(shares, range(len(names)), xerr=errors, fmt="none", ecolor=INK, linewidth=1.2, capsize=3)
    for row, share in enumerate(shares):
        axes.text(0.02, row, f"{share:.0%}", va="center", color=PAPER, weight="bold")
    if guess is not None:
        axes.axvline(guess, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            "guessing", (guess, len(names) - 0.5), xytext=(4, -2), textcoords="offset points", va="top", fontsize=8.5
        )
        axes.set_ylim(-0.5, len(names) - 0.3)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_title(title)
    words = "; ".join(f"{name} {values[name][0]:.0%}" for name in values)
    return describe(figure, f"Bars with standard errors. {title}: {words}.")


def word_map(vectors: Mapping[str, Any], groups: Mapping[str, Sequence[str]], title: str = "") -> tuple[Figure, Any]:
    """Words as points, and where they lie on the first axis.

    Only directions count: every vector is scaled to length 1. The plane is that of the first two principal axes, the
    directions in which the words spread most; the groups have no say in it. ``groups`` are names and their words.
    """
    import matplotlib.pyplot as plt

    use_style()
    words = [word for of in groups.values() for word in of]
    units = np.array([np.asarray(vectors[word], dtype=float) for word in words])
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    centered = units - units.mean(0)
    principal = np.linalg.svd(centered, full_matrices=False)[2][:2]
    points = centered @ (principal * np.sign(principal @ centered[0])[:, None]).T  # the first word right and up
    figure, axes = plt.subplots(figsize=(5.2, 3.7))
    row = 0
    for color, marker, (name, of) in zip(SERIES, "os", groups.items(), strict=False):
        place = points[row : row + len(of)]
        axes.scatter(*place.T, s=34, marker=marker, color=color, label=name)
        row += len(of)
    axes.set_xlabel("the direction in which they spread most")
    axes.set_ylabel("the second direction")
    axes.margins(x=0.18, y=0.2)
    axes.set_title(title)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    _name_points(axes, words, points, [c for c, of in zip(SERIES, groups.values(), strict=False) for _ in of])
    names = " and ".join(groups)
    when = f", {title}" if title else ""
    describe(figure, f"A map of {len(words)} words by the direction of their vectors{when}: {names}.")
    return figure, points[:, 0]


def _name_points(axes: Any, words: Sequence[str], points: Any, colors: Sequence[str]) -> None:
    """Write each word right of its point, or, where others stand there, as near above or below as there is room."""
    axes.figure.canvas.draw()  # only now is it known where the points lie on the paper
    scale = 72 / axes.figure.dpi
    taken: list[tuple[float, float, float]] = []  # left end, right end and height of the words, in points of the paper
    for i in np.argsort(-points[:, 1]):
        x, y = axes.transData.transform(points[i]) * scale
        left, right = x + 5, x + 5 + 5.2 * len(words[i])
        shifts = sorted(range(-90, 91), key=lambda shift: abs(shift))
        free = (s for s in shifts if all(right < a or left > b or abs(y + s - h) > 9 for a, b, h in taken))
        shift = next(free, 0)
        taken.append((left, right, y + shift))
        line = (
            {"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2}
            if abs(shift) > 8
            else None
        )
        axes.annotate(
            words[i],
            points[i],
            xytext=(5, shift - 3),
            textcoords="offset points",
            fontsize=9,
            color=colors[i],
            arrowprops=line,
        )


def activations(functions: Mapping[str, Any], marked: tuple[float, float] | None = None) -> Figure:
    """Activation functions of z between −6 and 6 in one picture; ``marked`` is a point (z, value) to show."""
    import matplotlib.pyplot as plt
    import torch

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 2.9))
    z = torch.arange(-120, 121, dtype=torch.float64) / 20  # 0 is exactly 0, on every machine
    for style, (name, function) in zip(LINES, functions.items(), strict=False):
        axes.plot(z, function(z), label=name, linestyle=style)
    if marked:
        axes.plot(*marked, "o", color=INK, zorder=5)
        axes.annotate(
            f"z = {marked[0]:.1f}, output {marked[1]:.2f}",
            marked,
            xytext=(10, -14),
            textcoords="offset points",
            fontsize=9,
        )
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
    axes.set_xlabel("weighted sum z")
    axes.set_ylabel("output")
    axes.legend(loc="upper left")
    return describe(figure, f"The activations {', '.join(functions)} as curves over the weighted sum z from −6 to 6.")


def curves(
    lines: Mapping[str, tuple[Any, Any]],
    x: str,
    y: str,
    title: str = "",
    *,
    log: bool = False,
    top: float | None = None,
) -> Figure:
    """Lines, each named, over the axes ``x`` and ``y``; ``log`` counts y in powers of ten, ``top`` cuts y off."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 2.9))
    for style, (name, (across, up)) in zip(LINES, lines.items(), strict=False):
        axes.plot(np.asarray(across), np.asarray(up), label=name, linestyle=style)
    axes.set(xlabel=x, ylabel=y)
    if log:
        axes.set_yscale("log")
    if top is not None:
        axes.set_ylim(top=top)
    axes.set_title(title)
    if len(lines) > 1:
        axes.legend()
    said = ", ".join(lines)
    return describe(figure, f"{title + ': ' if title else ''}{y} against {x}, as a curve for each of: {said}.")


def tangents(function: Any, slope: Any, at: Sequence[float], reach: float = 4.0) -> Figure:
    """A curve and, at the places ``at``, the straight line that has its slope there."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 2.9))
    grid = np.linspace(-reach, reach, 81)
    axes.plot(grid, function(grid), color=INK)
    for color, x in zip(SERIES, at, strict=False):
        near = np.array([x - 0.9, x + 0.9])
        axes.plot(near, function(x) + slope(x) * (near - x), color=color)
        axes.plot(x, function(x), "o", color=color, zorder=5)
        words = f"slope {slope(x):g}".replace("-", "−")
        beside, side = (
            ((9, -13), "left") if slope(x) > 0 else ((-9, -4), "right") if slope(x) < 0 else ((0, -15), "center")
        )
        axes.annotate(
            words, (x, function(x)), xytext=beside, textcoords="offset points", ha=side, color=color, fontsize=9.5
        )
    axes.set(xlabel="x", ylabel="f(x)", ylim=(-2.5, None))
    places = ", ".join(f"{slope(x):g} at x = {x:g}" for x in at)
    return describe(figure, f"A curve with straight lines that touch it. Their slopes are {places}.")


def descents(function: Any, paths: Mapping[str, Sequence[float]], reach: float = 4.0) -> Figure:
    """For each path, the places it visits on the curve of ``function``, step after step, in a panel of its own."""
    import matplotlib.pyplot as plt

    use_style()
    figure, panels = plt.subplots(2, 2, figsize=(6.0, 4.4), sharex=True, sharey=True)
    grid = np.linspace(-reach, reach, 81)
    for axes, color, (name, path) in zip(panels.flat, SERIES, paths.items(), strict=False):
        places = np.asarray(path, dtype=float)
        axes.plot(grid, function(grid), color=FAINT, zorder=0)
        axes.plot(places, function(places), "o-", color=color, linewidth=1, markersize=4)
        axes.set_title(name, fontsize=10)
        axes.set(xlim=(-reach, reach), ylim=(-0.5, function(reach)))
    figure.supxlabel("x", fontsize=10)
    figure.supylabel("f(x)", fontsize=10)
    return describe(figure, f"Steps downhill on a curve, one panel for each of: {', '.join(paths)}.")


def cells(rows: Mapping[str, Any], columns: Sequence[str], title: str = "") -> Figure:
    """A table of numbers as shades, one row for each name, each number written into its cell."""
    import matplotlib.pyplot as plt

    use_style()
    table = np.array([np.asarray(row, dtype=float) for row in rows.values()])
    figure, axes = plt.subplots(figsize=(min(6.2, 2.6 + 0.5 * len(columns)), 0.42 * len(rows) + 0.9))
    shade = (table - table.min()) / max(float(np.ptp(table)), 1e-9)
    for row, column in np.ndindex(*table.shape):
        corner, words = (column, len(rows) - row - 1), f"{table[row, column]:.1f}".replace("-", "−")
        tint = {"facecolor": SERIES[1], "alpha": 0.05 + 0.45 * shade[row, column]}  # pale enough for words in ink
        axes.add_patch(Rectangle(corner, 1, 1, linewidth=0, **tint))
        axes.text(corner[0] + 0.5, corner[1] + 0.5, words, ha="center", va="center", fontsize=9)
    axes.set(xlim=(0, len(columns)), ylim=(0, len(rows)))
    axes.set_yticks(np.arange(len(rows)) + 0.5, list(rows)[::-1])
    axes.set_xticks(np.arange(len(columns)) + 0.5, list(columns))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    return describe(figure, f"{title}: a table of {len(rows)} rows ({'; '.join(rows)}) and {len(columns)} columns.")
