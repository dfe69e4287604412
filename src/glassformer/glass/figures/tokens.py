"""Figures of tokens: a text cut in several ways, the lattice of its cuts, and what a text costs in each language."""

from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from glassformer.glass.figures.drawings import blank
from glassformer.glass.style import FAINT, INK, LINES, PAPER, SERIES, describe, use_style
from glassformer.tokenize.lattice import Lattice

SIGNS: Final = {" ": "␣", "\n": "↵", "\t": "⇥"}
HIGH: Final = 0.6  # of an arc for each character
WIDE: Final = 6.2  # units of 0.85 inches: on a phone the words can still be read


def written(piece: str | bytes) -> str:
    """``piece`` so that any font can show it: spaces as ␣, broken characters as bytes, rare ones as code points."""
    if isinstance(piece, bytes):
        try:
            return written(piece.decode())
        except UnicodeDecodeError:
            return piece.hex(" ").upper()
    plain = (c in SIGNS or c in "▁Ġ–—‘’“”…" or (c.isprintable() and ord(c) < 0x250) or 0x370 <= ord(c) < 0x480
             for c in piece)  # fmt: skip
    if all(plain):
        return "".join(SIGNS.get(c, c) for c in piece)
    return " ".join(f"U+{ord(c):04X}" for c in piece)


def pieces(rows: Mapping[str, Sequence[tuple[str | bytes, int | None]]], beside: float = 0) -> Figure:
    """For each name a text as tokens in boxes, with their ids below them, in as many lines as it takes.

    The name stands above the boxes, or ``beside`` them in a column of that width.
    """
    placed: list[tuple[float, int, float, str, str, int]] = []
    titles: list[tuple[int, str]] = []
    line = 0
    for name, tokens in rows.items():
        titles.append((line, name))
        x, line = 0.05 + beside, line + (beside == 0)
        for number, (piece, token) in enumerate(tokens):
            words, label = written(piece), "" if token is None else str(token)
            width = max(0.125 * len(words), 0.1 * len(label)) + 0.16
            if x + width > WIDE - 0.05:
                x, line = 0.05 + beside, line + 1
            placed.append((x, line, width, words, label, number))
            x += width + 0.07
        line += 1
    has_ids = any(label for *_, label, _ in placed)
    step = 0.62 if has_ids else 0.5
    height = step * line + 0.1
    figure, axes = blank(WIDE, height)
    for row, name in titles:
        axes.text(
            0.05, height - step * row - (0.22 if beside else 0.36), name, va="center", fontsize=10.5, weight="bold"
        )
    for number, color in enumerate(SERIES[:2]):  # all boxes of one color are one path: a small file
        boxes = [
            Path.unit_rectangle().transformed(Affine2D().scale(width, 0.3).translate(x, height - step * row - 0.36))
            for x, row, width, _, _, n in placed
            if n % 2 == number
        ]
        if boxes:
            whole = Path.make_compound_path(*boxes)
            axes.add_patch(PathPatch(whole, linewidth=1.3, edgecolor=color, facecolor=PAPER))
    for x, row, width, words, label, _ in placed:
        y = height - step * row - 0.34
        axes.text(x + width / 2, y + 0.12, words.replace("$", r"\$"), ha="center", va="center", fontsize=10)
        if label:
            axes.text(x + width / 2, y - 0.14, label, ha="center", va="center", fontsize=8.5)
    said = "; ".join(
        f"{name}: {' | '.join(written(piece) for piece, _ in list(tokens)[:40])}" for name, tokens in rows.items()
    )
    return describe(figure, f"Text cut into tokens. {said}.")


def lattice(drawn: Lattice, best: Sequence[str], title: str = "") -> Figure:
    """Every way to cut a text: an arc for each piece with its probability, those of ``best`` in color."""
    from math import exp

    def share(score: float) -> str:
        return f"{exp(score):.2g}" if score > -7 else "≈ 0"

    size = drawn.size
    longest = max(end - start for start, end, _, _ in drawn.arcs)
    scale = (WIDE - 0.7) / size
    high = 0.62 + HIGH * longest + 0.2
    figure, axes = blank(WIDE, high + 0.75)
    ends, at = [], 0
    for piece in best:
        ends.append((at, at + len(piece)))
        at += len(piece)
    said = []
    for start, end, piece, score in sorted(drawn.arcs, key=lambda arc: arc[0] - arc[1]):
        chosen = (start, end) in ends
        color, y = (SERIES[1], 0.45) if chosen else (INK, 0.45)
        left, right = 0.35 + scale * start, 0.35 + scale * end
        top = y + HIGH * (end - start) + 0.2 * (start % min(end - start, 3))  # neighbors must not hide each other
        axes.plot([left + 0.05, left + 0.05 + 0.12 * scale, right - 0.05 - 0.12 * scale, right - 0.05],
                  [y + 0.1, top, top, y + 0.1], color=color if chosen else FAINT, linewidth=2.6 if chosen else 1.2,
                  zorder=3 if chosen else 1)  # fmt: skip
        axes.text((left + right) / 2, top, f"{piece} {share(score)}", ha="center", va="center", fontsize=9,
                  color=color, weight="bold" if chosen else "normal", zorder=4,
                  bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1})  # fmt: skip
        said.append(f"{piece} {share(score)}")
    for place in range(size + 1):
        axes.plot(0.35 + scale * place, 0.5, "o", color=INK, markersize=5, zorder=5)
    for place, character in enumerate(drawn.text):
        axes.text(0.35 + scale * (place + 0.5), 0.22, character, ha="center", va="center", fontsize=12, weight="bold")
    axes.text(0.1, high + 0.5, title, va="center", fontsize=10.5, weight="bold")
    return describe(
        figure, f"The lattice of {drawn.text}, with an arc for each piece and its probability: {', '.join(said)}. "
        f"The best way is {' | '.join(best)}."
    )  # fmt: skip


def costs(values: Mapping[str, Mapping[str, float]], x: str, one: float | None = None) -> Figure:
    """For each row, such as a language, a bar for each name, such as a tokenizer; ``one`` is a line."""
    import matplotlib.pyplot as plt

    use_style()
    names = list(dict.fromkeys(name for row in values.values() for name in row))
    figure, axes = plt.subplots(figsize=(5.4, 0.2 * len(values) * (len(names) + 0.9) + 0.9))
    for number, name in enumerate(names):
        places = [row + (number - (len(names) - 1) / 2) * 0.8 / len(names) for row in range(len(values))]
        lengths = [values[row][name] for row in values]
        axes.barh(
            places,
            lengths,
            height=0.72 / len(names),
            color=SERIES[number],
            alpha=(1, 0.6, 0.35)[number % 3],
            label=name,
        )
        for place, length in zip(places, lengths, strict=True):
            axes.text(length, place, f" {length:.1f}".removesuffix(".0"), va="center", fontsize=9)
    if one is not None:
        axes.axvline(one, color=INK, linewidth=1, linestyle=LINES[1])
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set_xlabel(x)
    axes.margins(x=0.08)
    if len(names) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(names))
    said = "; ".join(f"{row} {', '.join(f'{n} {v:.1f}' for n, v in cells.items())}" for row, cells in values.items())
    return describe(figure, f"Bars of {x}: {said}.")
