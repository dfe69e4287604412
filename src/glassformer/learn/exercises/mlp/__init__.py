"""The exercises of ``mlp_intro.md``, one module for each part of the page."""

from typing import Final

from glassformer.learn.exercise import Exercise
from glassformer.learn.exercises.mlp import backward, network

EXERCISES: Final[tuple[Exercise, ...]] = (*network.EXERCISES, *backward.EXERCISES)
