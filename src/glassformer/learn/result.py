"""A result that the reader's code gave, beside the one that was wanted: whether they agree, and if not, where."""

import math
from typing import Any, Final

TOLERANCE: Final = 1e-6
"""Relative, and absolute below 1. Inputs are float64, but a right answer may compute in float32: 6e-8 a step."""

Flat = tuple[tuple[int, ...], list[float | str]]
"""A result as its shape and its values in order."""


def flatten(value: Any) -> Flat:
    """The shape and the values of a number, a text, a tensor or nested lists of equal length."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str):
        return (), [value]
    if isinstance(value, list | tuple):
        parts = [flatten(part) for part in value]
        if len({shape for shape, _ in parts}) > 1:
            raise ValueError("ragged")
        inner = parts[0][0] if parts else ()
        return (len(parts), *inner), [leaf for _, leaves in parts for leaf in leaves]
    return (), [float(value)]


def _same(a: float | str, b: float | str) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (math.isnan(a) and math.isnan(b))


def equal(a: Flat | None, b: Flat | None) -> bool:
    """Whether both are there and have the same shape and the same values, to ``TOLERANCE``."""
    return a is not None and b is not None and a[0] == b[0] and all(map(_same, a[1], b[1]))


def shapes(got: list[Flat], wanted: list[Flat]) -> str:
    """What there is to say of the shapes, for each of the inputs; nothing if all results are single values."""
    for ours, theirs in zip(got, wanted, strict=True):
        if ours[0] != theirs[0]:
            if len(ours[0]) > 1 or len(theirs[0]) > 1:
                return f"The shape is {list(ours[0])}, and {list(theirs[0])} is wanted."
            wants = _count(theirs[0])
            return f"It gives back {_count(ours[0])}, and {wants} {'is' if wants == 'one value' else 'are'} wanted."
    return f"Shapes are right: {list(got[0][0])}." if len(got[0][0]) > 1 else ""


def _count(shape: tuple[int, ...]) -> str:
    """How many values there are in a list, or one that stands alone."""
    return f"a list of {shape[0]}" if shape else "one value"


def first_difference(axes: tuple[str, ...], got: list[Flat], wanted: list[Flat], calls: list[tuple[Any, ...]]) -> str:
    """Where the results differ first, what is expected there and what came; nothing where shapes differ."""
    for ours, theirs, inputs in zip(got, wanted, calls, strict=True):
        if ours[0] != theirs[0]:
            return ""
        for index, (a, b) in enumerate(zip(ours[1], theirs[1], strict=True)):
            if not _same(a, b):
                place = f" at {_place(axes, ours[0], index)}" if ours[0] else ""
                asked = f" The input was: {'; '.join(map(repr, inputs))}." if _short(inputs) else ""
                return f"First difference{place}: {_shown(b)} is expected, {_shown(a)} came.{asked}"
    return ""


def _short(inputs: tuple[Any, ...]) -> bool:
    """Whether the inputs are texts and lists of them, few enough to be read."""
    return all(isinstance(value, str | list) for value in inputs) and len(repr(inputs)) < 300


def _place(axes: tuple[str, ...], shape: tuple[int, ...], index: int) -> str:
    numbers = []
    for size in reversed(shape):
        index, number = divmod(index, size)
        numbers.append(number)
    names = axes if len(axes) == len(shape) else tuple(f"axis {i}," for i in range(len(shape)))
    return ", ".join(f"{name} {number}" for name, number in zip(names, reversed(numbers), strict=True))


def _shown(value: float | str) -> str:
    return repr(value) if isinstance(value, str) else f"{value:.4g}"
