"""Exercises of the page on attention."""

from typing import Final

from glassformer.learn.exercise import Exercise

EXERCISES: Final[tuple[Exercise, ...]] = ()
