"""Sections 9 and 10.1: what vanishes, what clipping cures, and the step of an LSTM."""

import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

vanish = Number(
    id="rnn.vanish",
    teaches="rnn_intro#measured-over-50-steps",
    answer=100 * 0.9**20,
    tolerance=0.2,
    unit="%",
    units={"percent": 1.0},
    mistakes={
        "That is the share. In percent it is a hundred times as much.": 0.9**20,
        "That is what is lost. The question is what is left.": 100 * (1 - 0.9**20),
        "That is 0.9 times 20. Twenty factors of 0.9 are multiplied: 0.9 to the power of 20.": 18,
        "Every step was taken to take a tenth of the beginning. It takes a tenth of what is left.": 100
        * (1 - 20 * 0.1),
        "That is after 50 words. The question is about 20.": 100 * 0.9**50,
        "That is 1.1 to the power of 20: it grows. Here each step makes the nudge shorter.": 100 * 1.1**20,
        "That is after 19 steps: one is missing.": 100 * 0.9**19,
    },
)

clip = Quiz(
    id="rnn.clip",
    teaches="rnn_intro#exploding-gradients-and-what-clipping-cures",
    options=(
        Option(
            "It learns, since clipping brings the gradient to the length 1.",
            False,
            "Clipping shortens a gradient that is too long. One of length 0.002 is below the limit and stays as it is.",
        ),
        Option(
            "Nothing changes: the gradient is far below the limit.",
            True,
            "min(1, 1 / 0.002) is 1, so every step is the same as before. Against slopes that vanish, other means are "
            "needed: gates, another start, attention.",
        ),
        Option(
            "It explodes, since the limit is five hundred times as large as the gradient.",
            False,
            "The limit is an upper one. A gradient below it is not touched.",
        ),
        Option(
            "It learns more slowly, as all steps become shorter.",
            False,
            "Only gradients longer than 1 would become shorter, and there are none.",
        ),
    ),
)


def _sums(rng: random.Random) -> "tuple[Tensor, ...]":
    """The four sums of an LSTM with 5 units, [20], and its cell, [5]."""
    return normal(rng, (20,), (5,))


def _step(z: Any, c: Any, order: str = "ifgo", *, write: Any = None, show: Any = None) -> Any:
    """A step with the gates in that order; ``write`` and ``show`` replace tanh where something is written or shown."""
    part = dict(zip(order, z.chunk(4), strict=True))
    c = part["f"].sigmoid() * c + part["i"].sigmoid() * (write or _tanh)(part["g"])
    return part["o"].sigmoid() * (show or _tanh)(c), c


def _tanh(z: Any) -> Any:
    return z.tanh()


def _same(z: Any) -> Any:
    return z


def _ungated(z: Any, c: Any) -> Any:
    i, f, g, o = z.chunk(4)
    c = f * c + i * g.tanh()
    return o * c.tanh(), c


def _closed(z: Any, c: Any) -> Any:
    i, _, g, o = z.chunk(4)
    c = (1 - i.sigmoid()) * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _old_cell(z: Any, c: Any) -> Any:
    i, f, g, o = z.chunk(4)
    return o.sigmoid() * c.tanh(), f.sigmoid() * c + i.sigmoid() * g.tanh()


lstm_step = Code(
    id="rnn.lstm-step",
    teaches="rnn_intro#lstm",
    function="step",
    reference=_step,
    inputs=_sums,
    mistakes={
        "The gates are in the wrong order: you read i, f, o, g. The order here is i, f, g, o.": (
            lambda z, c: _step(z, c, "ifog")
        ),
        "The gates are in the wrong order: forget and input gate are swapped. The order here is i, f, g, o.": (
            lambda z, c: _step(z, c, "figo")
        ),
        "The sigmoids are missing: a gate lies between 0 and 1.": _ungated,
        "What is written, g, is no gate: it goes through tanh, not through a sigmoid.": (
            lambda z, c: _step(z, c, write=lambda g: g.sigmoid())
        ),
        "What is written, g, is not bent: it goes through tanh.": lambda z, c: _step(z, c, write=_same),
        "The cell is shown unbent: h is the output gate times tanh of the cell.": lambda z, c: _step(z, c, show=_same),
        "That shows the old cell. The new one is computed first, and h is made from it.": _old_cell,
        "The forget gate is not used: you keep 1 − i. That is nearly a GRU; an LSTM has a gate of its own to forget.": (
            _closed
        ),
        "The cell is given back first. Give back h, then c.": lambda z, c: _step(z, c)[::-1],
        "Only the hidden state is given back. The cell is wanted, too.": lambda z, c: _step(z, c)[0],
    },
    given=("torch",),
)

EXERCISES: Final[tuple[Exercise, ...]] = (vanish, clip, lstm_step)
