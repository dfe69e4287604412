"""Section 4: from single neurons to networks."""

import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz, Words
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

gates = Quiz(
    id="nn.gates",
    teaches="nn_intro#logic-with-one-neuron",
    options=(
        Option(
            "AND: 1 only if both inputs are 1.",
            False,
            "A single 1 is enough here: z = 1 − 0.5 = 0.5 is not below 0. For AND a single 1 must not be enough: "
            "a bias of −1.5 does that.",
        ),
        Option(
            "OR: 1 if at least one input is 1.",
            True,
            "The sum z is −0.5 if both inputs are 0, 0.5 if one of them is 1, and 1.5 if both are. "
            "Only the first is below 0.",
        ),
        Option(
            "XOR: 1 if exactly one input is 1.",
            False,
            "If both inputs are 1, z = 1.5, and the answer is 1. XOR wants a 0 there, and no neuron alone can give it.",
        ),
        Option(
            "Neither: 1 only if both inputs are 0.",
            False,
            "If both inputs are 0, only the bias is left: z = −0.5, and the answer is 0. "
            "With all signs the other way round, weights −1 and −1 and a bias of 0.5, it would be this gate.",
        ),
    ),
)


_SUM: Final = 0.5 + 1
_FIRST: Final = max(0, _SUM)
_SECOND: Final = max(0, _SUM - 1)

fold = Number(
    id="nn.fold",
    teaches="nn_intro#two-neurons-fold-the-plane",
    answer=_FIRST - 2 * _SECOND,
    tolerance=0.005,
    mistakes={
        "That is the first unit alone. Twice the second is taken away from it.": _FIRST,
        "That is the second unit's share alone. The first unit is still missing.": -2 * _SECOND,
        "The second unit counts twice: its weight is −2.": _FIRST - _SECOND,
        "The weights of the two units are 1 and −2: the first counts once, and the second, twice, is taken away.": (
            _FIRST + 2 * _SECOND
        ),
        "The −1 is missing: the second unit's sum is x₁ + x₂ − 1, which is 0.5.": _FIRST - 2 * _SUM,
        "The −1 belongs inside the second ReLU. Subtract it first, then double.": _FIRST - 2 * _SUM - 1,
        "The 2 stands outside the second ReLU: it doubles the whole unit, not x₁ + x₂ alone.": (
            _FIRST - max(0, 2 * _SUM - 1)
        ),
        "That is the output at (0, 0) or at (1, 1). Here the inputs are 0.5 and 1; do not round them.": 0,
    },
)

parameters = Number(
    id="nn.parameters",
    teaches="nn_intro#a-layer-is-a-table-of-weights",
    answer=3 * 4 + 4 + 4 * 2 + 2,
    tolerance=0.005,
    mistakes={
        "Those are the weights. Every unit has a bias as well.": 3 * 4 + 4 * 2,
        "Those are the biases. Every connection between two layers has a weight as well.": 4 + 2,
        "24 may be 3 · 4 · 2, but the weights of two layers are added, not multiplied. Or the biases of the two "
        "outputs are missing.": 3 * 4 * 2,
        "Those are the weights of the first layer alone.": 3 * 4,
        "Each unit has a bias of its own, the four hidden ones and the two outputs. You counted two biases in all.": (
            3 * 4 + 4 * 2 + 2
        ),
        "You counted one bias in all. Each unit has its own.": 3 * 4 + 4 * 2 + 1,
        "The inputs have no bias: they are given, not computed.": 3 + 3 * 4 + 4 + 4 * 2 + 2,
        "That is the hidden layer. The two outputs have weights and biases as well.": 3 * 4 + 4,
        "Those are the two outputs. The hidden layer has weights and biases as well.": 4 * 2 + 2,
        "Those are the places of the network: inputs, hidden units and outputs. Training changes what lies between "
        "them, the weights, and the biases.": 3 + 4 + 2,
    },
)


def _layers(rng: random.Random) -> "tuple[Tensor, ...]":
    """A table of examples, a table of weights and biases: x, [7, 3], W, [3, 5], and b, [5], or 4 everywhere.

    Where all sizes are equal, a table that is turned the wrong way does no harm to the shapes: so its mistake can be
    computed, and named.
    """
    examples, inputs, units = (4, 4, 4) if rng.random() < 0.5 else (7, 3, 5)
    return normal(rng, (examples, inputs), (inputs, units), (units,))


