"""Figures of attention: from where each token reads, for one head or for all heads of a layer.

Legend: T queries, S keys, H heads.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from glassformer.glass.style import FAINT, SERIES, describe, use_style

_LEVELS: Final = 12  # shades of a heat map; one path holds all cells of a shade, which keeps the drawing small
_CELLS: Final = 1000  # beyond, the cells are a picture of dots
_BOTH: Final = (0.24, 0.57, 0.61)  # a teal that reads on light and on dark paper, for such a picture


def shown(token: str, most: int = 12) -> str:
    """A token as a figure writes it: spaces and line breaks seen, at most ``most`` letters."""
    for blank, mark in ((" ", "␣"), ("\n", "↵"), ("\t", "⇥")):
        token = token.replace(blank, mark)
    token = "".join(letter if letter.isprintable() else "�" for letter in token).replace("$", r"\$")
    return token if len(token) <= most else token[: most - 1] + "…"


def attention_pattern(
    weights: Any, tokens: Sequence[str], title: str = "", *, keys: Sequence[str] | None = None
) -> Figure:
    """The attention weights of one head as a heat map: row t says from where token t reads.

    Args:
        weights: ``[T, S]``, such as ``trace.attention(3)[5]``.
        tokens: the T tokens that read, down the side.
        title: what stands above, such as ``"layer 3, head 5"``.
        keys: the S tokens that are read; ``tokens`` by default.

    Up to 8 tokens each weight is written into its cell. Raises ``ValueError`` if the sizes do not fit.
    """
    import matplotlib.pyplot as plt

    use_style()
    table = _checked(weights, 2)
    keys = tokens if keys is None else keys
    if table.shape != (len(tokens), len(keys)):
        raise ValueError(f"weights must be [{len(tokens)}, {len(keys)}], as the tokens are, not {list(table.shape)}.")
    few = max(table.shape) <= 8
    side = min(4.6, max(2.4, 0.5 * len(keys) if few else 0.3 * len(keys)))
    figure, axes = plt.subplots(figsize=(side + 1.1, side * len(tokens) / len(keys) + 1.1))
    draw_weights(axes, table, tokens, keys)
    axes.set_title(title)
    best = [int(row.argmax()) for row in table]
    where = f"The last token, {tokens[-1]!r}, reads most from {keys[best[-1]]!r}: {table[-1, best[-1]]:.0%}"
    name = f" of {title}" if title else ""
    return describe(figure, f"A heat map{name}: from which of {len(keys)} tokens each of {len(tokens)} reads. {where}.")


def draw_weights(axes: Any, table: Any, tokens: Sequence[str], keys: Sequence[str] | None = None) -> None:
    """Draw the weights ``[T, S]`` of one head into ``axes``, with their tokens; few are written out in percent."""
    keys = tokens if keys is None else keys
    few = max(table.shape) <= 8
    _shade(axes, table, 0.5 if few else 0.95)
    for row, column in np.argwhere(table > 0.005) if few else ():
        words = f"{100 * table[row, column]:.0f}"
        axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", fontsize=9)
    size = 9 if len(keys) <= 16 else max(4, 150 / len(keys))
    axes.set_xticks(np.arange(len(keys)) + 0.5, [shown(k) for k in keys], rotation=60, ha="right", fontsize=size)
    axes.set_yticks(np.arange(len(tokens)) + 0.5, [shown(t) for t in tokens], fontsize=size)
    axes.tick_params(length=0, pad=2)
    axes.set(xlabel="read from (key)" + (", percent" if few else ""), ylabel="reading token (query)")


def heads_grid(weights: Any, title: str = "", columns: int = 3) -> Figure:
    """The attention weights of all heads of a layer, ``[H, T, S]``, as small heat maps side by side.

    Rows read, columns are read, both in the order of the text. Raises ``ValueError`` if the shape is another.
    """
    import matplotlib.pyplot as plt

    use_style()
    table = _checked(weights, 3)
    heads, queries, keys = table.shape
    columns = min(columns, heads)
    rows = -(-heads // columns)
    side = 4.8 / columns
    figure, panels = plt.subplots(
        rows, columns, figsize=(5.2, rows * (side * queries / keys + 0.28) + 0.7), squeeze=False
    )
    for head, axes in enumerate(panels.flat):
        if head >= heads:
            axes.set_visible(False)
            continue
        _shade(axes, table[head], 0.95, cells=_CELLS // heads)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(f"head {head}", fontsize=9.5, weight="normal", pad=3)
    figure.supxlabel("read from →", fontsize=9.5)
    figure.supylabel("← reading token", fontsize=9.5)
    figure.suptitle(title, fontsize=11, weight="bold", x=0.02, ha="left")
    first = ", ".join(f"{share:.0%}" for share in table[:, -1, 0])
    name = f" of {title}" if title else ""
    said = f"What the last token gives to the first, head by head: {first}"
    return describe(figure, f"{heads} heat maps{name}, one for each head: from where each token reads. {said}.")


def _checked(weights: Any, axes: int) -> Any:
    table = np.asarray(weights, dtype=float)
    if table.ndim != axes or table.size == 0 or not (np.isfinite(table).all() and table.min() >= 0):
        shape = ("[T, S]", "[H, T, S]")[axes - 2]
        raise ValueError(f"weights must be {shape}, none of them negative; their shape is {list(table.shape)}.")
    return table


def _shade(axes: Any, table: Any, darkest: float, cells: int = _CELLS) -> None:
    """The table as shades, from no color at 0 to the full one at 1; the first row stands above."""
    rows, columns = table.shape
    shares = np.clip(table, 0, 1)
    if np.count_nonzero(shares > 0.5 / _LEVELS) > cells:
        picture = np.empty((rows, columns, 4))
        picture[...] = (*_BOTH, 0)
        picture[..., 3] = shares * darkest
        axes.imshow(picture, extent=(0, columns, rows, 0), interpolation="none", aspect="equal")
    levels = np.rint(shares * _LEVELS).astype(int)
    for level in range(1, _LEVELS + 1):
        squares = [] if axes.images else list(_runs(levels == level))
        if squares:
            shade = {"facecolor": SERIES[0], "alpha": darkest * level / _LEVELS}
            axes.add_patch(PathPatch(Path.make_compound_path(*squares), linewidth=0, **shade))
    axes.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal")
    axes.spines[:].set(visible=True, color=FAINT)


def _runs(marked: Any) -> Iterator[Path]:
    """The marked cells of a table as rectangles, neighbors of a row in one."""
    for row, cells in enumerate(marked):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], cells.astype(int), [0]])))
        for left, right in edges.reshape(-1, 2):
            yield Path([(left, row), (right, row), (right, row + 1), (left, row + 1), (left, row)], closed=True)
