"""Read a page: plain Markdown in which a top-level ``python`` fence is a cell.

Only fences at the top level count, so a fence inside a list, a quote or a directive stays an example. Words after the
language are options: ```` ```python hide-input varies ````. ``needs=smollm2`` says what a cell cannot run without.
"""

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

from glassformer.checkpoint.fetch import SOURCES, cached

OPTIONS: Final = {
    "static": "shown, never run",
    "solution": "solves the exercise above it; checked when the page is executed, never run with the cells",
    "hide-input": "the code starts folded",
    "open": "the code starts open although it is long",
    "check": "a check of a claim; folded, and left out of Run all above",
    "raises-exception": "meant to fail; the page shows the error",
    "varies": "its output differs from run to run, so it asserts instead of being compared",
}
_NEEDS: Final = "needs="
LONG: Final = 8
"""Cells of more lines than this start folded in the documents for beginners."""

_EVAL: Final = re.compile(r"\{eval\}`([^`]+)`")
_EXERCISE_ID: Final = re.compile(r"^:id:\s*(\S+)\s*$", re.M)
_HEADING: Final = re.compile(r"^#{1,6}\s+(?:(\d+(?:\.\d+)*)\.?\s)?")


class PageError(ValueError):
    """A page that cannot be read: the message names the file, the line and the rule."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a page: prose, or one cell.

    ``id`` is stable while the cells before it *in the same section* stay: section number and counter, ``3.2-1``.
    """

    source: str
    line: int
    id: str = ""
    options: tuple[str, ...] = ()

    @property
    def is_cell(self) -> bool:
        """Whether this piece is a cell."""
        return bool(self.id)

    @property
    def needs(self) -> list[str]:
        """The published files that the cell cannot run without, by the names that ``glassformer get`` takes."""
        return [option.removeprefix(_NEEDS) for option in self.options if option.startswith(_NEEDS)]

    @property
    def missing(self) -> list[str]:
        """Those of them that are not on this machine."""
        return [name for name in self.needs if cached(name) is None]

    @property
    def digest(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the source: what stored outputs are matched by."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:12]

    @property
    def evals(self) -> list[str]:
        """The expressions of the ``{eval}`` roles in this stretch of prose, in order."""
        return [] if self.is_cell else _EVAL.findall(self.source)


@dataclass(frozen=True)
class Solution:
    """The solution, in code, that a page gives for the exercise with the id ``exercise``, and the line it starts at."""

    exercise: str
    source: str
    line: int


@dataclass(frozen=True)
class Page:
    """A page of the guide: its name, its pieces in order, the exercises on it and their solutions in code."""

    name: str
    pieces: tuple[Piece, ...]
    exercises: tuple[str, ...] = ()
    solutions: tuple[Solution, ...] = ()

    @property
    def cells(self) -> list[Piece]:
        """The pieces that run."""
        return [piece for piece in self.pieces if piece.is_cell]


def read_page(path: Path, root: Path) -> Page:
    """Read the page at ``path``; its name is the path below ``root`` without the suffix."""
    name = path.relative_to(root).with_suffix("").as_posix()
    text = path.read_text("utf-8")
    return Page(name, tuple(split(text, name)), *find_exercises(text, name))


def find_exercises(text: str, name: str) -> tuple[tuple[str, ...], tuple[Solution, ...]]:
    """The ids of the exercises in ``text``, and the solutions: each belongs to the exercise that stands before it.

    Raises ``PageError`` for an exercise without an id and for a solution without an exercise.
    """
    ids: list[str] = []
    solutions = []
    for token in MarkdownIt("commonmark").parse(text):
        if token.type != "fence" or token.level or token.map is None:
            continue
        line = token.map[0] + 1
        if token.info.startswith("{exercise}"):
            if not (found := _EXERCISE_ID.search(token.content)):
                raise PageError(f"{name}.md:{line}: an exercise needs an `:id:`.")
            ids.append(found[1])
        elif token.info.split() == ["python", "solution"]:
            if not ids:
                raise PageError(f"{name}.md:{line}: a solution stands behind its exercise, and here is none.")
            solutions.append(Solution(ids[-1], token.content, line + 1))
    return tuple(ids), tuple(solutions)


def split(text: str, name: str) -> list[Piece]:
    """Split the Markdown ``text`` of the page ``name`` into prose and cells. Lines count from 1.

    Raises ``PageError`` for an option that does not exist and for a cell without code.
    """
    lines = text.splitlines()
    tokens = MarkdownIt("commonmark").parse(text)
    pieces: list[Piece] = []
    start, section, counter = 0, "0", 0
    for token in tokens:
        if token.level or token.map is None:
            continue
        first, last = token.map
        if token.type == "heading_open" and (number := _HEADING.match(lines[first])) and number[1]:
            section, counter = number[1], 0
        words = token.info.split() if token.type == "fence" else []
        if not words or words[0] != "python":
            continue
        options = tuple(words[1:])
        _check_options(options, name, first + 1)
        if {"static", "solution"} & {*options}:
            continue
        if not token.content.strip():
            raise PageError(f"{name}.md:{first + 1}: a cell must hold code.")
        counter += 1
        pieces.append(Piece("\n".join(lines[start:first]), start + 1))
        pieces.append(Piece(token.content.rstrip("\n"), first + 2, f"{section}-{counter}", options))
        start = last
    pieces.append(Piece("\n".join(lines[start:]), start + 1))
    return [piece for piece in pieces if piece.is_cell or piece.source.strip()]


def _check_options(options: tuple[str, ...], name: str, line: int) -> None:
    for option in options:
        if option.startswith(_NEEDS):
            if (needed := option.removeprefix(_NEEDS)) not in SOURCES:
                raise PageError(f"{name}.md:{line}: a cell may need one of {', '.join(SOURCES)}, not {needed!r}.")
        elif option not in OPTIONS:
            near = difflib.get_close_matches(option, OPTIONS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" The options are: {', '.join(OPTIONS)}."
            raise PageError(f"{name}.md:{line}: unknown cell option {option!r}.{hint}")
