"""A trace as text: the flow of one pass with its shapes, for a terminal of 80 columns."""

import json
import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

from glassformer.glass.page import page
from glassformer.glass.recording import Record
from glassformer.glass.trace import Trace

__all__ = ["WIDTH", "Line", "fit", "flow", "page", "quoted"]

WIDTH: Final = 80
_NAME, _SECTION = 34, 4  # columns of the name, which stands first, and of the section, which stands last


class Line(NamedTuple):
    """One stage of the flow: its name, its shape in letters and in numbers, and the section that explains it."""

    name: str
    shape: str
    section: int

    def __str__(self) -> str:
        """The stage within 80 columns."""
        section = str(self.section or "")
        return fit(self.name, _NAME - 1) + " " + fit(self.shape, WIDTH - _NAME - _SECTION) + section.rjust(_SECTION)


def flow(trace: Trace, count: int = 5) -> str:
    """The flow of one pass as text: each stage with its shape, and layers that are alike folded into one.

    A stage reads ``name  [B, T, D] = [1, 4, 576]  section``. Below stand the length of the last token's residual stream
    after each layer, and the ``count`` most likely next tokens. Every line fits into 80 columns.
    """
    text = " ".join(map(quoted, trace.tokens))
    lines = [fit(f"{len(trace.tokens)} tokens: {text}", WIDTH).rstrip(), ""]
    lines.append(fit("what", _NAME) + fit("shape", WIDTH - _NAME - _SECTION - 4) + " section")
    lines.append(str(Line("tokens", _shape("B T", tuple(trace.ids.shape)), 5)))
    lines += _stages(trace)
    lines += _lengths(trace)
    lines += _next(trace, count)
    return "\n".join(lines) + "\n"


def _stages(trace: Trace) -> Iterator[str]:
    """Every record in the order of the flow; a run of equal layers is one group, with its number of layers."""
    blocks: list[tuple[str, int, list[Line]]] = []  # stack, layer, lines
    for record in trace.values():
        match = re.fullmatch(r"((?:encoder\.)?)stack\.(\d+)\.(.*)", record.name)
        stack, layer = (match[1] + "stack", int(match[2])) if match else ("", -1)
        if not blocks or blocks[-1][:2] != (stack, layer):
            blocks.append((stack, layer, []))
        line = _line(record, bool(stack))
        if record.name == "predictions" and not trace.predicts:  # a head that gives labels or vectors, not words
            line = line._replace(shape=_shape("", record.size))
        if line not in blocks[-1][2]:
            blocks[-1][2].append(line)
    for (stack, lines), run in groupby(blocks, lambda block: (block[0], block[2])):
        layers = [layer for _, layer, _ in run]
        if stack:
            which = f"layer {layers[0]}" + (f" to {layers[-1]}" if len(layers) > 1 else "")
            times = f" (× {len(layers)})" if len(layers) > 1 else ""
            yield f"{'encoder ' if stack != 'stack' else ''}{which}{times}"
        for line in lines:
            yield str(line._replace(name=f"  {line.name}") if stack else line)


def _line(record: Record, inside: bool) -> Line:
    name = record.title.split(" · ", 2 if record.name.startswith("encoder.") else 1)[-1] if inside else record.title
    if re.search(
        r"\bexpert \d+", name
    ):  # how many tokens an expert gets differs, from one to the next and between layers
        return Line(re.sub(r"\bexpert \d+", "experts", name), "of the tokens routed there", record.section)
    return Line(name, _shape(record.shape, record.size), record.section)


def _shape(letters: str, size: tuple[int, ...]) -> str:
    numbers = f"[{', '.join(map(str, size))}]"
    return f"[{', '.join(letters.split())}] = {numbers}" if letters else numbers


def _lengths(trace: Trace) -> Iterator[str]:
    """The length of the last token's stream after each layer, as bars; nothing if the stream's values were not kept."""
    try:
        lengths = trace.norms()[:, -1].tolist()
    except (KeyError, ValueError):
        return
    yield from ("", f"length of the residual stream of {quoted(trace.tokens[-1])}")
    names = ["embedded", *(f"layer {i}" for i in range(len(lengths) - 1))]
    for name, length in zip(names, lengths, strict=True):
        yield f"  {name:10} {length:10.4g}  {_bar(length / max(lengths), 54)}".rstrip()


def _next(trace: Trace, count: int) -> Iterator[str]:
    if not trace.predicts:
        return
    where = "after" if trace.causal else "in the place of"
    yield from ("", f"most likely {where} {quoted(trace.tokens[-1])}")
    for token, chance in trace.likely(count):
        yield f"  {fit(quoted(token), 24)} {chance:6.1%}  {_bar(chance, 44)}".rstrip()


def _bar(share: float, width: int) -> str:
    """``share`` of ``width`` columns, to an eighth of a column."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")


def quoted(token: str) -> str:
    """A token in quotes, with spaces seen and control characters written out, so that it cannot steer a terminal."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in json.dumps(token, ensure_ascii=False))


def fit(text: str, width: int) -> str:
    """``text`` in exactly ``width`` columns, ended by … if it is longer. Chinese characters and the like take two."""
    taken, kept = 0, ""
    whole = sum(map(_columns, text)) <= width
    for character in text:
        columns = _columns(character)
        if taken + columns > (width if whole else width - 1):
            break
        kept, taken = kept + character, taken + columns
    return kept + ("" if whole else "…") + " " * (width - taken - (not whole))


def _columns(character: str) -> int:
    return 0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
