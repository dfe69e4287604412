"""Exercises of the page on feedforward."""

from typing import Final

from glassformer.learn.exercise import Exercise

EXERCISES: Final[tuple[Exercise, ...]] = ()
