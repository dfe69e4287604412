"""Sections 8 and 10: what goes wrong in training, and its cures."""

import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Option, Quiz
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor


def _hidden(rng: random.Random) -> "tuple[Tensor, Tensor, float, bool]":
    """Hidden values, [7, 11], which are kept, the share that is dropped, and whether this is training."""
    h, draws = normal(rng, (7, 11), (7, 11))
    return h, (draws > -0.3).to(h.dtype), rng.choice((0.2, 0.3, 0.4)), rng.random() < 0.6


dropout = Code(
    id="mlp.dropout",
    teaches="mlp_intro#overfitting",
    function="dropout",
    reference=lambda h, keep, p, training: h * keep / (1 - p) if training else h,
    inputs=_hidden,
    mistakes={
        "The kept values are not scaled: divide them by 1 − p, so that their mean stays.": (
            lambda h, keep, p, training: h * keep if training else h
        ),
        "Values are dropped at test time too. Without training, h comes back as it is.": (
            lambda h, keep, p, training: h * keep / (1 - p)
        ),
        "The kept values are divided by p. The share that stays is 1 − p.": (
            lambda h, keep, p, training: h * keep / p if training else h
        ),
        "The kept values are multiplied by 1 − p. That makes them smaller still: divide by it.": (
            lambda h, keep, p, training: h * keep * (1 - p) if training else h
        ),
        "The wrong values are dropped: where keep is 1, a value stays.": (
            lambda h, keep, p, training: h * (1 - keep) / (1 - p) if training else h
        ),
        "It is the wrong way round: dropped at test time, and not while training.": (
            lambda h, keep, p, training: h if training else h * keep / (1 - p)
        ),
    },
    given=("torch",),
    axes=("example", "unit"),
)


def _gradient(rng: random.Random) -> "tuple[Tensor, float]":
    """A gradient, [13], and the largest norm allowed: sometimes less than its own, sometimes more."""
    (g,) = normal(rng, (13,))
    return g, float(g.norm()) * rng.choice((0.3, 0.6, 1.7))


def _clip(g: Any, most: float) -> Any:
    return g * (most / g.norm()) if g.norm() > most else g


clip = Code(
    id="mlp.clip",
    teaches="mlp_intro#exploding-gradients",
    function="clip",
    reference=_clip,
    inputs=_gradient,
    mistakes={
        "Each entry is clipped by itself. That turns the gradient: scale all entries by one number.": (
            lambda g, most: g.clamp(-most / 13**0.5, most / 13**0.5)
        ),
        "Each entry is limited to the largest norm. It is the norm of the whole gradient that is limited.": (
            lambda g, most: g.clamp(-most, most)
        ),
        "A short gradient is made longer. One that is short enough stays as it is.": (
            lambda g, most: g * (most / g.norm())
        ),
        "The result always has the norm 1 when it is clipped. Its norm should be the largest that is allowed.": (
            lambda g, most: g / g.norm() if g.norm() > most else g
        ),
        "The gradient is not clipped.": lambda g, most: g,
        "A long gradient is thrown away. It should be shortened.": lambda g, most: g * 0 if g.norm() > most else g,
    },
    given=("torch",),
    axes=("entry",),
)

dead = Quiz(
    id="mlp.dead",
    teaches="mlp_intro#exploding-gradients",
    options=(
        Option(
            "It recovers: the loss sees that it is 0 and raises its bias.",
            False,
            "The loss reaches the bias only through the slope of the ReLU, and that is 0 for every e-mail.",
        ),
        Option(
            "Its own weights and bias stay as they are, so it stays 0 as long as its inputs do not change.",
            True,
            "Every slope for its weights and bias is multiplied by the slope of the ReLU, 0. If it stands in the first "
            "layer, its inputs never change.",
        ),
        Option(
            "Its weights grow without limit.",
            False,
            "They get a gradient of exactly 0, so they do not move at all.",
        ),
    ),
)

diagnose = Quiz(
    id="mlp.diagnose",
    teaches="mlp_intro#practical-tips-and-a-debugging-checklist",
    options=(
        Option(
            "Train longer: the training loss still falls.",
            False,
            "It falls because the examples are being learned by heart. For new ones it gets worse, from 0.35 to 0.80.",
        ),
        Option(
            "Keep the model from where the validation loss was 0.35. Look for more data or stronger regularization.",
            True,
            "It overfits. Stopping early costs nothing, and more data, weight decay or dropout may go below 0.35.",
        ),
        Option(
            "Take a larger model.",
            False,
            "The model is large enough to learn the training data almost perfectly. A larger one overfits as well.",
        ),
        Option(
            "Look for a forgotten zero_grad.",
            False,
            "Then the training loss would suffer too. It falls smoothly to 0.02.",
        ),
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (dropout, clip, dead, diagnose)
