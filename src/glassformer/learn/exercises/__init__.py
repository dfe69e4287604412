"""All exercises of the guide, one module for each document or part of the library."""

import difflib
from functools import cache

from glassformer.learn.exercise import Exercise
from glassformer.learn.exercises import mlp, nn, rnn, transformers

MODULES = (nn, mlp, rnn, transformers)


@cache
def exercises() -> dict[str, Exercise]:
    """Every exercise by its id, in the order of the documents. Raises ``ValueError`` if two have the same id."""
    found: dict[str, Exercise] = {}
    for module in MODULES:
        for exercise in module.EXERCISES:
            if exercise.id in found:
                raise ValueError(f"id ({exercise.id}) must belong to one exercise, and belongs to two.")
            found[exercise.id] = exercise
    return found


def find(name: str) -> Exercise:
    """The exercise with the id ``name``. Raises ``ValueError`` that suggests the nearest."""
    known = exercises()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1, 0.4)
    hint = f"Did you mean {near[0]}?" if near else f"The exercises are: {', '.join(known)}."
    raise ValueError(f"There is no exercise {name!r}. {hint}")
