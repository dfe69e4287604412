"""Drawings of networks and of how they learn."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from glassformer.glass.figures.drawings import arrow, blank, box
from glassformer.glass.style import FAINT, INK, PAPER, SERIES, describe


def network(layers: Sequence[Sequence[str]], weights: Sequence[Any], names: Sequence[str]) -> Figure:
    """Layers of units with a line for every weight, ``weights[i]`` of shape ``[units before, units after]``.

    ``layers`` holds the words in the units, ``names`` what stands under each layer. The weight is written on its line.
    """
    figure, axes = blank(6.4, 2.9)
    across = np.linspace(0.8, 5.6, len(layers))
    step = min(1.15, 1.6 / max(1, max(map(len, layers)) - 1))
    places = [
        [(x, 1.65 + step * ((len(units) - 1) / 2 - i)) for i in range(len(units))]
        for x, units in zip(across, layers, strict=True)
    ]
    for (before, after), table in zip(pairwise(places), weights, strict=True):
        for (i, (x0, y0)), (j, (x1, y1)) in ((a, b) for a in enumerate(before) for b in enumerate(after)):
            value = float(np.asarray(table)[i][j])
            axes.plot(
                [x0, x1], [y0, y1], color=SERIES[1] if value < 0 else SERIES[0], linewidth=0.8 + abs(value), zorder=0
            )
            at = 0.28 if i == j else 0.36
            words = f"{value:g}".replace("-", "−")
            patch = {"boxstyle": "round,pad=0.15", "facecolor": PAPER, "edgecolor": "none"}
            axes.text(
                x0 + at * (x1 - x0), y0 + at * (y1 - y0), words, ha="center", va="center", fontsize=9.5, bbox=patch
            )
    for x, units, row, name in zip(across, layers, places, names, strict=True):
        for words, (_, y) in zip(units, row, strict=True):
            axes.add_patch(Circle((x, y), 0.36, facecolor=PAPER, edgecolor=INK, linewidth=1.6))
            axes.text(x, y, words, ha="center", va="center", fontsize=10)
        axes.text(x, 0.22, name, ha="center", va="center", fontsize=10, color=INK)
    sizes = ", ".join(str(len(units)) for units in layers)
    return describe(
        figure, f"A network with layers of {sizes} units. Every unit is joined to all units of the next layer."
    )


def boxes(values: Sequence[str], steps: Sequence[str], slopes: Sequence[str]) -> Figure:
    """A chain of boxes: ``values`` flow to the right through ``steps``; ``slopes`` multiply on the way back."""
    figure, axes = blank(6.4, 2.0)
    edges = np.linspace(0.45, 5.95, len(values))
    for value, x in zip(values, edges, strict=True):
        axes.text(x, 1.25, value, ha="center", va="center", fontsize=11, weight="bold")
    for i, (step, slope) in enumerate(zip(steps, slopes, strict=True)):
        left, right = edges[i], edges[i + 1]
        middle, half = (left + right) / 2, (right - left) * 0.22
        box(axes, middle - half, 0.95, 2 * half, 0.6, step)
        arrow(axes, (left + 0.3, 1.25), (middle - half - 0.05, 1.25))
        arrow(axes, (middle + half + 0.05, 1.25), (right - 0.3, 1.25))
        arrow(axes, (right - 0.1, 0.62), (left + 0.1, 0.62), SERIES[1])
        axes.text(middle, 0.36, slope, ha="center", va="center", fontsize=10, color=SERIES[1])
    axes.text(3.2, 1.82, "values flow forward", ha="center", va="center", fontsize=9.5)
    axes.text(3.2, 0.08, "slopes multiply on the way back", ha="center", va="center", fontsize=9.5, color=SERIES[1])
    return describe(figure, f"A chain of boxes: {' to '.join(values)}. Under each box its slope: {'; '.join(slopes)}.")


def cycle(steps: Sequence[str]) -> Figure:
    """Steps in a row, with an arrow from the last back to the first."""
    figure, axes = blank(6.4, 1.9)
    width = 6.2 / len(steps)
    for i, words in enumerate(steps):
        box(axes, 0.1 + i * width, 0.75, width - 0.35, 0.8, words, SERIES[i % len(SERIES)])
        if i:
            arrow(axes, (0.1 + i * width - 0.31, 1.15), (0.1 + i * width - 0.03, 1.15))
    arrow(axes, (6.2 - width / 2, 0.7), (0.1 + width / 2 - 0.17, 0.7), bend=-0.13)
    axes.text(3.2, 0.2, "again, with slightly better weights", ha="center", va="center", fontsize=9.5)
    flat = "; then ".join(words.replace("\n", " ") for words in steps)
    return describe(figure, f"A cycle of boxes: {flat}; and again.")


def lookup(words: Sequence[str], chosen: int, table: Any) -> Figure:
    """A one-hot row times a table picks one row of the table: the vector of ``words[chosen]``."""
    numbers = np.asarray(table, dtype=float)
    figure, axes = blank(6.4, 0.42 * len(words) + 0.9)
    top, high, wide = 0.42 * len(words) + 0.2, 0.42, 0.62
    for i, word in enumerate(words):
        y, picked = top - (i + 1) * high, i == chosen
        axes.text(1.1, y + high / 2, word, ha="right", va="center", fontsize=10, weight="bold" if picked else "normal")
        axes.add_patch(Rectangle((1.25, y), high, high, facecolor=SERIES[1] if picked else PAPER, edgecolor=FAINT))
        axes.text(1.25 + high / 2, y + high / 2, "1" if picked else "0", ha="center", va="center", fontsize=10)
        for j, value in enumerate(numbers[i]):
            tint = {"facecolor": SERIES[1], "alpha": 0.25} if picked else {"facecolor": PAPER}
            axes.add_patch(Rectangle((2.4 + j * wide, y), wide, high, edgecolor=FAINT, **tint))
            place = (2.4 + (j + 0.5) * wide, y + high / 2)
            axes.text(*place, f"{value:.1f}".replace("-", "−"), ha="center", va="center", fontsize=9.5)
    axes.text(1.25 + high / 2, top + 0.25, "one-hot", ha="center", va="center", fontsize=9.5)
    axes.text(2.4 + numbers.shape[1] * wide / 2, top + 0.25, "table of vectors", ha="center", va="center", fontsize=9.5)
    axes.text(2.05, top - len(words) * high / 2, "×", ha="center", va="center", fontsize=13)
    y = top - (chosen + 0.5) * high
    end = 2.4 + numbers.shape[1] * wide
    arrow(axes, (end + 0.05, y), (end + 0.5, y), SERIES[1])
    axes.text(end + 0.55, y, "its vector", ha="left", va="center", fontsize=10, color=SERIES[1])
    said = (
        f"A column of {len(words)} numbers, 1 at the word {words[chosen]} and 0 elsewhere, beside a table of vectors."
    )
    return describe(figure, f"{said} The product is that word's row of the table.")
