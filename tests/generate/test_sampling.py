"""The rules of sampling against the reference's, and what each promises."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from glassformer.generate.sampling import (
    GREEDY,
    Sampling,
    min_p,
    repetition_penalty,
    temperature,
    top_k,
    top_p,
    typical,
)

SHARE = st.floats(0.01, 0.99)
INF = float("inf")


def logits(seed: int, spread: float = 3.0, shape: tuple[int, int] = (5, 37)) -> Tensor:
    return spread * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def processors() -> "object":
    return pytest.importorskip(
        "transformers.generation.logits_process",
        reason="needs the reference library: pip install 'glassformer[reference]'",
    )


def kept(x: Tensor) -> Tensor:
    return x > -INF


def settled(sums: Tensor, edge: float) -> None:
    """Leave out cases where a sum lies on the edge to within rounding: 37 float32 numbers up to 1, 37 · 2⁻²⁴ < 1e-5."""
    assume(float((sums - edge).abs().min()) > 1e-5)


@given(st.integers(0, 10**6), st.floats(0.05, 20), st.integers(1, 50), SHARE, SHARE, SHARE)
def test_each_rule_equals_the_reference(seed: int, t: float, k: int, p: float, low: float, mass: float) -> None:
    theirs, x = processors(), logits(seed)
    sorted_ = x.softmax(-1).sort(descending=True).values
    settled(sorted_.cumsum(-1), p)
    log = x.log_softmax(-1)
    order = (-log - (-(log.exp() * log).sum(-1, keepdim=True))).abs().argsort(-1)
    settled(log.exp().gather(-1, order).cumsum(-1), mass)
    settled(sorted_ / sorted_[:, :1], low)
    # float32, an order of operations apart: a logit up to 12 / 0.05 is known to 240 · 2⁻²³
    torch.testing.assert_close(
        temperature(x, t).softmax(-1), theirs.TemperatureLogitsWarper(t)(None, x).softmax(-1), rtol=1e-4, atol=1e-6
    )
    assert torch.equal(top_k(x, k), theirs.TopKLogitsWarper(k)(None, x))
    assert torch.equal(top_p(x, p), theirs.TopPLogitsWarper(p)(None, x))
    assert torch.equal(min_p(x, low), theirs.MinPLogitsWarper(low)(None, x))
    assert torch.equal(typical(x, mass), theirs.TypicalLogitsWarper(mass)(None, x))


@given(st.integers(0, 10**6), st.floats(0.2, 5), st.lists(st.integers(0, 10), min_size=5, max_size=5))
def test_repetition_penalty_equals_the_reference(seed: int, penalty: float, pads: list[int]) -> None:
    theirs, x = processors(), logits(seed)
    seen = torch.randint(0, 37, (5, 11), generator=torch.Generator().manual_seed(seed))
    real = torch.arange(11) >= torch.tensor(pads)[:, None]
    plain = theirs.RepetitionPenaltyLogitsProcessor(penalty)(seen, x)
    padded = theirs.RepetitionPenaltyLogitsProcessor(penalty, prompt_ignore_length=torch.tensor(pads))(seen, x)
    torch.testing.assert_close(repetition_penalty(x, seen, penalty), plain, rtol=1e-6, atol=0)  # one division
    torch.testing.assert_close(repetition_penalty(x, seen, penalty, real), padded, rtol=1e-6, atol=0)


@given(st.integers(0, 10**6), st.floats(0.05, 1.0), st.sampled_from([1.0, 30.0]))
def test_top_p_keeps_the_smallest_set_that_reaches_p(seed: int, p: float, spread: float) -> None:
    x = logits(seed, spread)
    probabilities, keep = x.softmax(-1), kept(top_p(x, p))
    for row, of in zip(probabilities, keep, strict=True):
        assert of.any()
        assert float(row[of].sum()) >= p - 1e-5  # float32: 37 summands, as above
        assert float(row[of].sum() - row[of].min()) < p + 1e-5
        if not of.all():
            assert row[of].min() >= row[~of].max()


@given(st.integers(0, 10**6), st.integers(1, 60))
def test_top_k_keeps_k(seed: int, k: int) -> None:
    assert (kept(top_k(logits(seed), k)).sum(-1) == min(k, 37)).all()


def test_equals() -> None:
    x = torch.tensor([[1.0, 2.0, 2.0, 2.0, 0.0]])
    assert kept(top_k(x, 2)).tolist() == [[False, True, True, True, False]]  # equal to the second: all stay
    assert kept(top_p(x, 0.4)).tolist() == [[False, True, True, False, False]]  # 0.28 each: two reach it, the lower ids
    assert kept(min_p(x, 1.0)).tolist() == [[False, True, True, True, False]]
    assert kept(typical(torch.zeros(1, 7), 0.3)).all()  # all are equally surprising
    assert GREEDY.choose(x, torch.tensor([[0]])).tolist() == [1]


def test_a_share_of_1_keeps_all_though_sums_are_rounded() -> None:
    x = torch.zeros(1, 37)
    x[0, 0] = 40.0  # p = 1 − 1e-16, which float32 calls 1: the others come after the sum has reached 1
    assert kept(top_p(x, 1.0)).all() and kept(typical(x, 1.0)).all()


@given(st.integers(0, 10**6), SHARE)
def test_typical_by_hand(seed: int, p: float) -> None:
    """In float64, one token at a time."""
    x = logits(seed).double()
    for row, of in zip(x.log_softmax(-1), kept(typical(x, p)), strict=True):
        entropy = float(-(row.exp() * row).sum())
        nearest, mass, keep = sorted(range(37), key=lambda v: abs(-float(row[v]) - entropy)), 0.0, set()
        for v in nearest:
            if mass < p:
                keep.add(v)
            mass += float(row[v].exp())
        assert keep == set(of.nonzero()[:, 0].tolist())


def test_dropped_tokens_stay_dropped() -> None:
    """−∞ in the logits, from an earlier rule or from a model that forbids tokens, makes no NaN anywhere."""
    x = logits(0)
    x[:, ::2] = -INF
    for rule in (
        lambda y: temperature(y, 0.1),
        lambda y: top_k(y, 30),
        lambda y: top_p(y, 0.9),
        lambda y: min_p(y, 0.1),
    ):
        assert not rule(x).isnan().any() and not kept(rule(x))[:, ::2].any()
    assert torch.equal(typical(x, 0.6)[:, 1::2], typical(x[:, 1::2], 0.6)) and not kept(typical(x, 0.6))[:, ::2].any()
    seen = torch.arange(11).expand(5, -1)
    assert not repetition_penalty(x, seen, 2.0).isnan().any()
    everything = Sampling(0.7, 11, 0.9, 0.05, 0.8, 1.3).probabilities(x, seen)
    torch.testing.assert_close(everything.sum(-1), torch.ones(5))
    assert not everything[:, ::2].any()


@given(st.integers(0, 10**6), SHARE, SHARE)
def test_the_order_of_the_rules(seed: int, p: float, mass: float) -> None:
    x, seen = logits(seed), torch.randint(0, 37, (5, 3), generator=torch.Generator().manual_seed(seed))
    rules = repetition_penalty(x, seen, 1.7)
    for rule in (lambda y: temperature(y, 0.6), lambda y: top_k(y, 23), lambda y: top_p(y, p)):
        rules = rule(rules)
    rules = typical(min_p(rules, 0.02), mass)
    ours = Sampling(0.6, 23, p, 0.02, mass, 1.7).probabilities(x, seen)
    assert torch.equal(ours, rules.softmax(-1))


def test_a_tiny_temperature_is_greedy() -> None:
    x = logits(1)
    x[0, 0] = 1e4
    for t in (1e-37, 1e-6):
        assert torch.equal(
            Sampling(temperature=t).probabilities(x, x[:, :1].long()), GREEDY.probabilities(x, x[:, :1].long())
        )


def test_choose_draws_from_the_probabilities() -> None:
    x, seen = logits(2, 1.0, (1, 7)), torch.tensor([[3]])
    sampling = Sampling(temperature=0.8, top_k=5, repetition_penalty=1.5)
    p = sampling.probabilities(x, seen)[0]
    many = 20_000
    drawn = sampling.choose(x.expand(many, -1), seen.expand(many, -1), torch.Generator().manual_seed(7))
    counts = drawn.bincount(minlength=7).double()
    assert not counts[p == 0].any()
    chi = float(((counts - many * p) ** 2 / (many * p))[p > 0].sum())
    assert chi < 33.4  # 4 degrees of freedom: false alarm with probability 1e-6
    again = sampling.choose(x.expand(many, -1), seen.expand(many, -1), torch.Generator().manual_seed(7))
    assert torch.equal(drawn, again)


def test_half_precision_is_sampled_in_float32() -> None:
    assert Sampling(0.7).probabilities(logits(0).bfloat16(), torch.zeros(5, 1, dtype=torch.long)).dtype == torch.float32


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("temperature", v) for v in (-0.1, INF, float("nan"))),
        *(("top_k", v) for v in (0, -3)),
        *((name, v) for name in ("top_p", "min_p", "typical") for v in (0.0, -0.5, 1.01, float("nan"))),
        *(("repetition_penalty", v) for v in (0.0, -1.0, INF, float("nan"))),
    ],
)
def test_bad_fields_are_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{field} must be .* not {value}\.$"):
        Sampling(**{field: value})


@pytest.mark.parametrize(
    ("rule", "name", "value"),
    [(temperature, "t", 0.0), (top_k, "k", 0), (top_p, "p", 0.0), (min_p, "p", 1.5), (typical, "p", 0.0)],
)
def test_bad_arguments_are_named(rule: object, name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be .* not {value}\.$"):
        rule(logits(0), value)  # type: ignore[operator]
    with pytest.raises(ValueError, match=r"^penalty must be"):
        repetition_penalty(logits(0), torch.zeros(5, 1, dtype=torch.long), 0.0)
