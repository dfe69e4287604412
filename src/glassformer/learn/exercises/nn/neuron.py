"""Section 3: the neuron and the perceptron."""

import math
import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

_Z: Final = 2 * 0.3 + 0 * 0.8 + 20 * 0.1 - 2

weighted_sum = Number(
    id="nn.weighted-sum",
    teaches="nn_intro#the-weighted-sum-by-hand",
    answer=_Z,
    tolerance=0.005,
    mistakes={
        "The bias is missing: add b = −2 at the end.": _Z + 2,
        "The bias was subtracted. It is −2 and is added, so it makes the sum smaller.": _Z + 4,
        "This e-mail does not have the word free: its second feature is 0, so 0.8 does not count.": _Z + 0.8,
        "That is the neuron's answer, which the next section makes of z. The question is about z, the sum.": 1
        / (1 + math.exp(-_Z)),
        "The features were added up without their weights.": 2 + 0 + 20 - 2,
        "The features were added up, without their weights and without the bias.": 2 + 0 + 20,
    },
)

sigmoid = Number(
    id="nn.sigmoid",
    teaches="nn_intro#from-a-sum-to-an-answer-the-activation",
    answer=100 / (1 + math.exp(-_Z)),
    tolerance=0.5,
    unit="%",
    units={"percent": 1.0},
    mistakes={
        "That is the share. In percent it is a hundred times as much.": 1 / (1 + math.exp(-_Z)),
        "The sign is the wrong way round: it is e to the power of minus z. What you have is how sure the neuron is "
        "that it is no spam.": 100 / (1 + math.exp(_Z)),
        "That is 1 + e⁻ᶻ. Divide 1 by it.": 1 + math.exp(-_Z),
        "That is 1 + e⁻ᶻ, times a hundred. Divide 1 by 1 + e⁻ᶻ first.": 100 * (1 + math.exp(-_Z)),
        "That is e⁻ᶻ. Put it into 1 / (1 + e⁻ᶻ).": math.exp(-_Z),
        "That is e⁻ᶻ, times a hundred. Put e⁻ᶻ into 1 / (1 + e⁻ᶻ) first.": 100 * math.exp(-_Z),
        "That is 1 / e⁻ᶻ: the 1 + is missing.": math.exp(_Z),
        "That is 1 / e⁻ᶻ, times a hundred: the 1 + is missing.": 100 * math.exp(_Z),
        "The sign is the wrong way round, and it is a share, not percent: it is e to the power of minus z.": 1
        / (1 + math.exp(_Z)),
        "That is the step function: a plain yes. The sigmoid says how sure.": 100,
    },
)


def _emails(rng: random.Random) -> "tuple[Tensor, ...]":
    """Features of 7 e-mails, [7, 5], weights, [5], and a bias, []."""
    return normal(rng, (7, 5), (5,), ())


def _bent(z: Any) -> Any:
    return 1 / (1 + (-z).exp())


neuron = Code(
    id="nn.neuron",
    teaches="nn_intro#the-library-s-neuron",
    function="neuron",
    reference=lambda x, w, b: _bent(x @ w + b),
    inputs=_emails,
    mistakes={
        "The bias is missing.": lambda x, w, b: _bent(x @ w),
        "The bias is subtracted. It is added, whatever its sign.": lambda x, w, b: _bent(x @ w - b),
        "That is the weighted sum. The sigmoid is still to come.": lambda x, w, b: x @ w + b,
        "The bias is added after the sigmoid. It belongs to the sum inside it.": lambda x, w, b: _bent(x @ w) + b,
        "The sign inside the sigmoid is the wrong way round: it is e to the power of minus z.": (
            lambda x, w, b: _bent(-(x @ w + b))
        ),
        "That is the step function, a yes or a no. The sigmoid says how sure.": lambda x, w, b: (x @ w + b >= 0) * 1.0,
        "The products are averaged. They are to be added up.": lambda x, w, b: _bent((x * w).mean(-1) + b),
        "The bias is added to every product, so it counts once for each feature. It is added once, to their sum.": (
            lambda x, w, b: _bent((x * w + b).sum(-1))
        ),
        "The products are not added up: there is one number for each feature, and one for each e-mail is wanted.": (
            lambda x, w, b: _bent(x * w + b)
        ),
        "There is one number too many in the shape: it is [emails, 1], and [emails] is wanted.": (
            lambda x, w, b: _bent(x @ w + b)[:, None]
        ),
        "That is softmax: it shares out one whole among the e-mails. The sigmoid looks at each of them alone.": (
            lambda x, w, b: (x @ w + b).softmax(0)
        ),
        "All e-mails are added up into one number. Add up over the features only, the last axis.": (
            lambda x, w, b: _bent((x * w).sum() + b)
        ),
    },
    given=("torch",),
    axes=("e-mail",),
)

bias_shift = Number(
    id="nn.bias-shift",
    teaches="nn_intro#what-weights-bias-and-activation-do",
    answer=-(6 * 0.3 + 1 * 0.8 + 13 * 0.1),
    tolerance=0.005,
    mistakes={
        "The sign is the wrong way round: the products add up to +3.9, and the bias has to bring that down to 0.": 3.9,
        "By so much the bias has to change. It starts at −2: where does it end?": -1.9,
        "By so much the bias has to change, and downward. It starts at −2: where does it end?": 1.9,
        "The bias goes down, not up: from −2 you have to subtract 1.9.": -0.1,
    },
)

doubled = Quiz(
    id="nn.doubled",
    teaches="nn_intro#what-weights-bias-and-activation-do",
    options=(
        Option(
            "The boundary moves twice as far from the origin.",
            False,
            "The distance is |b| / ‖w‖. Both double, so the distance stays.",
        ),
        Option(
            "The boundary stays where it is, and the neuron is surer on both sides of it.",
            True,
            "Where z was 0, two times z is 0 too. Everywhere else z is twice as far from 0, "
            "so σ(z) is closer to 0 or 1.",
        ),
        Option(
            "The boundary turns.",
            False,
            "It would turn if the weights changed in different proportions. Twice w points the same way as w.",
        ),
        Option(
            "Neither the boundary nor the output changes.",
            False,
            "The boundary does not change, but the output does: at z = 1.9 the neuron says 0.87, "
            "at z = 3.8 it says 0.98.",
        ),
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (weighted_sum, sigmoid, neuron, bias_shift, doubled)
