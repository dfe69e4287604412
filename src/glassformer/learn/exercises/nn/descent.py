"""Section 5, second part: gradient descent."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz

_STEP: Final = 0.1
_ONCE: Final = 3 - _STEP * 2 * 3
_TWICE: Final = _ONCE - _STEP * 2 * _ONCE

by_hand = Number(
    id="nn.by-hand",
    teaches="nn_intro#gradient-descent",
    answer=_TWICE,
    tolerance=0.005,
    mistakes={
        "That is where x is after one step. Take a second from there.": _ONCE,
        "That is where x is after three steps.": _TWICE - _STEP * 2 * _TWICE,
        "You walked uphill. Subtract the learning rate times the slope.": 3 * (1 + 2 * _STEP) ** 2,
        "The slope of x² is 2x. You took x.": 3 * (1 - _STEP) ** 2,
        "You took the value, x². The step is the learning rate times the slope, 2x.": (
            3 - _STEP * 3**2 - _STEP * (3 - _STEP * 3**2) ** 2
        ),
        "You took the first slope twice. After the first step x = 2.4, and the slope there is another.": (
            3 - 2 * _STEP * 2 * 3
        ),
        "That is the loss there, x². The question is about x.": _TWICE**2,
        "You walked 0.1 at each step. The step is 0.1 times the slope.": 3 - 2 * _STEP,
        "The learning rate is missing: with the whole slope, 6 to the left and 6 to the right, you are back where you "
        "began.": 3,
        "By so much x changes in the second step. Where does it end?": _ONCE - _TWICE,
        "By so much x changes in the two steps together. Where does it end?": 3 - _TWICE,
        "That is the slope there. The question is about x.": 2 * _TWICE,
    },
)


@dataclass(frozen=True)
class _Slope:
    """The slope of the parabola ``steepness · (x − lowest)² / 2``, a function with a repeatable name."""

    steepness: float
    lowest: float

    def __call__(self, x: Any) -> Any:
        return self.steepness * (x - self.lowest)

    def _called(self, other: object) -> NoReturn:
        raise TypeError("slope is a function. Write where you want the slope, as in slope(x)")

    __mul__ = __rmul__ = __rsub__ = _called


def _walks(rng: random.Random) -> tuple[_Slope, float, float, int]:
    """A slope, a start, a learning rate and 3 to 6 steps."""
    lowest = rng.uniform(-2, 2)
    return (
        _Slope(rng.uniform(1.2, 1.8), lowest),
        lowest + rng.choice((-1, 1)) * rng.uniform(1, 2),
        rng.uniform(0.1, 0.3),
        rng.randint(3, 6),
    )


def _walk(x: Any, steps: int, step: Callable[[Any], Any]) -> Any:
    for _ in range(steps):
        x = step(x)
    return x


def _path(slope: _Slope, x: float, rate: float, steps: int) -> list[float]:
    return [_walk(x, number, lambda x: x - rate * slope(x)) for number in range(steps + 1)]


descend = Code(
    id="nn.descend",
    teaches="nn_intro#gradient-descent",
    function="descend",
    reference=lambda slope, x, rate, steps: _walk(x, steps, lambda x: x - rate * slope(x)),
    inputs=_walks,
    mistakes={
        "You walk uphill. Subtract the step: where the slope is above 0, downhill is to the left.": (
            lambda slope, x, rate, steps: _walk(x, steps, lambda x: x + rate * slope(x))
        ),
        "That is one step too few. range(steps) counts from 0, and so gives all of them.": (
            lambda slope, x, rate, steps: _path(slope, x, rate, steps)[-2]
        ),
        "That is one step too many.": lambda slope, x, rate, steps: _path(slope, x, rate, steps + 1)[-1],
        "The return stands inside the loop, so the function ends after the first step. Move it to the left.": (
            lambda slope, x, rate, steps: x - rate * slope(x)
        ),
        "The learning rate is missing: a step is rate times slope(x).": (
            lambda slope, x, rate, steps: _walk(x, steps, lambda x: x - slope(x))
        ),
        "You divide by the learning rate. A step is rate times slope(x).": (
            lambda slope, x, rate, steps: _walk(x, steps, lambda x: x - slope(x) / rate)
        ),
        "Every step takes the slope of the start. Ask for the slope again, where x is now.": (
            lambda slope, x, rate, steps: x - steps * rate * slope(x)
        ),
        "Each step is rate long, and the slope says nothing. A step is rate times slope(x).": (
            lambda slope, x, rate, steps: x - steps * rate
        ),
        "A step takes x itself for the slope. The slope at x is slope(x).": (
            lambda slope, x, rate, steps: _walk(x, steps, lambda x: x - rate * x)
        ),
        "You took 2x, the slope of x². Here the function slope says what the slope is.": (
            lambda slope, x, rate, steps: _walk(x, steps, lambda x: x - rate * 2 * x)
        ),
        "x never changes: the new place must be stored in x, or the next step starts where the last one did.": (
            lambda slope, x, rate, steps: x
        ),
        "x became the step itself. The step is taken away from x: x = x − step.": (
            lambda slope, x, rate, steps: _walk(x, steps, lambda x: rate * slope(x))
        ),
        "x became minus the step. The step is taken away from x: x = x − step.": (
            lambda slope, x, rate, steps: _walk(x, steps, lambda x: -rate * slope(x))
        ),
        "That is the slope where the walk ends. Give back x.": (
            lambda slope, x, rate, steps: slope(_path(slope, x, rate, steps)[-1])
        ),
        "Those are all places of the walk. Give back the last one.": _path,
        "Those are all places after the start. Give back the last one.": (
            lambda slope, x, rate, steps: _path(slope, x, rate, steps)[1:]
        ),
    },
)

too_large = Quiz(
    id="nn.too-large",
    teaches="nn_intro#gradient-descent",
    options=(
        Option(
            "Take more steps: training needs patience.",
            False,
            "Each step makes it worse, so more of them make it much worse.",
        ),
        Option(
            "Take a smaller learning rate.",
            True,
            "The slope points the right way, but each step is so long that it lands on the other side of the valley, "
            "higher up than before. There the slope is steeper still, and so the next step is longer.",
        ),
        Option(
            "Give the network more hidden units.",
            False,
            "With too few units the loss would come to rest while it is still high. Here it does not rest: it grows.",
        ),
        Option(
            "Collect more examples.",
            False,
            "More examples help a program that does well on its own examples and badly on new ones. This one does "
            "worse and worse on its own.",
        ),
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (by_hand, descend, too_large)
