"""Figures of what happens over a text: a network unrolled, states that move, gates, and scores against length."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from glassformer.glass.figures.drawings import arrow, blank, box
from glassformer.glass.style import FAINT, INK, LINES, SERIES, describe, use_style


def unrolled(words: Sequence[str], states: Sequence[str], loss: str = "", back: Sequence[str] = ()) -> Figure:
    """A recurrent network with one box for each word: words below, states above, an arrow from box to box.

    ``loss`` stands behind the last box, and ``back`` under the arrows that lead back from there, latest word first.
    """
    figure, axes = blank(6.6, 2.5 if not loss else 3.1)
    low, count = (0.5 if not loss else 1.1), len(words)
    wide = 5.6 if not loss else 4.8
    across = [0.5 + wide * (i + 0.5) / count for i in range(count)]
    arrow(axes, (0.05, low + 0.75), (across[0] - 0.45, low + 0.75))
    axes.text(0.1, low + 0.92, "h₀", fontsize=9.5)
    for i, (x, word, state) in enumerate(zip(across, words, states, strict=True)):
        box(axes, x - 0.42, low + 0.5, 0.84, 0.5, "cell")
        axes.text(x, low + 0.0, word, ha="center", va="center", fontsize=11, weight="bold")
        arrow(axes, (x, low + 0.15), (x, low + 0.46))
        arrow(axes, (x, low + 1.04), (x, low + 1.36))
        axes.text(x, low + 1.55, state, ha="center", va="center", fontsize=9.5)
        if i + 1 < count:
            arrow(axes, (x + 0.46, low + 0.75), (across[i + 1] - 0.46, low + 0.75))
    if loss:
        arrow(axes, (across[-1] + 0.46, low + 0.75), (5.75, low + 0.75))
        axes.text(6.15, low + 0.75, loss, ha="center", va="center", fontsize=10)
        ends = [6.1, *across[::-1]]
        for start, end, words_back in zip(ends, ends[1:], back, strict=False):
            arrow(axes, (start - 0.1, 0.55), (end + 0.1, 0.55), SERIES[1])
            axes.text((start + end) / 2, 0.28, words_back, ha="center", va="center", fontsize=9, color=SERIES[1])
    said = ", ".join(f"{word} gives {state}" for word, state in zip(words, states, strict=True))
    behind = f" Behind the last one stands {loss}; slopes go back: {', '.join(back)}." if loss else ""
    return describe(figure, f"The same cell once for each word, joined from left to right: {said}.{behind}")


def orbits(rings: Mapping[str, Any]) -> Figure:
    """Points ``[N, 2]`` of the plane after each of several steps, as closed lines in one panel each."""
    import matplotlib.pyplot as plt

    use_style()
    figure, panels = plt.subplots(1, len(rings), figsize=(1.75 * len(rings), 2.2), sharex=True, sharey=True)
    for axes, (name, ring) in zip(panels, rings.items(), strict=True):
        points = np.asarray(ring)
        axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
        axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
        axes.add_patch(Rectangle((-1, -1), 2, 2, fill=False, edgecolor=FAINT, linewidth=0.8))
        axes.plot(points[:, 0], points[:, 1], color=SERIES[0])
        axes.plot(*points[0], "o", color=SERIES[1], markersize=5)
        axes.set_title(name, fontsize=9)
        axes.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), box_aspect=1, xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    return describe(figure, f"A ring of states of two units after each step: {', '.join(rings)}.")


def gates(rows: Mapping[str, Any]) -> Figure:
    """Gate values from 0 to 1, ``[T, H]`` for each name, as shades: time to the right, one row for each unit."""
    import matplotlib.pyplot as plt

    use_style()
    figure, panels = plt.subplots(len(rows), 1, figsize=(6.0, 1.5 * len(rows) + 0.5), sharex=True, squeeze=False)
    for axes, (name, values) in zip(panels[:, 0], rows.items(), strict=True):
        table = np.asarray(values, dtype=float).T
        for unit, row in enumerate(np.round(20 * table) / 20):
            starts = [0, *(np.flatnonzero(np.diff(row)) + 1), len(row)]  # one rectangle for equal shades in a row
            for start, end in pairwise(starts):
                corner = (start, len(table) - unit - 1)
                axes.add_patch(Rectangle(corner, end - start, 1, linewidth=0, facecolor=SERIES[0], alpha=row[start]))
        axes.set(xlim=(0, table.shape[1]), ylim=(0, len(table)), yticks=[])
        axes.set_ylabel(f"{len(table)} units")
        axes.set_title(f"{name}: full color is open", fontsize=10)
    panels[-1, 0].set_xlabel("words read")
    return describe(figure, f"Shades over time, in full color where a gate is open, for each unit: {', '.join(rows)}.")


def spread(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    at: Sequence[Any],
    x: str,
    y: str,
    guess: float | None = None,
) -> Figure:
    """Shares with their standard deviations at the places ``at``, a line for each name; ``guess``: what luck gives."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.6, 3.1))
    for i, (name, (means, deviations)) in enumerate(lines.items()):
        places = np.arange(len(at)) + 0.06 * (i - len(lines) / 2)
        shares = np.asarray(means)
        reach = np.minimum(np.asarray(deviations), np.stack([shares, 1 - shares]))  # no share lies below 0 or above 1
        axes.errorbar(
            places, means, reach, label=name, linestyle=LINES[i], color=SERIES[i], marker="o", markersize=4,
            capsize=3, linewidth=1.5,
        )  # fmt: skip
    if guess is not None:
        axes.axhline(guess, color=INK, linewidth=0.8, linestyle=(0, (2, 3)))
    axes.set_xticks(range(len(at)), [str(place) for place in at])
    axes.set(xlabel=x, ylabel=y, ylim=(-0.04, 1.04))
    axes.legend(fontsize=8.5, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)
    return describe(figure, f"{y} against {x}, with the spread over seeds, as a line for each of: {', '.join(lines)}.")
