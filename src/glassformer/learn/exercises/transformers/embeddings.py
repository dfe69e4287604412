"""Exercises of the page on embeddings."""

from typing import Final

from glassformer.learn.exercise import Exercise

EXERCISES: Final[tuple[Exercise, ...]] = ()
