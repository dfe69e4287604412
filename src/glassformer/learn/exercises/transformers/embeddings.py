"""Exercises of the page on embeddings."""

import random
from typing import Any, Final

from glassformer.learn.exercise import Code, Exercise, Option, Quiz
from glassformer.learn.exercises.transformers.embeddings_rope import (
    PAGE,
    in_turn,
    relative,
    rope,
    side_by_side,
    wavelength,
    waves,
)

order = Quiz(
    id="embeddings.order",
    teaches=f"{PAGE}#attention-cannot-tell-the-order",
    options=(
        Option(
            "The two vectors of dog are the same, since dog is the same token.",
            False,
            "They go in the same. But dog reads from the other tokens too, so each output depends on the whole text. "
            "They are equal here for another reason: the texts hold the same tokens.",
        ),
        Option(
            "Each token has the same output in both texts, only in another place.",
            True,
            "Permuting the rows of the input permutes the rows of the output. Nothing says who bit whom.",
        ),
        Option(
            "All outputs differ, since the dot products are taken in another order.",
            False,
            "A sum does not mind its order. The same pairs of tokens meet, so the same scores and weights come out.",
        ),
        Option(
            "The outputs differ, because softmax gives earlier tokens more weight.",
            False,
            "Softmax looks at the scores alone, and the scores know nothing of places.",
        ),
    ),
)


def _sizes(rng: random.Random) -> tuple[int, int]:
    return rng.choice([3, 5, 7, 11]), 2 * rng.choice([2, 3, 5, 7])


def _each_its_own(length: int, d: int) -> Any:
    """Every column with a frequency of its own: sine where it is even, cosine where it is odd."""
    import torch

    angles = torch.arange(length, dtype=torch.float64)[:, None] * 1e4 ** (-torch.arange(d, dtype=torch.float64) / d)
    return torch.where(torch.arange(d) % 2 == 0, angles.sin(), angles.cos())


sinusoids = Code(
    id="embeddings.sinusoids",
    teaches=f"{PAGE}#waves-instead-of-a-table",
    function="sinusoids",
    reference=lambda length, d: in_turn(*waves(length, d)),
    inputs=_sizes,
    mistakes={
        "All sines come first, then all cosines. Here they stand in turn: sine 0, cosine 0, sine 1, cosine 1.": (
            lambda length, d: side_by_side(*waves(length, d))
        ),
        "Sine and cosine are swapped: even columns are sines. Row 0 begins 0, 1, 0, 1.": (
            lambda length, d: in_turn(*waves(length, d)[::-1])
        ),
        "Positions are counted from 1. The first row is that of position 0.": (
            lambda length, d: in_turn(*waves(length, d, first=1))
        ),
        "The exponent is i / d. Pair i has 2i / d, so that the last pair comes close to the base.": (
            lambda length, d: in_turn(*waves(length, d, power=lambda i, d: i / d))
        ),
        "The exponent is 4i / d: you took 2i twice, since arange(0, d, 2) holds 2i already.": (
            lambda length, d: in_turn(*waves(length, d, power=lambda i, d: 4 * i / d))
        ),
        "The exponent has the wrong sign: frequencies fall from 1, they do not grow.": (
            lambda length, d: in_turn(*waves(length, d, power=lambda i, d: -2 * i / d))
        ),
        "Each column has a frequency of its own. A sine and the cosine beside it share one.": _each_its_own,
        "The base is 10,000, not 1,000.": lambda length, d: in_turn(*waves(length, d, base=1e3)),
        "The table is turned: a row is a position, a column a wave.": (lambda length, d: in_turn(*waves(length, d)).T),
    },
    given=("torch",),
    axes=("position", "column"),
)

EXERCISES: Final[tuple[Exercise, ...]] = (order, sinusoids, wavelength, relative, rope)