def _relu(z: Any) -> Any:
    return z.clamp(min=0)


layer = Code(
    id="nn.layer",
    teaches="nn_intro#a-layer-is-a-table-of-weights",
    function="layer",
    reference=lambda x, W, b: _relu(x @ W + b),
    inputs=_layers,
    mistakes={
        "The biases are missing.": lambda x, W, b: _relu(x @ W),
        "The biases are subtracted. They are added, whatever their signs.": lambda x, W, b: _relu(x @ W - b),
        "Those are the weighted sums. The ReLU is still to come.": lambda x, W, b: x @ W + b,
        "The biases are added after the ReLU. They belong to the sums inside it.": lambda x, W, b: _relu(x @ W) + b,
        "The ReLU bends the inputs. It belongs around the weighted sums.": lambda x, W, b: _relu(x) @ W + b,
        "The ReLU is the wrong way round: it keeps what is above 0 and makes 0 of the rest.": (
            lambda x, W, b: (x @ W + b).clamp(max=0)
        ),
        "That is the sigmoid. This layer bends with the ReLU.": lambda x, W, b: 1 / (1 + (-(x @ W + b)).exp()),
        "That is the step function, a yes or a no. The ReLU keeps the size of what is above 0.": (
            lambda x, W, b: (x @ W + b > 0) * 1.0
        ),
        "The signs are taken away. The ReLU makes 0 of what is below 0.": lambda x, W, b: (x @ W + b).abs(),
        "The table of weights is turned: its rows became its columns. Row i holds the weights of input i already, so W "
        "is used as it is.": lambda x, W, b: _relu(x @ W.T + b),
        "The two tables are the wrong way round: x stands in front, x @ W. Each row of x meets each column of W.": (
            lambda x, W, b: _relu(W @ x + b)
        ),
        "The star multiplies number by number and adds nothing up. The weighted sums of a whole table are x @ W.": (
            lambda x, W, b: _relu(x * W + b)
        ),
        "Each example got a bias. It is each unit that has one: add b as it is, and every row gets the same biases.": (
            lambda x, W, b: _relu(x @ W + b[:, None])
        ),
        "The result is turned: it has one row for each unit, and one for each example is wanted.": (
            lambda x, W, b: _relu(x @ W + b).T
        ),
        "The units are added up, so there is one number for each example. Give back all units: [examples, units].": (
            lambda x, W, b: _relu(x @ W + b).sum(-1)
        ),
    },
    given=("torch",),
    axes=("example", "unit"),
)

no_bend = Quiz(
    id="nn.no-bend",
    teaches="nn_intro#what-each-part-is-for",
    options=(
        Option(
            "One straight line.",
            True,
            "A weighted sum of weighted sums is again one weighted sum of the two inputs. "
            "The ten layers draw no more than a single neuron can: one straight line, or none at all.",
        ),
        Option(
            "Ten straight lines, one for each layer.",
            False,
            "Each layer hands its sums on, and at the end one sum of the two inputs is left. "
            "It has one border: where it goes from below 0 to above.",
        ),
        Option(
            "A line with up to 100 corners, one for each unit of a layer.",
            False,
            "A corner comes from an activation: with a ReLU, it is where a unit begins to say more than 0. "
            "Without one, nothing ever begins.",
        ),
        Option(
            "Any border you like: a thousand units are enough for that.",
            False,
            "A thousand units could do much with a bend in each. Without it, their number does not matter.",
        ),
    ),
)

hidden_layer_in_words = Words(
    id="nn.hidden-layer-in-words",
    teaches="nn_intro#what-each-part-is-for",
    model="One neuron draws one straight line. For XOR that is not enough: no line has its two yes cases on one side "
    "and its two no cases on the other. The units of a hidden layer move the cases to new places. In our "
    "solution both yes cases land on one point, because both have one 1, and the bend turns the case with two ones "
    "back, so that a straight line is enough: the output neuron draws it. Without the bend, the two layers would be no "
    "more than one.",
    points=(
        "One neuron draws one straight line.",
        "No straight line splits the cases of XOR.",
        "The hidden units move the cases to new places, where one line is enough.",
        "Without the bend of the activation, two layers can do no more than one.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (
    gates,
    fold,
    parameters,
    layer,
    no_bend,
    hidden_layer_in_words,
)
