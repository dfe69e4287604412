"""Positions: their waves, where heads look by distance, and how far a trained model reaches."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from glassformer.glass.style import FAINT, INK, LINES, SERIES, describe, use_style


def waves(table: Any, columns: Sequence[int]) -> Figure:
    """Columns of a table of positions, ``[positions, D]``, one above the other, each as a wave along the positions."""
    import matplotlib.pyplot as plt

    use_style()
    numbers = np.asarray(table, dtype=float)[:, list(columns)]
    figure, axes = plt.subplots(figsize=(6.4, 0.62 * len(columns) + 0.8))
    for row, wave in enumerate(numbers.T):
        height = 2.5 * (len(columns) - 1 - row)
        axes.axhline(height, color=FAINT, linewidth=0.8, zorder=0)
        axes.plot(height + wave, color=SERIES[row % len(SERIES)], linewidth=1.8)
    axes.set_yticks([2.5 * (len(columns) - 1 - row) for row in range(len(columns))], [f"{c}" for c in columns])
    axes.set(xlabel="position", ylabel="column", xlim=(0, len(numbers) - 1), title="Columns of the table")
    return describe(
        figure,
        f"{len(columns)} columns of a table of positions as waves over {len(numbers)} positions, from column "
        f"{columns[0]} on top to column {columns[-1]}, each slower than the one above.",
    )


def looks(schemes: Mapping[str, Any]) -> Figure:
    """A panel for each scheme: its heads' mean attention weights by distance, ``[heads, distances]``, from 0 on."""
    import matplotlib.pyplot as plt

    use_style()
    rows = (len(schemes) + 1) // 2
    figure, panels = plt.subplots(rows, 2, figsize=(6.8, 1.95 * rows), sharex=True, sharey=True, squeeze=False)
    said = []
    for axes, (name, table) in zip(panels.flat, schemes.items(), strict=False):
        numbers = np.asarray(table, dtype=float)
        for head, weights in enumerate(numbers):
            axes.plot(weights, color=SERIES[head % len(SERIES)], linestyle=LINES[head % len(LINES)], linewidth=1.5)
        axes.axhline(1 / numbers.shape[1], color=FAINT, linewidth=1, zorder=0)
        axes.set_title(name)
        axes.set_yscale("log")
        axes.set_ylim(5e-4, 1)
        said.append(f"{name}, {numbers[:, :8].sum(1).mean():.0%}")
    for axes in panels[:, 0]:
        axes.set_ylabel("mean weight")
    for axes in panels[-1]:
        axes.set_xlabel("distance back")
    for axes in list(panels.flat)[len(schemes) :]:
        axes.set_axis_off()
    return describe(
        figure,
        "For each scheme, the mean attention weight of each head at each distance, on a logarithmic scale. On the last "
        f"eight characters lies, on average over the heads: {'; '.join(said)}.",
    )


def reach(panels: Mapping[str, Mapping[str, Any]], length: int, wide: int) -> Figure:
    """Losses along the positions, a panel for each group of curves; ``wide`` positions make one point.

    The trained ``length`` is marked.
    """
    import matplotlib.pyplot as plt

    use_style()
    figure, drawn = plt.subplots(len(panels), 1, figsize=(6.4, 2.9 * len(panels)), sharex=True, squeeze=False)
    said = []
    for axes, (title, group) in zip(drawn[:, 0], panels.items(), strict=True):
        for i, (name, losses) in enumerate(group.items()):
            numbers = np.asarray(losses, dtype=float)
            places = wide * np.arange(len(numbers)) + (wide + 1) / 2
            axes.plot(places, numbers, color=SERIES[i % len(SERIES)], linestyle=LINES[i % len(LINES)], label=name)
            said.append(f"{name} ends at {numbers[-1]:.2f}")
        axes.axvline(length, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(ylabel="loss", title=title)
        axes.legend(ncols=3, loc="upper left", bbox_to_anchor=(0, -0.16 if len(panels) == 1 else -0.08))
    drawn[-1, 0].set_xlabel("position in the text")
    drawn[-1, 0].legend(ncols=3, loc="upper left", bbox_to_anchor=(0, -0.24))
    return describe(
        figure,
        f"Loss over the position in the text; a line marks the trained length of {length}. {'; '.join(said)}.",
    )
