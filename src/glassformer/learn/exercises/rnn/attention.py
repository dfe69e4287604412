"""Sections 10.6 and 10.7: the bottleneck, a look by hand, and why it all came about."""

import math
from typing import Final

from glassformer.learn.exercise import Exercise, Number, Option, Quiz, Words

bottleneck = Quiz(
    id="rnn.bottleneck",
    teaches="rnn_intro#attention-over-the-encoder-s-states",
    options=(
        Option(
            "A sentence of forty words gets as many numbers as one of ten: one vector of fixed size.",
            True,
            "All of the source has to fit into that vector. With attention the decoder sees a state for every word, so "
            "a longer source brings more numbers along.",
        ),
        Option(
            "Long sentences are rare, so the model has learned too little from them.",
            False,
            "That may add to it. But here it has seen both in training, and attention does not change how rare they "
            "are.",
        ),
        Option(
            "The decoder has too few weights for long sentences.",
            False,
            "The weights are the same at every word, however long the sentence. Attention adds only a few.",
        ),
        Option(
            "Recurrent networks cannot read forty words.",
            False,
            "They can read any number. What they keep of them is limited.",
        ),
    ),
)

_FIRST: Final = math.exp(2) / (math.exp(2) + 2)

look = Number(
    id="rnn.look",
    teaches="rnn_intro#attention-over-the-encoder-s-states",
    answer=100 * _FIRST,
    tolerance=0.6,
    unit="%",
    units={"percent": 1.0},
    mistakes={
        "That is the share. In percent it is a hundred times as much.": _FIRST,
        "A score of 0 counts, too: e⁰ is 1. All three belong to the sum.": 100.0,
        "That is for two places. There are three: e⁰ counts twice.": 100 * math.exp(2) / (math.exp(2) + 1),
        "That is the share of one of the other places.": 100 / (math.exp(2) + 2),
        "That is the sigmoid of 2, which looks at the first score alone. All three share one whole. (For two places "
        "with the scores 2 and 0 it would be the same.)": 100 / (1 + math.exp(-2.2)),
        "You used powers of 2. Softmax uses powers of e.": 100 * 4 / 6,
        "Three places do not share equally: the scores differ.": 100 / 3,
        "That is e², before it is divided by the sum.": math.exp(2),
    },
)

in_words = Words(
    id="rnn.in-words",
    teaches="rnn_intro#attention-over-the-encoder-s-states",
    model=(
        "A recurrent network keeps all that it has read in one state of fixed size. From word to word this state "
        "is multiplied by the same table and bent, so the effect of early words is a product of many factors: it "
        "vanishes, or it explodes. Training cannot find what lies far back, because its slopes go the same way. "
        "Gates, as in LSTM and GRU, let a part of the memory pass almost unchanged, which helps for longer. "
        "Attention went further: it keeps the states of all words and looks at those that are needed, whatever the "
        "distance. The transformer kept attention and left out the recurrence."
    ),
    points=(
        "Everything must pass through one state of fixed size, step after step.",
        "The effect of early words is a product of many factors, which vanishes or explodes; so do the slopes.",
        "Gates let a memory pass nearly unchanged.",
        "Attention looks at all places directly, and led to the transformer.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (bottleneck, look, in_words)
