"""The exercises of ``transformers``, a module for each of its pages."""

from typing import Final

from glassformer.learn.exercise import Exercise
from glassformer.learn.exercises.transformers import (
    attention,
    cache,
    embeddings,
    feedforward,
    generation,
    history,
    overview,
    pipeline,
    stack,
    tokens,
    variants,
)

PAGES: Final = (
    overview,
    history,
    pipeline,
    tokens,
    embeddings,
    stack,
    variants,
    attention,
    cache,
    feedforward,
    generation,
)
EXERCISES: Final[tuple[Exercise, ...]] = tuple(exercise for page in PAGES for exercise in page.EXERCISES)
