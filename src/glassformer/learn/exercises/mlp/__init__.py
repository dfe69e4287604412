"""The exercises of ``mlp_intro.md``, one module for each part of the page."""

from typing import Final

from glassformer.learn.exercise import Exercise
from glassformer.learn.exercises.mlp import backward, honest, network, trouble

_PARTS: Final = (network, backward, honest, trouble)

EXERCISES: Final[tuple[Exercise, ...]] = tuple(exercise for part in _PARTS for exercise in part.EXERCISES)
