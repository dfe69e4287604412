"""Scaling laws: how the loss falls with the size of the model and the amount of text, and what to make of a budget.

Legend: N weights, D tokens, C operations.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import torch

PER_WEIGHT_AND_TOKEN: Final = 6
"""Operations: a multiply and an add on the way there, twice as many on the way back.

Source: Kaplan et al. (2020), section 2.1."""


@dataclass(frozen=True)
class ScalingLaw:
    """``L(N, D) = E + A / N^α + B / D^β``: what nobody can know, what the model is too small for, what it has not read.

    Source: Hoffmann et al. (2022), equation 2. Taught in ``transformers``, section 13.
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    def loss(self, weights: float, tokens: float) -> float:
        """The loss of a model with N ``weights`` after D ``tokens``, in nats."""
        return self.E + self.A * math.pow(weights, -self.alpha) + self.B * math.pow(tokens, -self.beta)

    def optimal(self, operations: float) -> tuple[float, float]:
        """The N and D with the lowest loss among those with ``6 N D = operations``.

        ``N = G (C / 6)^(β / (α + β))`` and ``D = (C / 6)^(α / (α + β)) / G`` with ``G = (αA / βB)^(1 / (α + β))``.
        Source: Hoffmann et al. (2022), equation 4.
        """
        both = self.alpha + self.beta
        g = (self.alpha * self.A / (self.beta * self.B)) ** (1 / both)
        share = operations / PER_WEIGHT_AND_TOKEN
        return g * share ** (self.beta / both), share ** (self.alpha / both) / g


HOFFMANN: Final = ScalingLaw(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
"""The published fit of Hoffmann et al. (2022), equation 10, as rounded there."""


def fit(points: Iterable[tuple[float, float, float]], delta: float = 1e-3) -> ScalingLaw:
    """The law that fits ``(N, D, loss)`` best: the sum of Huber's loss of ``log L(N, D) − log loss`` is least.

    It is found by L-BFGS from several starts, as Hoffmann et al. (2022), appendix D.3, do it.

    Args:
        points: at least five, with at least two different N and two different D.
        delta: beyond it Huber's loss is straight, so that outliers count less.

    Raises ``ValueError`` for too few points, or numbers that are not above 0.
    """
    table = torch.tensor(list(points), dtype=torch.float64)
    if len(table) < 5 or min(len(set(column)) for column in table.mT.tolist()[:2]) < 2:
        raise ValueError(f"points must be at least 5, with 2 different sizes and amounts, not {len(table)}.")
    if not (table > 0).all():
        raise ValueError("points must have weights, tokens and losses above 0.")
    n, d, loss = table.log().unbind(1)
    best, law = math.inf, HOFFMANN
    for start in product((0.0, 5.0, 10.0), (0.0, 5.0, 10.0), (-1.0, 0.5), (0.3, 0.8), (0.3, 0.8)):
        value, found = _descend(n, d, loss, start, delta)
        if value < best:
            best, law = value, found
    return law


def _descend(
    n: torch.Tensor, d: torch.Tensor, loss: torch.Tensor, start: Sequence[float], delta: float
) -> tuple[float, ScalingLaw]:
    at = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([at], max_iter=400, line_search_fn="strong_wolfe", tolerance_grad=1e-10)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        a, b, e, alpha, beta = at.unbind()
        said = torch.logsumexp(torch.stack([a - alpha * n, b - beta * d, e.expand_as(n)]), 0)
        value = torch.nn.functional.huber_loss(said, loss, reduction="sum", delta=delta)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    a, b, e, alpha, beta = at.tolist()
    value = float(closure().detach())
    if not math.isfinite(value) or max(a, b, e) > 300:
        return math.inf, HOFFMANN
    return value, ScalingLaw(math.exp(e), math.exp(a), math.exp(b), alpha, beta)


def power(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """The exponent and the factor of ``y = factor · x^exponent`` by least squares of the logarithms.

    Raises ``ValueError`` for fewer than two pairs.
    """
    if len(xs) != len(ys) or len(xs) < 2:
        raise ValueError(f"xs and ys must be at least 2 pairs, not {len(xs)} and {len(ys)}.")
    x, y = (torch.tensor(list(values), dtype=torch.float64).log() for values in (xs, ys))
    exponent = float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())
    return exponent, math.exp(float(y.mean()) - exponent * float(x.mean()))


def transformer_operations(
    d_model: int, layers: int, heads: int, d_ff: int, context: int = 2048, vocab: int = 32000
) -> tuple[int, int]:
    """Weights of Chinchilla's transformer, and operations of a training step on one row of ``context`` tokens.

    Its positions are relative: a matrix and two vectors a layer. Embedding and head are weights, but their operations
    are not in the published table, and not here.

    Source: Hoffmann et al. (2022), appendix F and table A4.
    """
    T, D = context, d_model
    attention = 2 * 3 * T * D * D + 2 * T * T * D + 3 * heads * T * T + 2 * T * T * D + 2 * T * D * D
    forward = layers * (attention + 2 * T * 2 * D * d_ff)
    layer = (4 * D * D + 4 * D) + (D * D + 2 * D) + (2 * D * d_ff + d_ff + D) + 4 * D
    return vocab * D + layers * layer + 2 * D, 3 * forward
