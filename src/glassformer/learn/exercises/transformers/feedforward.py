"""Exercises of the page on feed-forward networks and normalization."""

from typing import Final

from glassformer.learn.exercise import Exercise, Number, Option, Quiz, Words
from glassformer.learn.exercises.transformers.feedforward_code import layer_norm, swiglu

_D, _F = 768, 3072

equal_size = Number(
    id="feedforward.equal-size",
    teaches="transformers/11-feed-forward#what-does-a-gate-add",
    answer=2 * _F / 3,
    tolerance=0.5,
    mistakes={
        "With the same width there are half as many weights again: three matrices instead of two.": _F,
        "It must be narrower, not wider: three matrices share what two had.": 3 * _F / 2,
        "That is half. Three matrices instead of two leave two thirds of the width.": _F / 2,
        "That is a third. The old network had two matrices, so two thirds remain.": _F / 3,
        "8/3 is the ratio to D, 768, not to the old width.": 8 * _F / 3,
        "That is the number of weights. Asked for is the width inside.": 2 * _D * _F,
    },
)

memory = Words(
    id="feedforward.memory",
    teaches="transformers/11-feed-forward#is-it-a-memory",
    model="The network is a sum over its hidden neurons. Each neuron has a key, a column of W_up, which is compared "
    "with the token's vector, and a value, a row of W_down, which is written to the stream by as much as the "
    "key fits. In attention keys and values come from other tokens of the text, and a softmax makes shares "
    "that add up to 1. Here they are learned weights, the same for every text, and any number of neurons may "
    "be active. To test what a neuron does I would set it to 0 and measure what changes, on texts with the "
    "pattern and on texts without it, and compare with other neurons.",
    points=(
        "The output is a sum over neurons, each with a key that is compared with the input.",
        "Each neuron adds its value, a row of W_down, by as much as its key fits.",
        "Keys and values are learned weights; in attention they come from the tokens of the text.",
        "There is no softmax: the neurons do not compete for shares that add up to 1.",
        "A test takes the neuron away and measures what changes, against other neurons or other texts.",
    ),
)

share = Quiz(
    id="feedforward.share",
    teaches="transformers/11-feed-forward#who-holds-the-parameters",
    options=(
        Option(
            "In every transformer two thirds of the parameters are in the feed-forward networks.",
            False,
            "It is less than half of GPT-2 small and more than nine tenths of Mixtral.",
        ),
        Option(
            "Two thirds of a block of GPT-2 small are its feed-forward network, but less than half of the model.",
            True,
            "8 D² of 12 D² in each block. The table of tokens and positions, nearly a third of "
            "this model, is outside the blocks.",
        ),
        Option(
            "With grouped-query attention the share of the feed-forward network in a block is smaller.",
            False,
            "It is larger: fewer key and value heads make the attention smaller, and the rest of the block stays.",
        ),
        Option(
            "A gate always makes the share larger, since there are three matrices instead of two.",
            False,
            "Not if the network is made narrower inside, to 8/3 D instead of 4 D. Then there are as many "
            "weights as before.",
        ),
    ),
)

_VARIANCE: Final = 26 / 3

by_hand = Number(
    id="feedforward.by-hand",
    teaches="transformers/11-feed-forward#why-normalize-and-how",
    answer=4 / _VARIANCE**0.5,
    tolerance=0.006,
    mistakes={
        "You divided the squares by 2, D − 1. LayerNorm takes the biased variance, divided by D.": 4 / 13**0.5,
        "That is RMSNorm: the mean was not subtracted.": 9 / (101 / 3) ** 0.5,
        "The root is missing: you divided by the variance.": 4 / _VARIANCE,
        "The mean was subtracted for the root, but not from the entry.": 9 / _VARIANCE**0.5,
        "That is the entry minus the mean. It is divided by the root of the variance.": 4.0,
        "That is the first entry, without its sign.": 3 / _VARIANCE**0.5,
        "The squares are added, but not divided by 3.": 4 / 26**0.5,
        "You divided by the mean distance from the mean, not by the root of the mean square.": 4 / (8 / 3),
    },
)

EXERCISES: Final[tuple[Exercise, ...]] = (swiglu, equal_size, memory, share, by_hand, layer_norm)
