"""Drawings of the key-value cache: what it saves, what it holds, what bounds its speed, how it is laid out."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from glassformer.glass.style import FAINT, INK, LINES, PAPER, SERIES, describe, use_style


def recomputed(tokens: Sequence[str], prompt: int) -> Figure:
    """What each step of generation reads, without a cache and with one. The first ``prompt`` tokens are given."""
    import matplotlib.pyplot as plt

    use_style()
    steps = len(tokens) - prompt
    figure, axes = plt.subplots(2, 1, figsize=(5.2, 0.62 * steps + 2.1), sharex=True)
    counts = []
    for ax, cached in zip(axes, (False, True), strict=True):
        done = 0
        for step in range(steps):
            until = prompt + step
            for place in range(until):
                known = place < done
                if cached and known:
                    ax.add_patch(Rectangle((place + 0.06, step + 0.1), 0.88, 0.8, facecolor="none", edgecolor=FAINT))
                    continue
                ax.add_patch(Rectangle((place + 0.06, step + 0.1), 0.88, 0.8, facecolor=SERIES[1 if known else 0]))
            done = until
        read = sum(prompt + s for s in range(steps)) if not cached else prompt + steps - 1
        counts.append(read)
        ax.set(xlim=(0, len(tokens) - 1), ylim=(steps, 0))
        ax.set_yticks([s + 0.5 for s in range(steps)], [f"step {s + 1}" for s in range(steps)])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_title(f"{'With a' if cached else 'Without a'} cache: {read} tokens read")
    axes[1].set_xticks(
        [i + 0.5 for i in range(len(tokens) - 1)], [t.strip() for t in tokens[:-1]], rotation=60, ha="right"
    )
    axes[1].tick_params(axis="x", pad=-2)
    return describe(
        figure,
        f"Rows are the {steps} steps of generation after a prompt of {prompt} tokens, columns the tokens that a step "
        f"reads. Without a cache each step reads all tokens again, {counts[0]} in all. With a cache each token is read "
        f"once, {counts[1]} in all.",
    )


def prefix_mask(known: int, new: int, shift: int | None = None, title: str = "") -> Figure:
    """Which keys the ``new`` queries see after ``known`` tokens in the cache; ``shift`` draws a mask that is off."""
    import matplotlib.pyplot as plt

    use_style()
    shift = known if shift is None else shift
    keys = known + new
    figure, ax = plt.subplots(figsize=(0.5 * keys + 1.4, 0.42 * new + 1.1))
    for query in range(new):
        for key in range(keys):
            seen, right = key <= query + shift, key <= query + known
            color = (SERIES[0] if key < known else SERIES[2]) if seen else "none"
            ax.add_patch(Rectangle((key + 0.05, query + 0.08), 0.9, 0.84, facecolor=color, edgecolor=FAINT))
            if seen != right:
                ax.plot([key + 0.25, key + 0.75], [query + 0.3, query + 0.7], color=SERIES[1])
                ax.plot([key + 0.25, key + 0.75], [query + 0.7, query + 0.3], color=SERIES[1])
    ax.set(xlim=(0, keys), ylim=(new, 0), xlabel="slot of the key")
    ax.set_xticks(np.arange(keys) + 0.5, [str(i) for i in range(keys)])
    ax.set_yticks(np.arange(new) + 0.5, [f"query {known + i}" for i in range(new)])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(title)
    wrong = sum((k <= q + shift) != (k <= q + known) for q in range(new) for k in range(keys))
    said = f" {wrong} cells, marked with a cross, are wrong." if wrong else ""
    return describe(
        figure,
        f"{new} queries, slots {known} to {keys - 1}, against {keys} keys, of which {known} were in the cache. "
        f"A query may see its own slot and all before it.{said}",
    )


def growth(
    sizes: Mapping[str, tuple[Sequence[float], Sequence[float]]], unit: str, marks: Mapping[str, float]
) -> Figure:
    """Memory over the number of tokens, both in powers of ten; ``marks`` are levels to compare with."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 4.0))
    colors = [*SERIES, INK]
    for number, (name, (tokens, memory)) in enumerate(sizes.items()):
        axes.plot(tokens, memory, label=name, color=colors[number % 7], linestyle=LINES[number % len(LINES)])
    for name, level in marks.items():
        axes.axhline(level, color=INK, linewidth=0.9, linestyle=(0, (1, 3)))
        axes.annotate(name, (1, level), xytext=(2, 3), textcoords="offset points", fontsize=8.5)
    axes.set(xscale="log", yscale="log", xlabel="tokens of one text", ylabel=f"state in {unit}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.18), ncols=2, fontsize=8.5)
    last = "; ".join(f"{name} {memory[-1]:.3g}" for name, (_, memory) in sizes.items())
    return describe(
        figure,
        f"The state in {unit} against the number of tokens, both axes in powers of ten. "
        f"At {tokens[-1]:,} tokens: {last}.",
    )


def roofline(peak: float, bandwidth: float, points: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """What a machine can reach at each arithmetic intensity, and what was measured.

    ``peak`` in GFLOP/s, ``bandwidth`` in GB/s, ``points`` as pairs of FLOP per byte and GFLOP/s.
    """
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 3.6))
    every = [x for some in points.values() for x, _ in some]
    across = np.geomspace(min(every) / 2, max(*every, 4 * peak / bandwidth), 100)
    axes.plot(across, np.minimum(peak, bandwidth * across), color=INK, label="roof")
    for color, marker, (name, some) in zip(SERIES, "osD^", points.items(), strict=False):
        axes.plot(*zip(*some, strict=True), marker, color=color, label=name)
    ridge = peak / bandwidth
    axes.axvline(ridge, color=FAINT, linewidth=1, zorder=0)
    axes.set(xscale="log", yscale="log", xlabel="arithmetic intensity in FLOP per byte", ylabel="GFLOP per second")
    low = axes.get_ylim()[0]
    for word, side, away in (("memory limits", "right", -5), ("arithmetic limits", "left", 5)):
        axes.annotate(word, (ridge, low), xytext=(away, 6), textcoords="offset points", ha=side, fontsize=9)
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.18), ncols=2, fontsize=8.5)
    return describe(
        figure,
        "The roofline of this machine, both axes in powers of ten: up to the ridge the speed grows with the FLOPs per "
        "byte, beyond it the speed is flat. The measured points lie below the slope on the left and near the flat "
        "part on the right.",
    )


