"""Exercises of the page on overview."""

from typing import Final

from glassformer.learn.exercise import Exercise, Number, Option, Quiz, Words

mix = Number(
    id="overview.mix",
    teaches="transformers/02-overview#one-sentence-seven-steps",
    answer=4.0,
    tolerance=0.01,
    mistakes={
        "The shares are left out: that is the sum of the values.": 5.0,
        "That is the plain mean: each value would have a share of one third.": 5 / 3,
        "That is the value with the largest share alone. The others count, too.": 10.0,
        "The sign of −5 is lost.": 6.0,
    },
)

attention = Quiz(
    id="overview.attention",
    teaches="transformers/02-overview#the-key-innovation",
    options=(
        Option(
            "It finds the most important word of the text and drops the others.",
            False,
            "Nothing is dropped. Every visible token gets a share, and another token may need quite another one.",
        ),
        Option(
            "Each token decides how much to take from each token that it may see, and receives that mixture.",
            True,
            "The shares come from how well its query matches their keys. It receives the mixture of the values.",
        ),
        Option(
            "It carries one state from token to token, so that nothing is forgotten.",
            False,
            "That is a recurrent network, and it does forget. In attention each token looks back directly.",
        ),
        Option(
            "It holds the facts that were learned, such as the capital of Italy, in a list.",
            False,
            "Attention moves what tokens hold. No list of facts is kept anywhere; what was learned is in the weights.",
        ),
    ),
)

in_words = Words(
    id="overview.in-words",
    teaches="transformers/02-overview#what-could-go-wrong",
    model=(
        "The text is cut into tokens, and each becomes a list of numbers. In each layer every token looks at itself "
        "and at those before it, takes more from those that match, and then works on the result alone. "
        "After the last layer the list of the last token gives a probability to each token of the vocabulary, and "
        "Rome is the most likely."
    ),
    points=(
        "Tokens become lists of numbers.",
        "Each token takes from itself and those before it, in shares that depend on how well they match.",
        "This is repeated layer after layer.",
        "The end is a probability for every token, of which one is chosen.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (mix, attention, in_words)
