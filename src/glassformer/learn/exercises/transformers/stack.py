"""Exercises of the page on stack."""

from typing import Final

from glassformer.learn.exercise import Exercise

EXERCISES: Final[tuple[Exercise, ...]] = ()
