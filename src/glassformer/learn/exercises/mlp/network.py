"""Sections 2 to 5: what a network computes, what it costs, and the worked example."""

import math
import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor


def _network(rng: random.Random) -> "tuple[Tensor, ...]":
    """Features of 7 examples, [7, 3], and a 3-5-2 network: [3, 5], [5], [5, 2], [2]; or 4 everywhere.

    Where all sizes are equal, a table that is turned over does no harm to the shapes: so its mistake can be named.
    """
    examples, inputs, hidden, outputs = (4, 4, 4, 4) if rng.random() < 0.5 else (7, 3, 5, 2)
    return normal(rng, (examples, inputs), (inputs, hidden), (hidden,), (hidden, outputs), (outputs,))


def _scores(x: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    return (x @ W1 + b1).tanh() @ W2 + b2


forward = Code(
    id="mlp.forward",
    teaches="mlp_intro#the-core-equations",
    function="forward",
    reference=_scores,
    inputs=_network,
    mistakes={
        "The hidden layer is not bent. Without tanh the two layers are no more than one.": (
            lambda x, W1, b1, W2, b2: (x @ W1 + b1) @ W2 + b2
        ),
        "The output is bent as well. The scores are weighted sums: the last layer stays straight.": (
            lambda x, W1, b1, W2, b2: _scores(x, W1, b1, W2, b2).tanh()
        ),
        "The bend is in the wrong layer: the output is bent, and the hidden layer is not.": (
            lambda x, W1, b1, W2, b2: ((x @ W1 + b1) @ W2 + b2).tanh()
        ),
        "The sigmoid is applied at the end. A loss that expects logits applies it itself, so it would count twice.": (
            lambda x, W1, b1, W2, b2: _scores(x, W1, b1, W2, b2).sigmoid()
        ),
        "Softmax is applied at the end. A loss that expects logits applies it itself, so it would count twice.": (
            lambda x, W1, b1, W2, b2: _scores(x, W1, b1, W2, b2).softmax(-1)
        ),
        "The bias of the hidden layer is missing.": lambda x, W1, b1, W2, b2: (x @ W1).tanh() @ W2 + b2,
        "The bias of the output is missing.": lambda x, W1, b1, W2, b2: (x @ W1 + b1).tanh() @ W2,
        "Both biases are missing.": lambda x, W1, b1, W2, b2: (x @ W1).tanh() @ W2,
        "The bias of the hidden layer is added after the bend. It belongs to the sum inside.": (
            lambda x, W1, b1, W2, b2: ((x @ W1).tanh() + b1) @ W2 + b2
        ),
        "The bias of the hidden layer is added twice.": (lambda x, W1, b1, W2, b2: (x @ W1 + b1 + b1).tanh() @ W2 + b2),
        "The bias of the output is added twice.": lambda x, W1, b1, W2, b2: _scores(x, W1, b1, W2, b2) + b2,
        "The bend is ReLU. Here the hidden layer is bent with tanh.": (
            lambda x, W1, b1, W2, b2: (x @ W1 + b1).relu() @ W2 + b2
        ),
        "The bend is the sigmoid. Here the hidden layer is bent with tanh.": (
            lambda x, W1, b1, W2, b2: (x @ W1 + b1).sigmoid() @ W2 + b2
        ),
        "Those are the hidden values. The output layer is still to come.": (
            lambda x, W1, b1, W2, b2: (x @ W1 + b1).tanh()
        ),
        "The bend is applied to the inputs. It comes after the weighted sum.": (
            lambda x, W1, b1, W2, b2: (x.tanh() @ W1 + b1) @ W2 + b2
        ),
        "The table of weights is turned over. In row convention it fits as it is: x @ W1, then h @ W2.": (
            lambda x, W1, b1, W2, b2: (x @ W1.mT + b1).tanh() @ W2.mT + b2
        ),
    },
    given=("torch",),
    axes=("example", "output"),
)

depth = Quiz(
    id="mlp.depth",
    teaches="mlp_intro#multi-layer-architecture",
    options=(
        Option(
            "It has four layers with weights.",
            False,
            "The 10 inputs are values, not a layer with weights. Weights lie between two neighboring numbers: "
            "there are three such places.",
        ),
        Option(
            "It has two hidden layers, and its depth is 3.",
            True,
            "Weights lie between 10 and 20, between 20 and 15, and between 15 and 1. "
            "The layers of 20 and 15 are hidden, the third is the output.",
        ),
        Option(
            "It has one hidden layer of 35 units.",
            False,
            "The 15 units do not see the inputs, as units of the same layer would. They see only the 20 before them.",
        ),
        Option(
            "It reads 10 examples at once.",
            False,
            "10 is the number of features of one example. How many examples are read together is no part of a network.",
        ),
    ),
)

parameters = Number(
    id="mlp.parameters",
    teaches="mlp_intro#count-the-parameters",
    answer=107,
    tolerance=0.4,
    mistakes={
        "The biases are missing: one for each unit that is not an input.": 92,
        "The inputs have no bias: they are values that come from outside.": 113,
        "The biases of the output are missing.": 104,
        "The weights of the output layer are missing.": 95,
        "The output layer is missing.": 88,
        "Those are the biases alone. The weights are still to come.": 15,
        "You multiplied all widths. Weights lie only between neighboring layers, and layers are added up.": 576,
        "That is the number of units. A parameter is a weight or a bias.": 21,
    },
)

midway = Number(
    id="mlp.midway",
    teaches="mlp_intro#why-one-neuron-is-not-enough",
    answer=-2,
    tolerance=0.005,
    mistakes={
        "The average of two numbers below 0 is below 0. If you took their difference: it is half of their sum.": 2,
        "That is the sum of both. Midway is half of it.": -4,
        "That is half of their difference. Midway is half of their sum.": 1,
    },
)

_H: Final = (math.tanh(6.1), math.tanh(-1.5))
_S: Final = 2.1 * _H[0] + 2.1 * _H[1] - 1.2

forward_by_hand = Number(
    id="mlp.forward-by-hand",
    teaches="mlp_intro#forward-by-hand",
    answer=_S,
    tolerance=0.012,
    mistakes={
        "The bias of the output is missing: add −1.2 at the end.": _S + 1.2,
        "The bias of the output was subtracted. It is −1.2 and is added.": _S + 2.4,
        "That is the probability. The score s comes before the sigmoid.": 1 / (1 + math.exp(-_S)),
        "The hidden sums were not bent: tanh comes before the output.": 2.1 * 6.1 + 2.1 * -1.5 - 1.2,
        "The sign of the second hidden value is lost: tanh(−1.5) is below 0.": 2.1 * _H[0] - 2.1 * _H[1] - 1.2,
        "The second unit is missing: it says −0.9051, and that counts too.": 2.1 * _H[0] - 1.2,
        "The first unit is missing.": 2.1 * _H[1] - 1.2,
        "The output's weights are missing: each hidden value is multiplied by 2.1.": sum(_H) - 1.2,
        "The biases of the hidden units are missing: z is [6.1, −1.5].": (
            2.1 * math.tanh(7.2) + 2.1 * math.tanh(-0.6) - 1.2
        ),
    },
)

EXERCISES: Final[tuple[Exercise, ...]] = (forward, depth, parameters, midway, forward_by_hand)
