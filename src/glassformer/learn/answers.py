"""Check an answer to an exercise: a number, a choice, or words. (Code is checked in ``check``.)

The page's script ``learn.js`` does the same in the browser; a test holds the two to the same verdicts.
"""

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context
from typing import Any, Final

from glassformer.learn.exercise import Number, Quiz, Words

FEWEST_WORDS: Final = 8
_NUMBER: Final = re.compile(r"^([+-]? ?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*(\S.*)?$", re.I | re.A)
_FOUR: Final = Context(prec=4, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class Verdict:
    """What a check says: whether the answer is right, and why. ``mistake`` is the known mistake, if it is one."""

    exercise: str
    passed: bool
    sentences: tuple[str, ...]
    mistake: str = ""
    printed: str = ""

    def __str__(self) -> str:
        lines = [f"{self.exercise}: {'right.' if self.passed else 'not yet.'}", *self.sentences]
        if self.printed:
            lines += ["Your code printed:", *(f"  {line}" for line in self.printed.splitlines())]
        return "\n  ".join(lines)


def check_number(exercise: Number, answer: str) -> Verdict:
    """Whether ``answer``, a number with or without its unit, lies within the tolerance."""
    # A minus may be a hyphen, a dash or the sign itself, a decimal point a comma; "z =" may stand in front.
    text = re.sub(r"^[A-Za-z]\s*=\s*", "", str(answer).strip())
    text = text.replace("−", "-").replace("–", "-").replace(",", ".")
    read = _NUMBER.match(text)
    if re.search(r"[0-9]\s*/\s*[0-9]", text):
        return _no(exercise.id, "Write it as a decimal number, like 0.5.")
    if not read:
        return _no(exercise.id, f"“{text}” is not a number. Write it like 1.9 or −3." if text else "Write a number.")
    value, unit = float(read[1].replace(" ", "")), (read[2] or exercise.unit).strip()
    sizes = {exercise.unit: 1.0, **exercise.units}
    if unit not in sizes:
        wanted = ", ".join(name for name in sizes if name) or "none"
        return _no(exercise.id, f"The unit “{unit}” does not belong here. The unit is: {wanted}.")
    value *= sizes[unit]
    if abs(value - exercise.answer) <= exercise.tolerance * (1 + 1e-9):
        return Verdict(exercise.id, True, (f"{_short(exercise.answer)}{_spaced(exercise.unit)} it is.",))
    for mistake, wrong in exercise.mistakes.items():
        if abs(value - wrong) <= _mistake_tolerance(exercise, wrong):
            return Verdict(exercise.id, False, (mistake,), mistake)
    side = "large" if value > exercise.answer else "small"
    return _no(exercise.id, f"{_short(value)}{_spaced(exercise.unit)} is too {side}.")


def _mistake_tolerance(exercise: Number, wrong: float) -> float:
    """As wide as the answer's own tolerance, but no wider than two in a hundred of the mistake."""
    return min(exercise.tolerance, 0.02 * abs(wrong) + 1e-12) * (1 + 1e-9)


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""


def _short(value: float) -> str:
    """A whole number as it is, others with at most four digits, the sign as it is printed, as JavaScript writes it."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value)).replace("-", "−")
    rounded = _FOUR.create_decimal(value)
    if not rounded:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        text = f"{rounded:f}"
    else:
        mantissa, exponent = f"{rounded:e}".split("e")
        text = f"{_trimmed(mantissa)}e{int(exponent):+d}"
    return _trimmed(text).replace("-", "−")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def check_quiz(exercise: Quiz, answer: Any) -> Verdict:
    """Whether the option number ``answer``, counted from 1, is right, and the reason that stands behind it."""
    count = len(exercise.options)
    if not re.fullmatch(r"\s*[0-9]+\s*", str(answer)) or not 1 <= int(answer) <= count:
        return _no(exercise.id, f"Choose one of the options 1 to {count}.")
    option = exercise.options[int(answer) - 1]
    return Verdict(exercise.id, option.right, (option.reason,), "" if option.right else option.reason)


def check_words(exercise: Words, answer: Any) -> Verdict:
    """Whether there is a text, and its writer found every point of the model answer in it.

    ``answer`` is ``{"text": ..., "points": [numbers of the points, from 0]}``. Nobody can grade words automatically;
    the comparison is the exercise.
    """
    text, points = str(answer.get("text", "")), set(answer.get("points", ()))
    if len(text.split()) < FEWEST_WORDS:
        return _no(exercise.id, f"Write a sentence or two first: at least {FEWEST_WORDS} words.")
    missing = [point for number, point in enumerate(exercise.points) if number not in points]
    if missing:
        return _no(exercise.id, "Compare with the model answer, mend yours, and tick each point that it makes.")
    return Verdict(exercise.id, True, ("By your own comparison, your answer makes every point of the model answer.",))


def _no(exercise: str, sentence: str) -> Verdict:
    return Verdict(exercise, False, (sentence,))
