"""Figures on generation: a distribution under each rule, the tree of a beam search, and ways to choose compared."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from glassformer.glass.style import FAINT, INK, LINES, SERIES, describe, use_style

Beam = tuple[Sequence[str], float]


def _name(token: str) -> str:
    return token.replace("\n", "↵").replace("$", r"\$").strip() or "␣"


def rules(tokens: Sequence[str], panels: Mapping[str, Sequence[float]]) -> Figure:
    """Bars of the first ``panels`` entry's tokens under each rule, six to a row of two; what is cut has a cross."""
    import matplotlib.pyplot as plt

    use_style()
    across = 2
    down = -(-len(panels) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(7.2, 2.5 * down), squeeze=False, sharey=True, layout="constrained"
    )
    for ax, (title, probabilities) in zip(axes.flat, panels.items(), strict=False):
        values = np.asarray(probabilities, dtype=float)
        places = np.arange(len(values))
        ax.barh(places, values, color=SERIES[0])
        ax.plot(
            np.full((values == 0).sum(), 0.02 * values.max()), places[values == 0], "x", color=SERIES[1], markersize=6
        )
        ax.set_title(title)
        ax.set_yticks(places, [_name(token) for token in tokens])
        ax.set_ylim(len(values) - 0.4, -0.6)
    for ax in list(axes.flat)[len(panels) :]:
        ax.set_visible(False)
    return describe(
        figure,
        f"The probabilities of the tokens {', '.join(_name(token) for token in tokens)} under each of: "
        f"{'; '.join(panels)}. A cross marks a token that is cut off.",
    )


def beam_tree(levels: Sequence[Sequence[Beam]], root: str = "…") -> Figure:
    """The tree of a beam search. A level holds its beams, best first, as (tokens, log P); edges go to the parents.

    The best beam of the last level is drawn heavily, and so are its parents. Raises ``ValueError`` if a beam's parent
    is not in the level before.
    """
    import matplotlib.pyplot as plt

    use_style()
    widest = max(len(level) for level in levels)
    figure, ax = plt.subplots(figsize=(7.2, 1.0 + 0.95 * widest), layout="constrained")
    best = list(levels[-1][0][0])
    ax.text(0, 0, root, ha="center", va="center")
    for depth, level in enumerate(levels, start=1):
        before: dict[tuple[str, ...], int] = (
            {(): 0} if depth == 1 else {tuple(beam[0]): rank for rank, beam in enumerate(levels[depth - 2])}
        )
        for rank, (tokens, score) in enumerate(level):
            if tuple(tokens[:-1]) not in before:
                raise ValueError(f"levels must hold the parent of every beam, but {tokens} at {depth} has none.")
            on_path = list(tokens) == best[:depth]
            ax.plot(
                [depth - 0.72, depth - 0.3],
                [-before[tuple(tokens[:-1])], -rank],
                color=SERIES[0] if on_path else FAINT,
                linewidth=2.4 if on_path else 1.2,
            )
            words = f"{_name(tokens[-1])}\n{score:.2f}".replace("-", "−")
            ax.text(depth, -rank, words, ha="center", va="center", color=INK, weight="bold" if on_path else "normal")
    ax.set(xlim=(-0.4, len(levels) + 0.45), ylim=(-widest + 0.5, 0.5))
    ax.axis("off")
    return describe(
        figure,
        f"A tree of {len(levels)} steps with at most {widest} beams. The best text is "
        f"{' '.join(_name(token) for token in best)}, with log P {levels[-1][0][1]:.2f}.",
    )


def entropies(temperatures: Sequence[float], lines: Mapping[str, Sequence[float]]) -> Figure:
    """Entropy in nats against the temperature, a line for each beginning."""
    import matplotlib.pyplot as plt

    use_style()
    figure, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    for style, color, (name, values) in zip(LINES, SERIES, lines.items(), strict=False):
        ax.plot(temperatures, values, linestyle=style, color=color, label=name)
    ax.set(xlabel="temperature", ylabel="entropy, nats", ylim=(0, None))
    figure.legend(loc="outside lower center", ncols=1)
    return describe(figure, f"Entropy rises with temperature, a curve for each of: {'; '.join(lines)}.")


def ways(points: Mapping[str, tuple[float, float]]) -> Figure:
    """Distinct pairs of tokens against mean log P, a numbered point for each way to choose."""
    import matplotlib.pyplot as plt

    use_style()
    figure, ax = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
    at: dict[tuple[float, float], list[str]] = {}
    for number, (name, (log, distinct)) in enumerate(points.items(), start=1):
        ax.plot(log, distinct, "o", color=SERIES[0], markersize=5, label=f"{number} {name}")
        at.setdefault((round(log, 2), round(distinct, 2)), []).append(str(number))
    for place, numbers in at.items():  # ways that wrote the same texts share a point and its label
        aside = {"xytext": (5, 5)} if len(numbers) == 1 else {"xytext": (-5, 5), "ha": "right"}
        ax.annotate(", ".join(numbers), place, textcoords="offset points", **aside)
    ax.set(xlabel="mean log P of a token", ylabel="distinct pairs of tokens")
    figure.legend(loc="outside lower center", ncols=2, handlelength=0, handletextpad=0, markerscale=0)
    said = "; ".join(f"{name}: log P {log:.2f}, distinct {distinct:.2f}" for name, (log, distinct) in points.items())
    return describe(figure, f"Each way to choose as a point. {said}.")
