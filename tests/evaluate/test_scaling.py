"""Scaling laws against the published numbers, and against laws whose constants are known."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.evaluate.scaling import HOFFMANN, ScalingLaw, fit, power, transformer_operations


def test_the_published_law_at_gophers_budget():
    """From the rounded constants the best model has 32.2 billion weights, not Chinchilla's 70: the paper's three ways
    of estimating differ."""
    weights, tokens = HOFFMANN.optimal(5.76e23)
    assert weights == pytest.approx(32.2e9, rel=2e-3) and tokens == pytest.approx(2.98e12, rel=2e-3)


def test_the_best_point_on_a_grid_is_the_published_one():
    budget = 2.21e19
    sizes = [10 ** (7 + step / 16) for step in range(64)]
    weights = min(sizes, key=lambda n: HOFFMANN.loss(n, budget / (6 * n)))
    assert weights == pytest.approx(316.23e6, rel=1e-4)
    assert budget / (6 * weights) == pytest.approx(11.65e9, rel=1e-3)


APPROACH_2 = [
    (400e6, 7.7e9),
    (1e9, 20e9),
    (10e9, 219.5e9),
    (67e9, 1.7e12),
    (175e9, 4.3e12),
    (280e9, 7.1e12),
    (520e9, 13.4e12),
    (1e12, 26.5e12),
    (10e12, 292e12),
]


def test_the_published_table_is_a_power_of_the_size():
    exponent, factor = power(*zip(*APPROACH_2, strict=True))
    assert exponent == pytest.approx(1.0409573169995892, rel=1e-10)
    assert math.log10(factor) == pytest.approx(0.9353887152390791, rel=1e-9)
    # The source rounds 124 million down to its five digits before it raises.
    assert factor * 124e6**exponent == pytest.approx(2292426000, rel=5e-3)


@pytest.mark.parametrize(
    "d, layers, heads, d_ff, weights, operations",
    [
        (640, 10, 10, 2560, 73825280, 929877196800),
        (1024, 20, 16, 4096, 305707008, 4135248199680),
        (1280, 24, 10, 5120, 552604160, 7353453772800),
        (1792, 26, 14, 7168, 1143453696, 14670316437504),
        (2048, 28, 16, 8192, 1593126912, 20220437594112),
        (3584, 40, 28, 14336, 6796274688, 83021046743040),
    ],
)
def test_counts_are_the_published_ones(d, layers, heads, d_ff, weights, operations):
    assert transformer_operations(d, layers, heads, d_ff) == (weights, operations)


@given(st.floats(1e15, 1e26))
def test_no_other_size_of_the_same_budget_is_better(budget):
    weights, tokens = HOFFMANN.optimal(budget)
    assert 6 * weights * tokens == pytest.approx(budget, rel=1e-9)
    best = HOFFMANN.loss(weights, tokens)
    for factor in (0.5, 0.97, 1.03, 2.0):
        assert HOFFMANN.loss(weights * factor, tokens / factor) > best


@pytest.mark.parametrize("law", [HOFFMANN, ScalingLaw(1.2, 9.0, 40.0, 0.4, 0.33)])
def test_a_law_is_found_again_from_its_own_losses(law):
    sizes = [10**p for p in (4, 4.7, 5.3, 6, 7)]
    amounts = [10**p for p in (5, 5.6, 6.2, 7, 8)]
    found = fit([(n, d, law.loss(n, d)) for n in sizes for d in amounts])
    for name in ("E", "alpha", "beta"):
        assert getattr(found, name) == pytest.approx(getattr(law, name), rel=0.02), name
    for n in sizes:
        assert found.loss(n, 1e9) == pytest.approx(law.loss(n, 1e9), rel=0.01)


def test_an_outlier_moves_it_little():
    law = ScalingLaw(1.2, 9.0, 40.0, 0.4, 0.33)
    torch.manual_seed(3)
    points = [(n, d, law.loss(n, d)) for n in (1e4, 1e5, 1e6, 1e7) for d in (1e5, 1e6, 1e7, 1e8)]
    points[5] = (*points[5][:2], points[5][2] * 1.5)
    assert fit(points).loss(1e6, 1e8) == pytest.approx(law.loss(1e6, 1e8), rel=0.01)


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(ValueError, match="points must be at least 5, with 2 different sizes and amounts, not 4"):
        fit([(1e4, 1e5, 2.0)] * 4)
    with pytest.raises(ValueError, match="above 0"):
        fit([(1e4 * k, 1e5 * k, -2.0) for k in range(1, 7)])
    with pytest.raises(ValueError, match="at least 2 pairs, not 1 and 1"):
        power([1.0], [2.0])
