"""Exercises of the page on embeddings that are about rotary positions, and the waves that both kinds share."""

import math
import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Number, Words
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

PAGE: Final = "transformers/06-embeddings"


def waves(length: int, d: int, *, first: int = 0, power: Any = lambda i, d: 2 * i / d, base: float = 1e4) -> Any:
    """The sines and the cosines, ``[length, d/2]`` each; the keywords make one mistake each."""
    import torch

    i = torch.arange(d // 2, dtype=torch.float64)
    angles = torch.arange(first, first + length, dtype=torch.float64)[:, None] * base ** -power(i, d)
    return angles.sin(), angles.cos()


def in_turn(one: Any, other: Any) -> Any:
    """Columns of both, one after the other in turn."""
    import torch

    return torch.stack((one, other), -1).flatten(-2)


def side_by_side(one: Any, other: Any) -> Any:
    """The columns of one, then those of the other."""
    import torch

    return torch.cat((one, other), -1)


_D_K, _BASE, _PAIR = 64, 100_000, 16
_OMEGA: Final = _BASE ** (-2 * _PAIR / _D_K)

wavelength = Number(
    id="embeddings.wavelength",
    teaches=f"{PAGE}#turn-instead-of-add",
    answer=2 * math.pi / _OMEGA,
    tolerance=2.0,
    mistakes={
        "That is 1/ω, the positions for one radian. A full turn is 2π of them.": 1 / _OMEGA,
        "That is ω, the angle of one position. How many positions make 2π?": _OMEGA,
        "The exponent is 2i / d_k, not i / d_k: there are d_k / 2 pairs.": 2 * math.pi / _BASE ** (-_PAIR / _D_K),
        "That is with the base 10,000. This model has 100,000.": 2 * math.pi / 10_000 ** (-2 * _PAIR / _D_K),
        "An angle of π is half a turn.": math.pi / _OMEGA,
        "ω is in radians, so a full turn is 2π, not 360.": 360 / _OMEGA,
        "You divided by d_model. Each head turns its own d_k dimensions.": 2 * math.pi / _BASE ** (-2 * _PAIR / 576),
    },
    unit="positions",
)

relative = Words(
    id="embeddings.relative",
    teaches=f"{PAGE}#why-only-the-distance-counts",
    model=(
        "Write R(a) for the 2 by 2 matrix that turns a row vector by the angle a. Its transpose turns back, so "
        "R(a)ᵀ = R(−a), and turning twice adds the angles, R(a) R(b) = R(a + b). The turned query is q R(mω) and the "
        "turned key k R(nω). Their product is q R(mω) R(nω)ᵀ kᵀ = q R(mω) R(−nω) kᵀ = q R((m − n)ω) kᵀ. The positions "
        "are in it as m − n alone. A head has d_k / 2 such pairs, each with its own ω; the score is the sum over the "
        "pairs, and a sum of functions of m − n is one. The values are not turned, so only the scores know the places."
    ),
    points=(
        "The query is turned by m times ω, the key by n times ω.",
        "The transpose of a rotation is the rotation back: R(a)ᵀ = R(−a).",
        "Rotations of one plane add their angles, so R(mω) R(−nω) = R((m − n)ω).",
        "The score of a head is the sum over its pairs, and each term depends on m − n alone.",
    ),
)


def _text(rng: random.Random) -> "tuple[Tensor, float]":
    """Five or seven vectors of an even width, and a base."""
    (x,) = normal(rng, (rng.choice([5, 7]), 2 * rng.choice([2, 3, 4, 5])))
    return x, rng.choice([100.0, 10_000.0, 500_000.0])


def _half(x: Any) -> Any:
    return x[:, : x.shape[1] // 2], x[:, x.shape[1] // 2 :]


def _neighbors(x: Any) -> Any:
    return x[:, 0::2], x[:, 1::2]


def _rope(
    x: Any, base: float, *, split: Any = _half, join: Any = side_by_side, sign: int = 1, first: int = 0,
    power: Any = lambda i, d: 2 * i / d,
) -> Any:  # fmt: skip
    """Vectors turned by their positions; the keywords make one mistake each."""
    sin, cos = waves(len(x), x.shape[1], first=first, power=power, base=base)
    a, b = split(x)
    return join(a * cos - sign * b * sin, b * cos + sign * a * sin)


def _not_a_rotation(x: Any, base: float) -> Any:
    sin, cos = waves(len(x), x.shape[1], base=base)
    a, b = _half(x)
    return side_by_side(a * cos + b * sin, b * cos + a * sin)


def _changed_on_the_way(x: Any, base: float) -> Any:
    """The second number is made from the first one as it is after the turn."""
    sin, cos = waves(len(x), x.shape[1], base=base)
    a, b = _half(x)
    a = a * cos - b * sin
    return side_by_side(a, b * cos + a * sin)


rope = Code(
    id="embeddings.rope",
    teaches=f"{PAGE}#why-only-the-distance-counts",
    function="rope",
    reference=_rope,
    inputs=_text,
    mistakes={
        "You paired neighbors (2i, 2i + 1). Here dimension i goes with i + d/2.": (
            lambda x, base: _rope(x, base, split=_neighbors, join=in_turn)
        ),
        "The vectors are turned the wrong way: the first number is a·cos − b·sin.": (
            lambda x, base: _rope(x, base, sign=-1)
        ),
        "Both signs are plus. That stretches a vector; a rotation has one minus, at b·sin.": _not_a_rotation,
        "The exponent is i / d. Pair i has 2i / d.": lambda x, base: _rope(x, base, power=lambda i, d: i / d),
        "The exponent has the wrong sign: frequencies fall from 1, they do not grow.": (
            lambda x, base: _rope(x, base, power=lambda i, d: -2 * i / d)
        ),
        "The exponent is 4i / d: you took 2i twice, since arange(0, d, 2) holds 2i already.": (
            lambda x, base: _rope(x, base, power=lambda i, d: 4 * i / d)
        ),
        "Positions are counted from 1. The first vector is at position 0 and stays as it is.": (
            lambda x, base: _rope(x, base, first=1)
        ),
        "All pairs turn by the same angle. Pair i turns by base^(−2i/d) a position.": (
            lambda x, base: _rope(x, base, power=lambda i, d: 0 * i)
        ),
        "The base is ignored: you took 10,000.": lambda x, base: _rope(x, 10_000.0),
        "The numbers are turned right, but put back in turn. They belong side by side, as they were.": (
            lambda x, base: _rope(x, base, join=in_turn)
        ),
        "b is turned with the a that is turned already. Both need the old values.": _changed_on_the_way,
    },
    given=("torch",),
    axes=("position", "dimension"),
)
