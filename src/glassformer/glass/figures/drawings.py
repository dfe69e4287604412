"""Drawings: boxes, circles and arrows. Each function draws, describes what it drew in words, and returns the figure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, FancyBboxPatch

from glassformer.glass.style import FAINT, INK, PAPER, SERIES, describe, use_style


def blank(width: float, height: float) -> tuple[Figure, Any]:
    """A surface of ``width`` × ``height`` units with no axes around it. A unit is 0.85 inches: words stand out."""
    import matplotlib.pyplot as plt

    use_style()
    figure = plt.figure(figsize=(0.85 * width, 0.85 * height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.axis("off")
    return figure, axes


def box(axes: Any, x: float, y: float, width: float, height: float, words: str, color: str = INK) -> None:
    """A box with rounded corners, its lower left one at (x, y), and words in it."""
    style: dict[str, Any] = {"boxstyle": "round,pad=0.02,rounding_size=0.08", "linewidth": 1.6, "edgecolor": color}
    axes.add_patch(FancyBboxPatch((x, y), width, height, facecolor=PAPER, **style))
    axes.text(x + width / 2, y + height / 2, words, ha="center", va="center", fontsize=9.5)


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], color: str = INK, bend: float = 0) -> None:
    """An arrow from ``start`` to ``end``, bent by that part of its length."""
    style = {"arrowstyle": "-|>", "color": color, "linewidth": 1.2, "connectionstyle": f"arc3,rad={bend}"}
    axes.annotate("", end, start, arrowprops=style)


def hierarchy() -> Figure:
    """Artificial intelligence ⊃ machine learning ⊃ deep learning, as nested ovals."""
    figure, axes = blank(6.4, 3.7)
    rings = (
        ("Artificial intelligence", "rules that people write", 6.2, 3.5, 1.85, 3.32),
        ("Machine learning", "weights found from examples", 4.9, 2.52, 1.40, 2.37),
        ("Deep learning", "features found as well", 3.5, 1.55, 0.95, 1.40),
    )
    for color, (name, gist, width, height, middle, top) in zip(SERIES, rings, strict=False):
        axes.add_patch(Ellipse((3.2, middle), width, height, facecolor=color, alpha=0.10, linewidth=0))
        axes.add_patch(Ellipse((3.2, middle), width, height, fill=False, edgecolor=color, linewidth=1.6))
        axes.text(3.2, top - 0.12, name, ha="center", va="center", fontsize=11.5, weight="bold", color=color)
        axes.text(3.2, top - 0.36, gist, ha="center", va="center", fontsize=9.5, color=INK)
    axes.text(
        3.2,
        0.60,
        "neural networks with several layers,\ntransformers among them",
        ha="center",
        va="center",
        fontsize=9.5,
    )
    return describe(
        figure,
        "Three nested ovals. The outer one is artificial intelligence, rules that people write; in it lies machine "
        "learning, weights found from examples; in that lies deep learning, where the features are found as well.",
    )


def transformer_overview() -> Figure:
    """From text to the next token, in one drawing: cut, number, then exchange and think by turns, then choose."""
    figure, axes = blank(6.4, 3.0)
    box(axes, 0.1, 1.0, 0.95, 0.7, "text, cut\ninto tokens")
    box(axes, 1.4, 1.0, 0.95, 0.7, "numbers\nfor each")
    box(axes, 2.75, 1.52, 1.45, 0.58, "tokens exchange\n(attention)", SERIES[0])
    box(axes, 2.75, 0.62, 1.45, 0.58, "each thinks alone\n(feed-forward)", SERIES[1])
    axes.add_patch(FancyBboxPatch((2.64, 0.5), 1.67, 1.72, boxstyle="round,pad=0.02", fill=False, edgecolor=FAINT))
    axes.text(3.47, 0.27, "layer after layer", ha="center", va="center", fontsize=9.5)
    box(axes, 4.65, 1.0, 0.8, 0.7, "probabil-\nities")
    box(axes, 5.75, 1.0, 0.55, 0.7, "next\ntoken", SERIES[2])
    for start, end in ((1.08, 1.38), (2.38, 2.61), (4.34, 4.62), (5.48, 5.73)):
        arrow(axes, (start, 1.35), (end, 1.35))
    arrow(axes, (3.2, 1.49), (3.2, 1.23))
    arrow(axes, (3.75, 1.23), (3.75, 1.49))
    arrow(axes, (6.02, 1.76), (0.57, 1.76), bend=0.3)
    axes.text(3.3, 2.8, "the new token joins the text, and it starts again", ha="center", va="center", fontsize=9.5)
    return describe(
        figure,
        "A transformer as a chain of boxes: text cut into tokens, a list of numbers for each, layers in which tokens "
        "exchange by attention and then think alone, a probability for each possible token, the next token. "
        "An arrow leads from the next token back to the text.",
    )


def neuron_diagram(inputs: Sequence[str], weights: Sequence[float], bias: float) -> Figure:
    """A neuron as a drawing: inputs, weights on their lines, the sum with its bias, the activation, the output."""
    figure, axes = blank(6.4, 2.7)
    heights = np.linspace(2.25, 0.45, len(inputs))
    for name, weight, height in zip(inputs, weights, heights, strict=True):
        axes.text(1.48, height, name, ha="right", va="center", fontsize=10)
        axes.add_patch(Circle((1.65, height), 0.07, facecolor=SERIES[0], linewidth=0))
        axes.annotate(
            "",
            (3.02, 1.35),
            (1.75, height),
            arrowprops={"arrowstyle": "-", "color": SERIES[0], "linewidth": 1 + 2 * abs(weight)},
        )
        axes.text(
            2.25,
            height + (1.35 - height) * 0.42 + 0.16,
            f"× {weight:g}".replace("-", "−"),
            ha="center",
            fontsize=10,
            weight="bold",
            color=SERIES[0],
        )
    axes.add_patch(Circle((3.35, 1.35), 0.36, facecolor=PAPER, edgecolor=INK, linewidth=1.6))
    axes.text(3.35, 1.35, "add", ha="center", va="center", fontsize=10.5)
    axes.text(
        3.35,
        0.5,
        f"bias {bias:g}".replace("-", "−"),
        ha="center",
        va="center",
        fontsize=10,
        weight="bold",
        color=SERIES[1],
    )
    axes.annotate("", (3.35, 0.98), (3.35, 0.64), arrowprops={"arrowstyle": "-|>", "color": SERIES[1]})
    axes.annotate("", (4.28, 1.35), (3.72, 1.35), arrowprops={"arrowstyle": "-|>", "color": INK})
    axes.text(4.0, 1.5, "z", ha="center", fontsize=11, style="italic")
    axes.add_patch(
        FancyBboxPatch(
            (4.32, 1.0), 0.7, 0.7, boxstyle="round,pad=0.03", facecolor=PAPER, edgecolor=SERIES[2], linewidth=1.6
        )
    )
    curve = np.linspace(-4, 4, 33)
    axes.plot(4.67 + curve * 0.075, 1.08 + 0.54 / (1 + np.exp(-1.6 * curve)), color=SERIES[2])
    axes.text(4.67, 0.8, "activation", ha="center", va="center", fontsize=9.5, color=SERIES[2])
    axes.annotate("", (5.7, 1.35), (5.08, 1.35), arrowprops={"arrowstyle": "-|>", "color": INK})
    axes.text(5.78, 1.35, "output", va="center", fontsize=10)
    return describe(
        figure,
        f"A neuron. {len(inputs)} inputs ({', '.join(inputs)}) are multiplied by the weights "
        f"{', '.join(f'{w:g}' for w in weights)}, added to the bias {bias:g}, "
        "and bent by an activation into one output.",
    )
