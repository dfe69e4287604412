"""The exercises of ``nn_intro.md``, one module for each part of the page."""

from typing import Final

from glassformer.learn.exercise import Exercise
from glassformer.learn.exercises.nn import descent, ideas, language, loss, networks, neuron, training

_PARTS: Final = (ideas, neuron, networks, loss, descent, training, language)

EXERCISES: Final[tuple[Exercise, ...]] = tuple(exercise for part in _PARTS for exercise in part.EXERCISES)
