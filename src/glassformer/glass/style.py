"""One Matplotlib style for every figure of the guide, and the vector output it becomes.

A figure is drawn once and read on light and on dark paper. So its colors leave Matplotlib as CSS variables with a
fallback, ``var(--fig-ink, #24262b)``: a page sets the variables, JupyterLab shows the fallbacks.
"""

import io
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from matplotlib import rcParams
from matplotlib.figure import Figure

INK: Final = "#24262b"  # text, axes
FAINT: Final = "#c9c6bd"  # grid lines
PAPER: Final = "#fdfcf8"  # the ground: halos, gaps between marks
SERIES: Final = ("#1f6f78", "#c2571a", "#6a4fa3", "#8a7300", "#b03060", "#4c6b2f")
"""The colors of data, in the order they are used: teal, orange, violet, ochre, rose, moss."""

LINES: Final = ("-", (0, (5, 2)), ":", (0, (1, 1)), (0, (6, 1, 1, 1)))
"""The styles of lines, in the same order, for those who cannot tell the colors apart."""

VARIABLES: Final[Mapping[str, str]] = {
    INK: "--fig-ink",
    FAINT: "--fig-faint",
    PAPER: "--fig-paper",
    **{color: f"--fig-c{i}" for i, color in enumerate(SERIES)},
}

MIME: Final = "application/vnd.glassformer.figure+json"
_FONT: Final = "font-family: 'DejaVu Sans', sans-serif; "
_NUMBER: Final = re.compile(r"-?\d+\.\d{3,}")


def use_style() -> None:
    """Make the guide's style the current Matplotlib style. Same input, same bytes: ids are salted, dates left out."""
    from cycler import cycler

    rcParams.update(
        {
            "svg.fonttype": "none",
            "font.sans-serif": ["DejaVu Sans"],
            "svg.hashsalt": "glassformer",
            "figure.figsize": (5.2, 3.2),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "axes.prop_cycle": cycler(color=list(SERIES)),
            "grid.color": FAINT,
            "grid.linewidth": 0.7,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "lines.linewidth": 2.0,
            "lines.markersize": 6,
            "legend.frameon": False,
            "legend.fontsize": 9.5,
            "patch.edgecolor": PAPER,
            "image.cmap": "viridis",
        }
    )


def describe(figure: Figure, alt: str) -> Figure:
    """Give ``figure`` the alternative text ``alt``: one or two sentences that say what it shows.

    Raises ``ValueError`` if the text is empty or ends without a full stop.
    """
    if not alt.strip().endswith("."):
        raise ValueError(f"alt must be a sentence that says what the figure shows, not {alt!r}.")
    figure._glassformer_alt = " ".join(alt.split())  # type: ignore[attr-defined]
    return figure


def svg(figure: Figure) -> str:
    """The figure as SVG text whose colors are CSS variables, coordinates rounded to a hundredth of a point."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.S)
    # Matplotlib's style sheet would reach everything on the page; on the picture itself the same two words do.
    text = re.sub(r"<defs>\s*<style[^>]*>\*\{[^}]*\}</style>\s*</defs>\s*", "", text, count=1)
    text = text.replace("<svg ", '<svg stroke-linejoin="round" stroke-linecap="butt" ', 1)
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    text = re.sub(r"<[^>]+>", lambda tag: _NUMBER.sub(_rounded, tag[0]), text)  # in tags: the words stay as they are
    text = re.sub(r'(?<= d=")M [^"CcQq]*(?=")', _thinned, text)
    for color, name in VARIABLES.items():
        text = text.replace(color, f"var({name}, {color})")
    return _slim("\n".join(line.strip() for line in text.splitlines()))


def _slim(text: str) -> str:
    """Without ids that nothing refers to, groups that say nothing, and the font repeated in every word."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", text)
    text = text.replace(_FONT, "").replace("<svg ", '<svg font-family="DejaVu Sans, sans-serif" ', 1)
    count = 1
    while count:
        text, count = re.subn(r"<g>\n?((?:(?!</?g\b).)*?)</g>\n?", r"\1", text, flags=re.S)
    return text


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _thinned(path: re.Match[str]) -> str:
    """A path of straight lines without the points that lie within a tenth of a point of the line between others."""
    lines = []
    for line in path[0].split("M ")[1:]:
        places, closed, _ = line.replace("\n", " ").partition("z")
        points = [tuple(map(float, pair.split())) for pair in places.split(" L ")]
        lines.append("M " + "\nL ".join(f"{x:g} {y:g}" for x, y in _corners(points)) + "\n" + closed)
    return "".join(lines)


def _corners(points: list[tuple[float, ...]], near: float = 0.1) -> list[tuple[float, ...]]:
    """Douglas and Peucker's method: the ends, and on each side of the farthest point the same again."""
    keep, spans = {0, len(points) - 1}, [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        (x0, y0), (x1, y1) = points[first], points[last]
        long = math.hypot(x1 - x0, y1 - y0)
        farthest, distance = first, near
        for i in range(first + 1, last):
            x, y = points[i]
            away = abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / long if long else math.hypot(x - x0, y - y0)
            if away > distance:
                farthest, distance = i, away
        if farthest != first:
            keep.add(farthest)
            spans += [(first, farthest), (farthest, last)]
    return [points[i] for i in sorted(keep)]


def _numbers(values: Any) -> Any:
    """What a comparison needs of an array: all of it up to 48 numbers, beyond that its shape, moments and a sample."""
    import numpy as np

    array: Any = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
    if array.size <= 48:
        return [float(f"{x:.6g}") for x in array.ravel()]
    finite = array[np.isfinite(array)]
    sample = array.ravel()[:: max(1, array.size // 16)]
    return {
        "shape": list(array.shape),
        "mean": float(f"{finite.mean():.6g}"),
        "std": float(f"{finite.std():.6g}"),
        "sample": [float(f"{x:.6g}") for x in sample],
    }


def data_of(figure: Figure) -> list[dict[str, Any]]:
    """The data behind a figure, axis by axis: lines, points, bars, images and words. Two runs are compared by it."""
    axes = []
    for ax in figure.axes:
        entry: dict[str, Any] = {
            "words": [t for t in (ax.get_title(loc="left"), ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) if t]
            + [t.get_text() for t in ax.texts if t.get_text()]
        }
        if ax.lines:
            entry["lines"] = [_numbers(line.get_xydata()) for line in ax.lines]
        if ax.collections:
            entry["points"] = [_numbers(c.get_offsets()) for c in ax.collections]
        if ax.patches:
            entry["patches"] = _numbers([p.get_extents().transformed(ax.transData.inverted()) for p in ax.patches])
        if ax.images:
            entry["images"] = [_numbers(image.get_array()) for image in ax.images]
        axes.append(entry)
    return axes


def bundle(figure: Figure, **_: object) -> dict[str, Any]:
    """What a cell displays for a figure: the SVG, and beside it the alternative text and the data."""
    picture = svg(figure)
    return {
        "image/svg+xml": picture,
        MIME: {"alt": getattr(figure, "_glassformer_alt", ""), "data": data_of(figure)},
    }
