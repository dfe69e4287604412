"""Section 5, first part: the loss."""

import math
import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

_P: Final = 0.25

surprise = Number(
    id="nn.surprise",
    teaches="nn_intro#how-wrong-the-loss",
    answer=-math.log(_P),
    tolerance=0.005,
    mistakes={
        "The sign is missing: the logarithm of a number below 1 is below 0, and the minus makes the loss positive.": (
            math.log(_P)
        ),
        "That is the logarithm to the base 2. The loss takes the natural one, the key ln on most calculators.": (
            -math.log2(_P)
        ),
        "That is the logarithm to the base 10. The loss takes the natural one, the key ln on most calculators.": (
            -math.log10(_P)
        ),
        "That would be the loss if the right answer had got 75 %. It got 25 %.": -math.log(1 - _P),
        "That is how much is missing to 100 %. The loss is minus the logarithm of the 25 %.": 1 - _P,
        "That is the squared error, (1 − 0.25)². Cross-entropy takes a logarithm.": (1 - _P) ** 2,
        "That is the probability. Its loss is minus its logarithm.": _P,
        "25 % is 0.25: you took the logarithm of 25.": math.log(100 * _P),
        "25 % is 0.25: you took minus the logarithm of 25.": -math.log(100 * _P),
        "That is 1 / 0.25. Its natural logarithm is what you are looking for.": 1 / _P,
        "The logarithm was multiplied by 0.25 as well. The right answer counts once, whatever its probability.": (
            -_P * math.log(_P)
        ),
        "That is e to the power of minus 0.25. You want the opposite of a power: the logarithm.": math.exp(-_P),
    },
)


def _scored(rng: random.Random) -> "tuple[Tensor, ...]":
    """Scores of 5 classes for 7 examples, [7, 5], and the right class of each, [7]."""
    import torch

    (scores,) = normal(rng, (7, 5))
    return 2 * scores, torch.tensor(rng.choices(range(5), k=7))


def _right(table: Any, answers: Any) -> Any:
    """From each row of ``table`` the column that ``answers`` names."""
    return table[range(len(answers)), answers]


def _loss(scores: Any, answers: Any) -> Any:
    return -_right(scores.softmax(-1), answers).log().mean()


cross_entropy = Code(
    id="nn.cross-entropy",
    teaches="nn_intro#how-wrong-the-loss",
    function="cross_entropy",
    reference=_loss,
    inputs=_scored,
    mistakes={
        "The minus is missing: the loss must be above 0, and smaller where the right class is likelier.": (
            lambda scores, answers: -_loss(scores, answers)
        ),
        "There is one number for each example. Average them.": (
            lambda scores, answers: -_right(scores.softmax(-1), answers).log()
        ),
        "The losses are added up. Take their mean, or a larger table would always be worse.": (
            lambda scores, answers: _loss(scores, answers) * len(scores)
        ),
        "The sum is divided by the number of all scores. Divide by the number of examples.": (
            lambda scores, answers: _loss(scores, answers) / scores.shape[1]
        ),
        "Softmax runs over the examples, so the columns add up to 1. Each row must: softmax over the last axis.": (
            lambda scores, answers: -_right(scores.softmax(0), answers).log().mean()
        ),
        "Softmax is applied twice. PyTorch's cross_entropy applies it by itself and wants the scores as they are.": (
            lambda scores, answers: _loss(scores.softmax(-1), answers)
        ),
        "Softmax is missing: the scores are no probabilities, and e to the power of a score is none yet either.": (
            lambda scores, answers: -_right(scores, answers).mean()
        ),
        "Nothing but nan comes out: some scores are below 0 and have no logarithm. Softmax first makes probabilities "
        "of them.": lambda scores, answers: -_right(scores, answers).log().mean(),
        "The sigmoid looks at each score alone, and the classes do not share 100 %. Take softmax.": (
            lambda scores, answers: -_right(1 / (1 + (-scores).exp()), answers).log().mean()
        ),
        "The logarithm is missing: that is the mean probability of the right class.": (
            lambda scores, answers: _right(scores.softmax(-1), answers).mean()
        ),
        "The logarithm is missing, only its minus is there.": (
            lambda scores, answers: -_right(scores.softmax(-1), answers).mean()
        ),
        "Mean and logarithm are in the wrong order: first the logarithm of each example, then the mean.": (
            lambda scores, answers: -_right(scores.softmax(-1), answers).mean().log()
        ),
        "The logarithm has the base 2. The loss takes the natural one, torch.log.": (
            lambda scores, answers: _loss(scores, answers) / math.log(2)
        ),
        "The logarithm has the base 10. The loss takes the natural one, torch.log.": (
            lambda scores, answers: _loss(scores, answers) / math.log(10)
        ),
        "All classes count here. Only the right class of each example may: answers says which it is.": (
            lambda scores, answers: -scores.softmax(-1).log().mean()
        ),
        "The class with the highest score counts. It must be the right one, and answers says which that is.": (
            lambda scores, answers: -scores.softmax(-1).max(-1).values.log().mean()
        ),
        "Every example meets the answers of all: [:, answers] takes all rows. Take one number from each row.": (
            lambda scores, answers: -scores.softmax(-1)[:, answers].log().mean()
        ),
        "The answers choose rows, but they are numbers of columns. Take from each row the column of its answer.": (
            lambda scores, answers: -scores.softmax(-1)[answers].log().mean()
        ),
    },
    given=("torch",),
)

EXERCISES: Final[tuple[Exercise, ...]] = (surprise, cross_entropy)
