"""Answers to the exercises of ``transformers``, a module for each of its pages."""

from tests.learn.transformers import (
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

PAGES = (overview, history, pipeline, tokens, embeddings, stack, variants, attention, cache, feedforward, generation)
