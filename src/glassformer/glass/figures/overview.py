"""Drawings of the whole: the stages from text to token, two ways to carry news along a text, and shares of a sum."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from glassformer.glass.figures.drawings import arrow, blank, box
from glassformer.glass.style import INK, PAPER, SERIES, describe, use_style


def pipeline(stages: Sequence[tuple[str, str]]) -> Figure:
    """The stages from top to bottom, each a pair of its name and of the shape that leaves it. Section 4."""
    step = 0.72
    height = step * len(stages) + 0.3
    figure, axes = blank(6.4, height)
    for row, (name, shape) in enumerate(stages):
        y = height - 0.2 - step * (row + 1) + 0.22
        box(axes, 0.3, y, 3.1, 0.46, name, SERIES[row % 3])
        axes.text(3.65, y + 0.23, shape, ha="left", va="center", fontsize=9.5)
        if row + 1 < len(stages):
            arrow(axes, (1.85, y), (1.85, y - step + 0.46))
    words = "; ".join(f"{name}, giving {shape}" for name, shape in stages)
    return describe(figure, f"Boxes from top to bottom, joined by arrows: {words}.")


def chain_and_web(words: Sequence[str]) -> Figure:
    """Above, a recurrent network hands a state from word to word; below, the last word reads every word. Section 3."""
    figure, axes = blank(6.6, 3.3)
    width = 6.4 / len(words)
    for top, color in ((2.05, SERIES[0]), (0.3, SERIES[1])):
        for place, word in enumerate(words):
            box(axes, 0.12 + place * width, top, width - 0.3, 0.42, word, color)
    for place in range(len(words) - 1):
        start = 0.12 + place * width + width - 0.3
        arrow(axes, (start + 0.02, 2.26), (start + 0.28, 2.26), SERIES[0])
        middle = 0.12 + place * width + (width - 0.3) / 2
        last = 0.12 + (len(words) - 1) * width + (width - 0.3) / 2
        arrow(axes, (middle, 0.74), (last, 0.74), SERIES[1], bend=-0.22)
    hops = len(words) - 1
    axes.text(0.1, 2.8, f"recurrent: {hops} steps, one after the other", fontsize=10, weight="bold", color=INK)
    axes.text(0.1, 1.7, "attention: one step from every word", fontsize=10, weight="bold", color=INK)
    return describe(
        figure,
        f"Two rows of the same {len(words)} words. In the upper one an arrow leads from each word to the next, so that "
        f"the first needs {hops} steps to reach the last. In the lower one an arrow leads from each word to the last.",
    )


def shares(rows: Mapping[str, Mapping[str, float]], title: str = "") -> Figure:
    """For each row, a bar of length 1 that is cut into the shares of its parts. Section 4."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(6.4, 0.55 * len(rows) + 1.2))
    names = list(rows)[::-1]
    parts: list[str] = list(next(iter(rows.values())))
    left = [0.0] * len(names)
    for part, color in zip(parts, SERIES, strict=False):
        values: list[Any] = [rows[name][part] / sum(rows[name].values()) for name in names]
        axes.barh(names, values, left=left, height=0.6, color=color, label=part)
        for row, value in enumerate(values):
            if value > 0.08:
                axes.text(left[row] + value / 2, row, f"{value:.0%}", ha="center", va="center", color=PAPER)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    figure.legend(loc="outside lower center", ncols=min(3, len(parts)))
    axes.set_title(title)
    told = "; ".join(
        f"{name}: " + ", ".join(f"{part} {value / sum(row.values()):.0%}" for part, value in row.items())
        for name, row in rows.items()
    )
    return describe(figure, f"Bars cut into shares. {title}: {told}.")
