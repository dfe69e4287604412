"""What an exercise is: code to write, a number to find, a choice to make, or something to say in one's own words.

An exercise is declared once, in Python, with what people get wrong about it. The page shows it, the page's script, the
reader's kernel and the command line check it, and all of them name the mistake in the same words.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Code:
    """Write a function. It is right if it agrees with ``reference`` on every one of the random ``inputs``.

    ``mistakes`` maps a sentence to a function that makes that mistake. ``given`` names the modules that the reader's
    code finds imported, ``axes`` the axes of the result, ``seconds`` the time that all the calls together may take.
    """

    id: str
    teaches: str
    function: str
    reference: Callable[..., Any]
    inputs: Callable[[random.Random], tuple[Any, ...]]
    mistakes: Mapping[str, Callable[..., Any]]
    given: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    seconds: float = 10.0


@dataclass(frozen=True)
class Number:
    """Find a number, in ``unit``. It is right if it lies within ``tolerance`` of ``answer``.

    ``mistakes`` maps a sentence to the number that the mistake gives; ``units`` maps a further unit that may be used to
    its size, counted in ``unit``.
    """

    id: str
    teaches: str
    answer: float
    tolerance: float
    mistakes: Mapping[str, float]
    unit: str = ""
    units: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Option:
    """One option of a quiz: its words, whether it is right, and why."""

    text: str
    right: bool
    reason: str


@dataclass(frozen=True)
class Quiz:
    """Choose one option. Every option says why it is right or wrong."""

    id: str
    teaches: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Words:
    """Say it in your own words, compare with the ``model`` answer, and tick which of its ``points`` you made."""

    id: str
    teaches: str
    model: str
    points: tuple[str, ...]


Exercise = Code | Number | Quiz | Words
