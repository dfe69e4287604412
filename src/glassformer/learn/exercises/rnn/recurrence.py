"""Sections 1 to 7: order, the recurrence, its slopes and its size."""

import math
import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

order = Quiz(
    id="rnn.order",
    teaches="rnn_intro#the-sequential-challenge",
    options=(
        Option(
            "A bag of words: it takes reviews of any length.",
            False,
            "It does, but both orders are the same bag. It gives the same answer to both.",
        ),
        Option(
            "A multi-layer perceptron with 400 places, short reviews filled up with zeros.",
            False,
            "Order counts there. But the weights of the late places have hardly met a word, since nearly all reviews "
            "to learn from are short.",
        ),
        Option(
            "A recurrent network: it reads word by word with the same weights.",
            True,
            "What it learns about not and good on short reviews holds at every place of a long one. Whether it can "
            "keep what it read for 400 words is another question, and section 9 asks it.",
        ),
        Option(
            "None of them: no network can mind the order of words.",
            False,
            "Fixed places mind it, and so does a recurrent network. Only the bag does not.",
        ),
    ),
)


def _text(rng: random.Random) -> "tuple[Tensor, ...]":
    """Seven words of 5 numbers, tables for 5 hidden units, biases and a state to begin with."""
    x, w_xh, w_hh, b, h = normal(rng, (7, 5), (5, 5), (5, 5), (5,), (5,))
    return x, w_xh / 2, w_hh / 2, b, h


def _states(x: Any, w_xh: Any, w_hh: Any, b: Any, h: Any, after: Any = lambda z: z.tanh()) -> Any:
    states = []
    for x_t in x:
        h = after(x_t @ w_xh + h @ w_hh + b)
        states.append(h)
    return _stack(states)


def _stack(rows: Any) -> Any:
    import torch

    return torch.stack(list(rows))


forward = Code(
    id="rnn.forward",
    teaches="rnn_intro#the-core-equation",
    function="rnn",
    reference=_states,
    inputs=_text,
    mistakes={
        "The state is not carried: every word meets the state before the first one. Call the new state h, too.": (
            lambda x, w_xh, w_hh, b, h: _stack((x_t @ w_xh + h @ w_hh + b).tanh() for x_t in x)
        ),
        "The state is forgotten: every word begins from zeros. Add h @ w_hh.": (
            lambda x, w_xh, w_hh, b, h: (x @ w_xh + b).tanh()
        ),
        "The bend is missing: tanh of the whole sum is the new state.": (
            lambda x, w_xh, w_hh, b, h: _states(x, w_xh, w_hh, b, h, lambda z: z)
        ),
        "The bias is missing.": lambda x, w_xh, w_hh, b, h: _states(x, w_xh, w_hh, 0 * b, h),
        "The bias is added twice. Here it is one list, for both tables together.": (
            lambda x, w_xh, w_hh, b, h: _states(x, w_xh, w_hh, 2 * b, h)
        ),
        "The bias is added after the bend. It belongs to the sum inside it.": (
            lambda x, w_xh, w_hh, b, h: _states(x, w_xh, w_hh, 0 * b, h, lambda z: z.tanh() + b)
        ),
        "The two tables are swapped: w_xh reads the word, w_hh the state.": (
            lambda x, w_xh, w_hh, b, h: _states(x, w_hh, w_xh, b, h)
        ),
        "The recurrent table is turned: states are rows, so it is h @ w_hh.": (
            lambda x, w_xh, w_hh, b, h: _states(x, w_xh, w_hh.T, b, h)
        ),
        "The table for the words is turned: words are rows, so it is x_t @ w_xh.": (
            lambda x, w_xh, w_hh, b, h: _states(x, w_xh.T, w_hh, b, h)
        ),
        "The start is ignored: the state before the first word is h, not zeros.": (
            lambda x, w_xh, w_hh, b, h: _states(x, w_xh, w_hh, b, 0 * h)
        ),
        "That is the last state alone. All of them are wanted, one row for each word.": (
            lambda x, w_xh, w_hh, b, h: _states(x, w_xh, w_hh, b, h)[-1]
        ),
        "The text is read from its end.": (
            lambda x, w_xh, w_hh, b, h: _states(x.flip(0), w_xh, w_hh, b, h)
        ),
        "That is the sigmoid, between 0 and 1. The bend here is tanh, between −1 and 1.": (
            lambda x, w_xh, w_hh, b, h: _states(x, w_xh, w_hh, b, h, lambda z: z.sigmoid())
        ),
    },
    given=("torch",),
    axes=("word", "unit"),
)  # fmt: skip


def _back(rng: random.Random) -> "tuple[list[float], list[float], float, float]":
    """A text of 4 to 7 numbers, its states from a first one on, the recurrent weight and the slope of the loss."""
    x = [rng.gauss(0, 1) for _ in range(rng.randint(4, 7))]
    u, h = rng.uniform(0.6, 1.4), [rng.uniform(-0.9, 0.9)]
    for value in x:
        h.append(math.tanh(0.4 * value + u * h[-1]))
    return x, h, u, rng.uniform(0.5, 2.0)


