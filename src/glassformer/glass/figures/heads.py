"""Figures of heads: how sharp softmax is, masks side by side, and a score for every head of a model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from glassformer.glass.figures.attention import draw_weights
from glassformer.glass.style import FAINT, SERIES, describe, use_style


def softmax_sharpness(widths: Sequence[int], plain: Sequence[float], scaled: Sequence[float], keys: int) -> Figure:
    """The largest of ``keys`` attention weights against d_k, with and without division by √d_k."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 3.0))
    axes.semilogx(widths, plain, "o-", base=2, color=SERIES[1], label="q · k")
    axes.semilogx(widths, scaled, "s--", base=2, color=SERIES[0], label="q · k / √d_k")
    axes.axhline(1 / keys, color=FAINT, linewidth=1.2)
    axes.text(widths[0], 1 / keys + 0.02, "equal shares", fontsize=9)
    axes.set_xticks(widths, [str(width) for width in widths])
    axes.minorticks_off()
    axes.set(xlabel="d_k", ylabel=f"largest of {keys} weights", ylim=(0, 1.02))
    axes.legend(loc="center right")
    said = f"it rises from {plain[0]:.2f} to {plain[-1]:.2f}; divided by the root of d_k it stays near {scaled[-1]:.2f}"
    return describe(figure, f"Two lines: the largest of {keys} random attention weights against d_k. Undivided {said}.")


def head_map(tables: Mapping[str, Any]) -> Figure:
    """Scores ``[N, H]`` between 0 and 1 for every head, a panel for each score, layers from left to right."""
    import matplotlib.pyplot as plt

    use_style()
    figure, panels = plt.subplots(len(tables), 1, figsize=(6.0, 2.15 * len(tables)), squeeze=False)
    for axes, (name, table) in zip(panels.flat, tables.items(), strict=True):
        scores = np.asarray(table, dtype=float).T
        draw_weights(axes, scores, [str(h) for h in range(scores.shape[0])], [""] * scores.shape[1])
        ticks = np.arange(0, scores.shape[1], 5)
        axes.set_xticks(ticks + 0.5, [str(i) for i in ticks], rotation=0, ha="center", fontsize=9)
        axes.set(title=name, xlabel="layer", ylabel="head")
    said = []
    for name, table in tables.items():
        scores = np.asarray(table, dtype=float)
        layer, head = np.unravel_index(scores.argmax(), scores.shape)
        said.append(f"{name} is highest in layer {layer}, head {head}: {scores.max():.2f}")
    return describe(figure, f"A map of all heads for each score, darker where it is higher. {'; '.join(said)}.")
