"""Exercises of the page on history."""

from typing import Final

from glassformer.learn.exercise import Exercise, Number, Option, Quiz

path = Number(
    id="history.path",
    teaches="transformers/03-history#what-did-it-cost",
    answer=499,
    tolerance=0.1,
    mistakes={
        "That is the number of states. Between 500 of them lie one step fewer.": 500,
        "That is attention: one step from every word to every other.": 1,
        "That is half the way.": 250,
    },
)

argument = Quiz(
    id="history.argument",
    teaches="transformers/03-history#what-did-it-cost",
    options=(
        Option(
            "It needs fewer operations for a text.",
            False,
            "For long texts it needs more: they grow with the square of the length.",
        ),
        Option(
            "All words of a text can be computed at the same time, since no word waits for the state before it.",
            True,
            "The number of steps in a row no longer grows with the text. Many processors then share the operations, "
            "although there are more of them.",
        ),
        Option(
            "It has fewer parameters, so there is less to train.",
            False,
            "Both come in any size. Parameters are not what makes a recurrent network wait.",
        ),
        Option(
            "It keeps less of the text in memory.",
            False,
            "It keeps more: a key and a value for every word, where a recurrent network has one state.",
        ),
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (path, argument)
