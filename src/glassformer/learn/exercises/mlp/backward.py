"""Section 6: the partial derivatives of the loss, by hand and in code."""

import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz, Words
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

delta = Number(
    id="mlp.delta",
    teaches="mlp_intro#through-the-hidden-layer",
    answer=0.896,
    tolerance=0.006,
    mistakes={
        "The error at the output is p − y, not y − p: the sign is the wrong way round.": -0.896,
        "The slope of the bend is missing: multiply by 1 − h².": 1.4,
        "The slope of the bend is missing, and a sign is the wrong way round.": -1.4,
        "The weight is missing: the error comes back through the −2.": -0.448,
        "The slope of the sigmoid, h (1 − h), was taken. The unit's bend is tanh: 1 − h².": 1.4 * 0.24,
        "You multiplied by h² in place of 1 − h².": 1.4 * 0.36,
        "You multiplied by 1 − h. The slope of tanh is 1 − h².": 1.4 * 0.4,
        "You multiplied by h. That gives the slope for the weight −2, and without the −2 itself. "
        "The unit's δ takes the slope of the bend.": 1.4 * 0.6,
        "That is the slope of the loss for the weight −2: what went in times the error, 0.6 · (−0.7). "
        "The question is about the unit.": -0.42,
        "That is the error at the output. It still goes back through the weight and through the bend.": -0.7,
        "The error at the output is p − y = −0.7. You took p alone.": 0.3 * -2 * 0.64,
    },
)

zero_feature = Quiz(
    id="mlp.zero-feature",
    teaches="mlp_intro#the-first-layer",
    options=(
        Option(
            "All four are 0.",
            True,
            "The slope for a weight is what went in times the error. "
            "Nothing went in, so this e-mail says nothing about these weights.",
        ),
        Option(
            "They are as large as those that start at the exclamation marks.",
            False,
            "Those are multiplied by x = 6, and these by x = 0.",
        ),
        Option(
            "They equal the slopes for the biases of the hidden units.",
            False,
            "A bias has the slope δ, as if its input were 1. Here the input is 0.",
        ),
        Option(
            "They are 0 only if the network is right about this e-mail.",
            False,
            "The error is a second factor. With an input of 0 the product is 0, right or wrong.",
        ),
    ),
)


def _batch(rng: random.Random) -> "tuple[Tensor, ...]":
    """7 examples with 3 features and their answers, and a 3-5-1 network; or 4 examples and a 4-1-1 network.

    With one hidden unit W2 is the same turned over, so forgetting that can be computed, and named.
    """
    import torch

    examples, inputs, hidden = (4, 4, 1) if rng.random() < 0.5 else (7, 3, 5)
    x, W1, b1, W2, b2 = normal(rng, (examples, inputs), (inputs, hidden), (hidden,), (hidden, 1), (1,))
    y = torch.tensor([[float(rng.random() < 0.5)] for _ in range(examples)], dtype=torch.float64)
    return x, y, W1, b1, W2, b2


def _flat(*parts: Any) -> Any:
    import torch

    return torch.cat([part.flatten() for part in parts])


def _gradients(
    x: Any,
    y: Any,
    W1: Any,
    b1: Any,
    W2: Any,
    b2: Any,
    *,
    error: Any = lambda p, y: (p - y) / len(p),
    bend: Any = lambda z, h: 1 - h**2,
    back: Any = lambda d2, W2: d2 @ W2.mT,
    first: Any = lambda x, d1: x.mT @ d1,
    second: Any = lambda h, d2, z: h.mT @ d2,
    biases: Any = lambda d: d.sum(0),
) -> Any:
    """The gradients of W1, b1, W2 and b2, flattened one after the other. A named part can be replaced by a mistake."""
    z = x @ W1 + b1
    h = z.tanh()
    d2 = error((h @ W2 + b2).sigmoid(), y)
    d1 = back(d2, W2) * bend(z, h)
    return _flat(first(x, d1), biases(d1), second(h, d2, z), biases(d2))


