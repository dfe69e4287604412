"""Figures of the residual stream: how long it grows, what each layer would predict, and what comes out.

Legend: N layers, T tokens.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from glassformer.glass.figures.attention import shown
from glassformer.glass.style import INK, SERIES, describe, use_style


def residual_norms(norms: Any, tokens: Sequence[str], title: str = "") -> Figure:
    """The length of each token's residual stream before the first layer and after each, ``[N + 1, T]``.

    It is counted in powers of ten. The first and the last token have colors of their own.
    Raises ``ValueError`` if the sizes do not fit.
    """
    import matplotlib.pyplot as plt

    use_style()
    table = np.asarray(norms, dtype=float)
    if table.ndim != 2 or table.shape[1] != len(tokens):
        raise ValueError(f"norms must be [N + 1, {len(tokens)}], as the tokens are, not {list(table.shape)}.")
    figure, axes = plt.subplots(figsize=(5.2, 2.9))
    layers = np.arange(-1, len(table) - 1)
    for token in range(1, len(tokens) - 1):
        label = "the tokens between" if token == 1 else None
        axes.plot(layers, table[:, token], color=INK, alpha=0.35, linewidth=1, label=label)
    if len(tokens) > 1:
        axes.plot(layers, table[:, 0], color=SERIES[1], linestyle=(0, (5, 2)), label=f"first token, {shown(tokens[0])}")
    axes.plot(layers, table[:, -1], color=SERIES[0], label=f"last token, {shown(tokens[-1])}")
    axes.set_yscale("log")
    axes.set(xlabel="after layer (−1: the embedding)", ylabel="length of the stream")
    axes.set_title(title)
    axes.legend(fontsize=9)
    ends = f"from {table[0, -1]:.3g} to {table[-1, -1]:.3g}"
    return describe(
        figure,
        f"The length of the residual stream of {len(tokens)} tokens over {len(table) - 1} layers, a line for each. "
        f"That of the last token, {tokens[-1]!r}, goes {ends}.",
    )


def lens_table(
    top: Sequence[Sequence[Sequence[tuple[str, float]]]], tokens: Sequence[str], title: str = "", start: int = -1
) -> Figure:
    """What the logit lens reads: for each layer (down) and token (across) the likeliest next token, shaded by chance.

    Args:
        top: ``[N + 1][T]`` lists of tokens and probabilities, as ``top_tokens(lens(model, trace))`` gives them.
        tokens: the T tokens of the text.
        title: what stands above.
        start: the layer after which the first row was read, where ``top`` is only a part; -1 is the embedding.

    Only the last 6 tokens are drawn, so that words stay legible. Raises ``ValueError`` if the sizes do not fit.
    """
    import matplotlib.pyplot as plt

    use_style()
    if not top or any(len(row) != len(tokens) for row in top):
        widths = sorted({len(row) for row in top})
        raise ValueError(f"top must have {len(tokens)} columns, one for each token, in every row, not {widths}.")
    first = max(0, len(tokens) - 6)
    tokens, rows = list(tokens)[first:], [row[first:] for row in top]
    figure, axes = plt.subplots(figsize=(0.9 + 0.76 * len(tokens), 0.23 * len(rows) + 0.8))
    for row, column in np.ndindex(len(rows), len(tokens)):
        word, chance = rows[row][column][0]
        tint: dict[str, Any] = {"facecolor": SERIES[0], "alpha": 0.04 + 0.46 * chance}  # pale enough for words in ink
        axes.add_patch(Rectangle((column, row), 0.97, 0.95, linewidth=0, **tint))
        axes.text(column + 0.485, row + 0.5, shown(word, 9), ha="center", va="center", fontsize=8.5)
    axes.set(xlim=(0, len(tokens)), ylim=(len(rows), 0))
    names = [f"layer {i}" if i >= 0 else "embedded" for i in range(start, start + len(rows))]
    axes.set_yticks(np.arange(len(rows)) + 0.5, names, fontsize=8.5)
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(len(tokens)) + 0.5, [shown(token, 9) for token in tokens], fontsize=9, weight="bold")
    axes.tick_params(length=0, pad=3)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    settled = _settled([row[-1][0][0] for row in rows])
    return describe(
        figure,
        f"The logit lens: the most likely next token for {len(tokens)} tokens, in {len(rows)} rows from {names[0]} to "
        f"{names[-1]}. "
        f"After {tokens[-1]!r} it is {rows[-1][-1][0][0]!r} at the end, and has been since {names[settled]}.",
    )


def _settled(words: Sequence[str]) -> int:
    """The first row from which on the last word stays."""
    row = len(words) - 1
    while row and words[row - 1] == words[-1]:
        row -= 1
    return row


def next_tokens(likely: Sequence[tuple[str, float]], title: str = "") -> Figure:
    """The most likely next tokens with their probabilities, as bars; such as ``trace.likely(8)``.

    Raises ``ValueError`` if a probability is not between 0 and 1.
    """
    import matplotlib.pyplot as plt

    use_style()
    if not likely or not all(0 <= chance <= 1 for _, chance in likely):
        raise ValueError(f"likely must be tokens with probabilities between 0 and 1, not {list(likely)!r}.")
    figure, axes = plt.subplots(figsize=(5.2, 0.33 * len(likely) + 0.6))
    chances = [chance for _, chance in likely]
    axes.barh(range(len(likely)), chances, height=0.62, color=SERIES[0])
    for row, chance in enumerate(chances):
        axes.annotate(
            f"{chance:.1%}".replace("%", " %"),
            (chance, row),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_yticks(range(len(likely)), [shown(token) for token, _ in likely], fontsize=10)
    axes.set(xlim=(0, max(chances) * 1.18 or 1), ylim=(len(likely) - 0.5, -0.5))
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines["bottom"].set_visible(False)
    axes.set_title(title)
    said = "; ".join(f"{token!r} {chance:.0%}" for token, chance in likely)
    return describe(figure, f"The {len(likely)} most likely next tokens as bars: {said}.")
