"""Drawings of architectures, made from the modules themselves: one function for all of them; and masks as squares.

Legend: T queries, S keys.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from glassformer.glass.anatomy import Sublayer, anatomy, positions, sublayers
from glassformer.glass.figures.drawings import arrow, blank, box
from glassformer.glass.style import FAINT, INK, PAPER, SERIES, describe, use_style

COLORS: Final = {"self": SERIES[0], "cross": SERIES[4], "norm": SERIES[3]}
NORM, PART, GAP = 0.34, 0.74, 0.2  # the heights of boxes, and of what is between them


def architecture(model: Any, title: str = "") -> Figure:
    """The first layer of ``model``, drawn from its modules from below: norms, parts and additions in their order.

    An encoder-decoder has two columns. Raises ``ValueError`` for a placement of norms that is not known.
    """
    trunks = [trunk for trunk in (model.encoder, model) if trunk is not None]
    layers = [sublayers(trunk) for trunk in trunks]
    wide = 4.7 if any(sub.placement == "parallel" for sub in layers[0]) else 2.85
    height = max(map(_column_height, trunks, layers)) + (0.5 if len(trunks) > 1 else 0.25) + (0.3 if title else 0)
    figure, axes = blank(wide * len(trunks) + 0.15, height)
    for column, (trunk, layer) in enumerate(zip(trunks, layers, strict=True)):
        name = "encoder" if trunk is not model else "decoder" if model.encoder is not None else ""
        _column(axes, column * wide + 0.1, wide, trunk, layer, name, model)
    if title:
        axes.text(0.1, height - 0.2, title, fontsize=11, weight="bold", va="center")
    return describe(figure, _words(model, layers, title))


def _column_height(trunk: Any, layer: Sequence[Sublayer]) -> float:
    return 0.85 + sum(map(_height, layer)) + 0.68 + (0.34 if _last(trunk) else 0)


def _last(trunk: Any) -> str:
    """The norm after the last layer, or nothing."""
    words = str(trunk.norm)
    return next((name for name in ("RMSNorm", "LayerNorm") if name in words), "")


def _height(sub: Sublayer) -> float:
    """What ``_sublayer`` takes."""
    inner = 0.1 + PART + 3 * GAP
    if sub.placement == "post":
        return inner + NORM + 0.06
    return inner + GAP + (NORM if sub.norm else 0)


def _part(axes: Any, x: float, y: float, width: float, words: str) -> None:
    color = COLORS.get(words.split("-")[0], SERIES[1])
    box(axes, x, y, width, PART, words, color)


def _add(axes: Any, x: float, y: float) -> None:
    axes.add_patch(Circle((x, y), 0.13, facecolor=PAPER, edgecolor=INK, linewidth=1.4, zorder=3))
    axes.text(x, y, "+", ha="center", va="center", fontsize=11, zorder=4)


def _column(axes: Any, x: float, wide: float, trunk: Any, layer: list[Sublayer], name: str, model: Any) -> None:
    """One stack: what goes in, the sublayers of one layer in a frame, what comes out."""
    stream, left, width = x + 0.42, x + 0.8, wide - 1.0
    order = {"learned": " + learned positions", "sinusoids": " + sinusoids"}.get(positions(trunk), "")
    axes.text(x + 0.1, 0.16, f"tokens{order}", fontsize=9, va="center")
    axes.plot([stream, stream], [0.3, 0.75], color=INK, linewidth=1.6, zorder=0)
    has_norm = not str(trunk.embed_norm).startswith("Identity")
    if has_norm:
        box(axes, x + 0.12, 0.38, 1.3, 0.3, "LayerNorm", COLORS["norm"])
    y = bottom = 0.85
    for sub in layer:
        y = _sublayer(axes, stream, left, width, y, sub)
    axes.plot([stream, stream], [0.75, y + 0.25], color=INK, linewidth=1.6, zorder=0)
    frame = Rectangle((x + 0.02, bottom - 0.06), wide - 0.2, y - bottom + 0.08, fill=False, edgecolor=FAINT)
    axes.add_patch(frame)
    axes.text(x + wide - 0.25, bottom + 0.06, f"× {len(trunk.stack)}", fontsize=10, ha="right", va="center")
    top = y + 0.2
    if last := _last(trunk):
        box(axes, x + 0.12, top, 1.3, 0.3, last, COLORS["norm"])
        top += 0.34
    ends = "to the decoder" if trunk is not model else f"head: {anatomy(model)['predicts']}"
    arrow(axes, (stream, top), (stream, top + 0.36))
    axes.text(x + 0.1, top + 0.48, ends, fontsize=9.5, va="center")
    if name:
        axes.text(x + 0.1, top + 0.74, name, fontsize=9.5, va="center", weight="bold")


def _sublayer(axes: Any, stream: float, left: float, width: float, y: float, sub: Sublayer) -> float:
    """Draw one sublayer from the height ``y`` on; return where it ends."""
    start = y + 0.1
    at = start + GAP
    if sub.placement != "post" and sub.norm:
        box(axes, left, at, width, NORM, sub.norm, COLORS["norm"])
        entry = left + width / 2
        axes.plot([stream, entry, entry], [start, start, at], color=INK, linewidth=1.1, zorder=0)
        at += NORM + GAP
    each = (width - 0.12 * (len(sub.parts) - 1)) / len(sub.parts)
    meet = at + PART + GAP
    for number, words in enumerate(sub.parts):
        x = left + number * (each + 0.12)
        middle = x + each / 2
        below = at - GAP if sub.placement != "post" else start
        if sub.placement == "post":
            axes.plot([stream, middle], [start, start], color=INK, linewidth=1.1, zorder=0)
        axes.plot([middle, middle], [below, at], color=INK, linewidth=1.1, zorder=0)
        _part(axes, x, at, each, words)
        axes.plot([middle, middle], [at + PART, meet], color=INK, linewidth=1.1, zorder=0)
    last = left + (len(sub.parts) - 1) * (each + 0.12) + each / 2
    arrow(axes, (last, meet), (stream + 0.12, meet))
    _add(axes, stream, meet)
    if sub.placement == "post":
        box(axes, stream - 0.3, meet + GAP, 1.3, NORM, sub.norm, COLORS["norm"])
        return meet + GAP + NORM + 0.06
    return meet + GAP


def _words(model: Any, layers: Sequence[Sequence[Sublayer]], title: str) -> str:
    said = []
    for number, layer in enumerate(layers):
        side = "" if len(layers) == 1 else ("encoder: ", "decoder: ")[number]
        steps = []
        for sub in layer:
            parts = " beside ".join(part.replace("\n", ", ") for part in sub.parts)
            steps.append(f"{parts}, add, {sub.norm}" if sub.placement == "post" else f"{sub.norm}, {parts}, add")
        said.append(side + "; then ".join(steps))
    return f"One layer of {title or type(model).__name__}, read from its modules. " + ". ".join(said) + "."


def masks(kinds: Mapping[str, Any], title: str = "") -> Figure:
    """Masks as squares: a row for each query, a column for each key, filled where the query may see the key.

    Args:
        kinds: for each name a table ``[T, S]``, true where it may.

    Raises ``ValueError`` without any.
    """
    import matplotlib.pyplot as plt

    if not kinds:
        raise ValueError("kinds must hold at least one mask.")
    use_style()
    figure, every = plt.subplots(1, len(kinds), figsize=(1.75 * len(kinds), 2.25), squeeze=False)
    said = []
    for axes, (name, table) in zip(every[0], kinds.items(), strict=True):
        seen = np.asarray(table, dtype=bool)
        for row, column in np.ndindex(*seen.shape):
            color = SERIES[0] if seen[row, column] else FAINT
            alpha = 0.85 if seen[row, column] else 0.3
            axes.add_patch(Rectangle((column, row), 0.9, 0.9, facecolor=color, alpha=alpha, linewidth=0))
        axes.set(xlim=(-0.1, seen.shape[1]), ylim=(seen.shape[0], -0.1), aspect="equal", xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("keys", fontsize=9)
        said.append(f"{name} {int(seen.sum())} of {seen.size}")
    every[0][0].set_ylabel("queries", fontsize=9)
    if title:
        figure.suptitle(title, fontsize=11)
    return describe(figure, f"Masks, filled where a query may see a key: {'; '.join(said)}.")


def gradient_depth(lines: Mapping[str, Any], x: str, title: str = "") -> Figure:
    """The length of a gradient over depth, on two logarithmic axes: each line is ``(depths, table [seeds, depths])``.

    The mean is drawn, and the range over the seeds is shaded.
    """
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 2.9))
    said = []
    for number, (name, (depths, table)) in enumerate(lines.items()):
        values = np.asarray(table, dtype=float)
        color, style = SERIES[number], ("-", (0, (5, 2)), ":")[number]
        axes.plot(depths, values.mean(0), color=color, linestyle=style, label=name, marker="o", markersize=4)
        axes.fill_between(depths, values.min(0), values.max(0), color=color, alpha=0.15, linewidth=0)
        said.append(f"{name} from {values.mean(0)[0]:.2f} to {values.mean(0)[-1]:.2f}")
    axes.set_yscale("log")
    axes.set_yticks([0.25, 0.5, 1, 2], ["0.25", "0.5", "1", "2"])
    axes.minorticks_off()
    axes.set(xlabel=x, ylabel="length of the gradient")
    axes.set_title(title)
    axes.legend()
    return describe(figure, f"The length of the gradient over depth: {'; '.join(said)}. Shades are the range of seeds.")
