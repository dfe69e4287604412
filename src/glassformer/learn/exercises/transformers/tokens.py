"""Exercises of the page on tokens."""

from typing import Final

from glassformer.learn.exercise import Exercise

EXERCISES: Final[tuple[Exercise, ...]] = ()