backward = Code(
    id="mlp.backward",
    teaches="mlp_intro#the-whole-batch-in-five-lines",
    function="backward",
    reference=_gradients,
    inputs=_batch,
    mistakes={
        "The mean is missing: the loss is averaged, so the error at the output is divided by the number of examples.": (
            lambda *given: _gradients(*given, error=lambda p, y: p - y)
        ),
        "The sign is the wrong way round: the error at the output is p − y.": (
            lambda *given: _gradients(*given, error=lambda p, y: (y - p) / len(p))
        ),
        "The derivative of the bend is missing: the error of the hidden layer is multiplied by 1 − h².": (
            lambda *given: _gradients(*given, bend=lambda z, h: 1.0)
        ),
        "The derivative of tanh is taken at h. It is 1 − tanh(z)², and tanh(z) is h already: 1 − h².": (
            lambda *given: _gradients(*given, bend=lambda z, h: 1 - h.tanh() ** 2)
        ),
        "The derivative of tanh is taken from z without tanh: it is 1 − h², not 1 − z².": (
            lambda *given: _gradients(*given, bend=lambda z, h: 1 - z**2)
        ),
        "The derivative is that of the sigmoid, h (1 − h). The bend is tanh: 1 − h².": (
            lambda *given: _gradients(*given, bend=lambda z, h: h * (1 - h))
        ),
        "The square is missing: the derivative of tanh is 1 − h².": (
            lambda *given: _gradients(*given, bend=lambda z, h: 1 - h)
        ),
        "The derivative of the sigmoid is counted again at the output. It has cancelled already: the error is p − y.": (
            lambda *given: _gradients(*given, error=lambda p, y: (p - y) * p * (1 - p) / len(p))
        ),
        "The weights W2 are missing on the way back: the error reaches a hidden unit through its weight.": (
            lambda *given: _gradients(*given, back=lambda d2, W2: d2.expand(-1, len(W2)))
        ),
        "The gradient of W1 is turned over: it has the shape of W1, [inputs, hidden].": (
            lambda *given: _gradients(*given, first=lambda x, d1: d1.mT @ x)
        ),
        "The gradient of W2 takes z. What went into the output layer is h.": (
            lambda *given: _gradients(*given, second=lambda h, d2, z: z.mT @ d2)
        ),
        "The biases are averaged. The mean is in the error already: add up the rows.": (
            lambda *given: _gradients(*given, biases=lambda d: d.mean(0))
        ),
        "The biases are not summed over the batch: there is one gradient for each bias, not one for each example.": (
            lambda *given: _gradients(*given, biases=lambda d: d)
        ),
        "The mean is divided by twice: once at the output is enough.": (
            lambda *given: _gradients(*given) / len(given[0])
        ),
        "W2 is used as it is on the way back. Turn it over: d2 @ W2.T takes [examples, 1] to [examples, hidden].": (
            lambda *given: _gradients(*given, back=lambda d2, W2: d2 @ W2)
        ),
    },
    given=("torch",),
)

in_words = Words(
    id="mlp.in-words",
    teaches="mlp_intro#the-whole-batch-in-five-lines",
    model=(
        "The output compares its probability with the right answer; the difference is its error. The error goes back "
        "to each hidden unit through the same weight through which its value came, so a unit with a large weight "
        "is held more responsible. There it is multiplied by the slope of the unit's bend: where the unit is "
        "saturated, hardly anything gets through. Multiplied by the input that the hidden weight carries, this is the "
        "slope of the loss for the weight, and the weight moves a little in the opposite direction."
    ),
    points=(
        "The error starts at the output, as the difference between the answer given and the right one.",
        "It comes back to the hidden unit through the weight that joins the unit to the output.",
        "It is multiplied by the slope of the unit's bend, so a saturated unit learns little.",
        "Times the input of the weight it is the slope, and the weight moves against it.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (delta, zero_feature, backward, in_words)
