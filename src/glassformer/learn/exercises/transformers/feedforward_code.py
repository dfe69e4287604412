"""Exercises of the page on feed-forward networks and normalization: those in code."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from glassformer.learn.exercise import Code
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor


def _tables(rng: random.Random) -> "tuple[Tensor, ...]":
    """Three to five tokens of width 5, and tables for 7 hidden values."""
    return normal(rng, (rng.randint(3, 5), 5), (5, 7), (5, 7), (7, 5))


def _silu(z: Any) -> Any:
    return z * z.sigmoid()


def _gelu(z: Any) -> Any:
    return z * (1 + (z / 2**0.5).erf()) / 2


def _gated(x: Any, gate: Any, up: Any, down: Any, *, bend: Callable[[Any], Any] = _silu) -> Any:
    return (bend(x @ gate) * (x @ up)) @ down


swiglu = Code(
    id="feedforward.swiglu",
    teaches="transformers/11-feed-forward#what-does-a-gate-add",
    function="swiglu",
    reference=_gated,
    inputs=_tables,
    mistakes={
        "Gate and up are swapped: SiLU bends what comes out of the gate.": (
            lambda x, gate, up, down: _gated(x, up, gate, down)
        ),
        "The bend is missing: without SiLU the two sums are just multiplied.": (
            lambda *given: _gated(*given, bend=lambda z: z)
        ),
        "That is the sigmoid alone. SiLU is z times the sigmoid of z.": (
            lambda *given: _gated(*given, bend=lambda z: z.sigmoid())
        ),
        "That is GELU, so the network is a GeGLU. SiLU is z times the sigmoid of z.": (
            lambda *given: _gated(*given, bend=_gelu)
        ),
        "That is ReLU. SiLU is z times the sigmoid of z.": lambda *given: _gated(*given, bend=lambda z: z.relu()),
        "SiLU bends the product. It bends the gate alone, before the product.": (
            lambda x, gate, up, down: _silu((x @ gate) * (x @ up)) @ down
        ),
        "Both sums are bent. Only the gate goes through SiLU.": (
            lambda x, gate, up, down: (_silu(x @ gate) * _silu(x @ up)) @ down
        ),
        "The two are added. The gate multiplies, entry by entry.": (
            lambda x, gate, up, down: (_silu(x @ gate) + x @ up) @ down
        ),
        "up is not used: that is a network without a gate.": lambda x, gate, up, down: _silu(x @ gate) @ down,
        "down is missing: those are the hidden values, [T, F].": lambda x, gate, up, down: _silu(x @ gate) * (x @ up),
        "The input is added. That is the residual connection, which stands outside of this part.": (
            lambda x, gate, up, down: x + _gated(x, gate, up, down)
        ),
    },
    given=("torch",),
    axes=("token", "entry"),
)


def _texts(rng: random.Random) -> "tuple[Tensor, Tensor, Tensor, float]":
    """Two or three texts of five tokens of width 7, off the middle, with an ε that is large enough to be seen."""
    x, weight, bias = normal(rng, (rng.randint(2, 3), 5, 7), (7,), (7,))
    return 1.5 * x + 2.0, weight, bias, rng.uniform(0.2, 0.8)


def _norm(
    x: Any, weight: Any, bias: Any, eps: float, *,
    over: Any = -1, less: int = 0, root: Callable[[Any, float], Any] | None = None, centered: bool = True,
    square: bool = True,
) -> Any:  # fmt: skip
    """LayerNorm; the keywords make one mistake each."""
    mean = x.mean(over, keepdim=True)
    away = x - mean
    variance = (away if square else x).var(over, keepdim=True, correction=less)
    if not square:
        variance = (x * x).mean(over, keepdim=True)
    scale = (variance + eps) ** 0.5 if root is None else root(variance, eps)
    return (away if centered else x) / scale * weight + bias


layer_norm = Code(
    id="feedforward.layer-norm",
    teaches="transformers/11-feed-forward#why-normalize-and-how",
    function="layer_norm",
    reference=_norm,
    inputs=_texts,
    mistakes={
        "eps stands outside the root. It belongs inside: √(variance + eps).": (
            lambda *given: _norm(*given, root=lambda v, eps: v**0.5 + eps)
        ),
        "The variance is divided by D − 1, which is what torch.var does by itself. LayerNorm divides by D.": (
            lambda *given: _norm(*given, less=1)
        ),
        "That is torch.std plus eps: divided by D − 1, and eps stands outside the root.": (
            lambda *given: _norm(*given, less=1, root=lambda v, eps: v**0.5 + eps)
        ),
        "Mean and variance run over the tokens of a text. Each token is normalized by itself, over the last axis.": (
            lambda *given: _norm(*given, over=1)
        ),
        "Mean and variance run over the texts of the batch. Each token is normalized by itself, over the last axis.": (
            lambda *given: _norm(*given, over=0)
        ),
        "One mean and one variance for a whole text. Each token has its own, over the last axis.": (
            lambda *given: _norm(*given, over=(1, 2))
        ),
        "One mean and one variance for the whole batch. Each token has its own, over the last axis.": (
            lambda *given: _norm(*given, over=(0, 1, 2))
        ),
        "That is RMSNorm with a bias: the mean is not subtracted.": (
            lambda *given: _norm(*given, square=False, centered=False)
        ),
        "The mean is missing from what is divided. The root is that of the variance already.": (
            lambda *given: _norm(*given, centered=False)
        ),
        "You divided by the root mean square of x itself. For the variance the mean is subtracted first.": (
            lambda *given: _norm(*given, square=False)
        ),
        "The root is missing: you divided by the variance.": lambda *given: _norm(*given, root=lambda v, eps: v + eps),
        "eps is missing.": lambda *given: _norm(*given, root=lambda v, eps: v**0.5),
        "The weight is missing: it scales each entry.": (
            lambda x, weight, bias, eps: _norm(x, 0 * weight + 1, bias, eps)
        ),
        "The bias is missing: it shifts each entry.": lambda x, weight, bias, eps: _norm(x, weight, 0 * bias, eps),
        "The bias is added before the weight multiplies. First scale, then shift.": (
            lambda x, weight, bias, eps: _norm(x, weight, bias * weight, eps)
        ),
    },
    given=("torch",),
    axes=("text", "token", "entry"),
)  # fmt: skip