def _slope(
    x: Any, h: Any, u: float, upstream: float, *, times: float | None = None, bend: Any = lambda h: 1 - h * h,
    own: bool = False, last: bool = False, first: bool = True,
) -> float:  # fmt: skip
    """The slope of the loss by u; the keywords make one mistake each."""
    delta, total = upstream * (bend(h[-1]) if first else 1.0), 0.0
    for t in reversed(range(len(x))):
        total += delta * h[t + 1 if own else t]
        if last:
            break
        delta *= (u if times is None else times) * bend(h[t])
    return total


bptt = Code(
    id="rnn.bptt",
    teaches="rnn_intro#long-texts-are-cut",
    function="slope_of_u",
    reference=_slope,
    inputs=_back,
    mistakes={
        "The slopes are not added up over time: that is the part of the last word alone. Go back to the first.": (
            lambda x, h, u, upstream: _slope(x, h, u, upstream, last=True)
        ),
        "The slope of tanh is missing: at every word δ is multiplied by 1 − h².": (
            lambda x, h, u, upstream: _slope(x, h, u, upstream, bend=lambda h: 1.0)
        ),
        "The slope of tanh at the last word is missing: δ begins with upstream · (1 − h²).": (
            lambda x, h, u, upstream: _slope(x, h, u, upstream, first=False)
        ),
        "On its way back δ must be multiplied by u: the nudge of a state goes through the recurrent weight.": (
            lambda x, h, u, upstream: _slope(x, h, u, upstream, times=1.0)
        ),
        "At each word u multiplies the state before it. You took the state after it.": (
            lambda x, h, u, upstream: _slope(x, h, u, upstream, own=True)
        ),
        "The slope of tanh is 1 − h², made from the state h itself. You took 1 − tanh(h)²: bent twice.": (
            lambda x, h, u, upstream: _slope(x, h, u, upstream, bend=lambda h: 1 - math.tanh(h) ** 2)
        ),
        "That is the slope of the bend of a sigmoid, h (1 − h). Here it is tanh: 1 − h².": (
            lambda x, h, u, upstream: _slope(x, h, u, upstream, bend=lambda h: h * (1 - h))
        ),
        "The sum is divided by the number of words. Slopes of a shared weight are added, not averaged.": (
            lambda x, h, u, upstream: _slope(x, h, u, upstream) / len(x)
        ),
        "Upstream is missing: δ at the last word begins with it.": (
            lambda x, h, u, upstream: _slope(x, h, u, 1.0)
        ),
        "That is the slope by w: you multiplied δ by the words. For u it is the state before.": (
            lambda x, h, u, upstream: _slope_of_w(x, h, u, upstream)
        ),
    },
)  # fmt: skip


def _slope_of_w(x: Any, h: Any, u: float, upstream: float) -> float:
    delta, total = upstream * (1 - h[-1] ** 2), 0.0
    for t in reversed(range(len(x))):
        total += delta * x[t]
        delta *= u * (1 - h[t] ** 2)
    return total


_E, _H = 30, 64

parameters = Number(
    id="rnn.parameters",
    teaches="rnn_intro#hidden-size-and-embedding-size",
    answer=_E * _H + _H * _H + _H,
    tolerance=0.5,
    mistakes={
        "The table from the state to the state is missing: 64 · 64.": _E * _H + _H,
        "The table from the words is missing: 30 · 64.": _H * _H + _H,
        "The biases are missing: one for each hidden unit.": _E * _H + _H * _H,
        "That is with two biases, as PyTorch counts. The equation has one.": _E * _H + _H * _H + 2 * _H,
        "The table from the state is [H, H], not [E, E].": _E * _H + _E * _E + _H,
        "Each unit has one bias, and there are 64 units. You counted 30 biases.": _E * _H + _H * _H + _E,
        "That is the count of an LSTM: four times as much. Here there is one layer.": 4 * (_E * _H + _H * _H + _H),
    },
)

_STATE: Final = math.tanh(0.23 + 0.1 + 0.1 * math.tanh(0.33) + 0.6 * math.tanh(0.59))
_SUM: Final = 0.23 + 0.1 + 0.1 * math.tanh(0.33) + 0.6 * math.tanh(0.59)

step_by_hand = Number(
    id="rnn.step-by-hand",
    teaches="rnn_intro#worked-example-cat-sat-here",
    answer=_STATE,
    tolerance=0.005,
    mistakes={
        "That is the sum. It still has to be bent by tanh.": _SUM,
        "That is the state after the first cat. The second one meets it, and adds 0.3185 · 0.1 + 0.5299 · 0.6.": (
            math.tanh(0.33)
        ),
        "The bias is missing.": math.tanh(_SUM - 0.1),
        "The table is turned: the first unit gets 0.1 from the first old unit and 0.6 from the second. You took its "
        "first row, 0.1 and 0.5.": math.tanh(0.33 + 0.1 * math.tanh(0.33) + 0.5 * math.tanh(0.59)),
        "That is the second unit.": math.tanh(0.59 + 0.5 * math.tanh(0.33) + 0.3 * math.tanh(0.59)),
        "The word is missing: it gives 0.23 again.": math.tanh(_SUM - 0.23),
        "The bias is counted twice.": math.tanh(_SUM + 0.1),
    },
)

EXERCISES: Final[tuple[Exercise, ...]] = (order, forward, bptt, parameters, step_by_hand)
