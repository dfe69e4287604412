"""Multi-layer perceptrons as drawings: the bare layers, and one example with every number on its way there and back."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from glassformer.glass.figures.drawings import arrow, blank, box
from glassformer.glass.style import FAINT, INK, PAPER, SERIES, describe


def layers(sizes: Sequence[int], names: Sequence[str]) -> Figure:
    """Layers of circles, joined by a line for every weight; ``names`` stand under them."""
    figure, axes = blank(6.4, 2.9)
    across = np.linspace(0.7, 5.7, len(sizes))
    step = min(0.62, 2.1 / max(sizes))
    places = [
        [(x, 1.7 + step * ((size - 1) / 2 - i)) for i in range(size)] for x, size in zip(across, sizes, strict=True)
    ]
    for before, after in pairwise(places):
        for start in before:
            for end in after:
                axes.plot(*zip(start, end, strict=True), color=FAINT, linewidth=0.9, zorder=0)
    for number, (x, row, name) in enumerate(zip(across, places, names, strict=True)):
        for place in row:
            axes.add_patch(
                Circle(place, 0.36 * step, facecolor=PAPER, edgecolor=SERIES[number % len(SERIES)], linewidth=1.6)
            )
        axes.text(x, 0.25, name, ha="center", va="center", fontsize=9.5)
    sizes_in_words = ", ".join(map(str, sizes))
    return describe(
        figure,
        f"Layers of {sizes_in_words} units from left to right. Every unit is joined to all units of the next layer.",
    )


def there_and_back(
    columns: Sequence[Sequence[str]], slopes: Sequence[Sequence[str]], names: Sequence[str], title: str
) -> Figure:
    """One example through a network: ``columns`` of values to the right, under each value its slope of the loss.

    ``slopes`` has the shape of ``columns``; an empty string leaves a slope out. ``names`` stand over the columns.
    """
    figure, axes = blank(7.4, 4.2)
    across = np.linspace(0.75, 6.65, len(columns))
    places = [
        [(x, 1.95 + 1.05 * ((len(column) - 1) / 2 - i)) for i in range(len(column))]
        for x, column in zip(across, columns, strict=True)
    ]
    for before, after in pairwise(places):
        for x0, y0 in before:
            for x1, y1 in after:
                axes.plot([x0, x1], [y0, y1], color=FAINT, linewidth=1, zorder=0)
    for column, under, row in zip(columns, slopes, places, strict=True):
        for words, slope, (x, y) in zip(column, under, row, strict=True):
            box(axes, x - 0.56, y - 0.36, 1.12, 0.72, words + ("\n" if slope else ""))
            if slope:
                axes.text(x, y - 0.19, slope, ha="center", va="center", fontsize=8.5, color=SERIES[1])
    for x, name in zip(across, names, strict=True):
        axes.text(x, 3.62, name, ha="center", va="center", fontsize=9.5, weight="bold")
    axes.text(3.7, 4.0, title, ha="center", va="center", fontsize=10)
    arrow(axes, (0.4, 0.46), (7.0, 0.46), INK)
    axes.text(3.7, 0.52, "values flow forward", ha="center", va="bottom", fontsize=9)
    arrow(axes, (7.0, 0.34), (0.4, 0.34), SERIES[1])
    axes.text(3.7, 0.26, "slopes of the loss flow back", ha="center", va="top", fontsize=9, color=SERIES[1])
    flow = "; ".join(
        f"{name}: {', '.join(words.replace(chr(10), ' ') for words in column)}"
        for name, column in zip(names, columns, strict=True)
    ).replace(chr(10), " ")
    return describe(figure, f"One example through the network. {title} {flow}. Under the values stand their slopes.")