def memory_map(maps: Mapping[str, Sequence[int]], columns: int = 32) -> Figure:
    """Slots of memory in rows. A number above 0 is a text with a token there, below 0 one that reserved it, 0 none."""
    import matplotlib.pyplot as plt

    use_style()
    rows = [-(-len(slots) // columns) for slots in maps.values()]
    figure, axes = plt.subplots(
        len(maps), 1, figsize=(5.2, 0.24 * sum(rows) + 0.55 * len(maps)), height_ratios=rows, squeeze=False
    )
    said = []
    for ax, (name, slots), height in zip(axes[:, 0], maps.items(), rows, strict=True):
        runs = [0, *(i for i in range(1, len(slots)) if i % columns == 0 or slots[i] != slots[i - 1]), len(slots)]
        for i, end in pairwise(runs):
            owner, x, y = slots[i], i % columns, i // columns
            color = SERIES[(abs(owner) - 1) % len(SERIES)] if owner else FAINT
            filled = owner > 0
            ax.add_patch(
                Rectangle(
                    (x + 0.08, y + 0.1),
                    end - i - 0.16,
                    0.8,
                    facecolor=color if filled else "none",
                    edgecolor=color,
                    linewidth=0.8,
                )
            )
        ax.vlines(range(1, columns), 0, height, color=PAPER, linewidth=1.2)
        used, held = sum(s > 0 for s in slots), sum(s < 0 for s in slots)
        said.append(f"{name}: {used} of {len(slots)} slots hold tokens, {held} are reserved and empty.")
        ax.set(xlim=(0, columns), ylim=(height, 0))
        ax.axis("off")
        ax.set_title(name)
    return describe(figure, "Maps of memory, one square a slot, a color for each text. " + " ".join(said))


def recall_by_window(widths: Sequence[int], lines: Mapping[str, Sequence[float]], y: str, log: bool = True) -> Figure:
    """A value for each width of a window, a line for each way to keep tokens."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 3.0))
    for number, (name, values) in enumerate(lines.items()):
        axes.plot(widths, values, marker="os^"[number % 3], color=SERIES[number], linestyle=LINES[number], label=name)
    axes.set(xlabel="tokens kept", ylabel=y, yscale="log" if log else "linear")
    axes.legend()
    ends = "; ".join(f"{name} from {values[0]:.2g} to {values[-1]:.2g}" for name, values in lines.items())
    return describe(figure, f"{y} against the number of tokens kept, {widths[0]} to {widths[-1]}: {ends}.")
