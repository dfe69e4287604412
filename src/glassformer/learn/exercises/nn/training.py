"""Section 5, third part: backpropagation, an honest test, and learned vectors."""

from typing import Final

from glassformer.learn.exercise import Exercise, Number, Option, Quiz

_X: Final = 4
_Y: Final = 3 * _X

chain = Number(
    id="nn.chain",
    teaches="nn_intro#the-chain-rule-and-backpropagation",
    answer=2 * _Y * 3,
    tolerance=0.005,
    mistakes={
        "Two ways lead to 24. Either that is the slope of the last box alone, at y = 12: multiply it by that of the "
        "first. Or you took the slope of the last box at 4: it gets y, not x.": 2 * _Y,
        "That is the slope of the first box. Multiply it by the slope of the last one.": 3,
        "The slopes were added. One change causes the next, so they are multiplied.": 2 * _Y + 3,
        "The slope of y² is 2y, not y.": _Y * 3,
        "That is y, the number between the boxes. The question is about slopes.": _Y,
        "You multiplied by x. The first box has the slope 3, wherever x is.": 2 * _Y * _X,
        "That is z itself, the value that comes out. The question is how much it changes.": _Y**2,
        "That is the slope of x² at x = 4. The last box gets y = 12, and the first box counts too.": 2 * _X,
        "The slope of 3x is 3, not 3x: it does not depend on where x is.": 2 * _Y * _Y,
        "The first box was counted twice: the last box has the slope 2y = 24 already.": 2 * _Y * 3 * 3,
    },
)

leak = Quiz(
    id="nn.leak",
    teaches="nn_intro#comedy-or-tragedy",
    options=(
        Option(
            "Shuffling teaches better: the program does not learn one play after the other.",
            False,
            "It may help to learn from passages in a mixed order. But here the test was mixed in as well, and that is "
            "another matter.",
        ),
        Option(
            "It had more passages to learn from.",
            False,
            "It had a little more, nine tenths against about four fifths. That cannot explain such a jump.",
        ),
        Option(
            "Luck: another tenth would give another result.",
            False,
            "A tenth of all passages is hundreds of them, and over hundreds luck evens out. "
            "The next tenth would be just as easy.",
        ),
        Option(
            "Its test has passages from the plays that it learned from, with the same names and subjects.",
            True,
            "It recognizes the play, by its names, its subjects and its own words. With a play that it has never seen, "
            "that does not help. So ours is tested on plays that it did not learn from.",
        ),
    ),
)

table = Number(
    id="nn.table",
    teaches="nn_intro#from-one-hot-to-learned-vectors",
    answer=5000 * 16,
    tolerance=0.005,
    mistakes={
        "The table has 5000 rows and 16 columns: multiply them. You added them.": 5000 + 16,
        "That is the table of all one-hot lists. An embedding has 16 numbers for each word.": 5000**2,
        "That is the number of words. Each of them has 16 numbers.": 5000,
        "Those are the numbers of one word. There are 5000 words.": 16,
        "The table has a row for each word and nothing else: no biases.": 5000 * 16 + 16,
        "The table has 16 numbers for each word and nothing else: no biases.": 5000 * 17,
        "You divided. Each of the 5000 words has 16 numbers of its own.": 5000 / 16,
        "A comma counts as a decimal point here. Write large numbers without one.": 80,
    },
)

EXERCISES: Final[tuple[Exercise, ...]] = (chain, leak, table)
