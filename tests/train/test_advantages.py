"""Advantages against sums written out, and against the identities of their papers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.train.advantages import by_nothing, following, gae, group_relative, penalized, whiten

ROWS, TOKENS = 5, 11


def answers(seed=1):
    """Rows in which choices stand side by side, at different places."""
    chance = torch.Generator().manual_seed(seed)
    first = torch.randint(0, 6, (ROWS,), generator=chance)
    length = torch.randint(1, 6, (ROWS,), generator=chance)
    places = torch.arange(TOKENS)
    return (places >= first[:, None]) & (places < (first + length)[:, None])


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


UNIT = st.floats(0, 1)


@given(UNIT, UNIT, st.integers(0, 999))
def test_gae_is_the_discounted_sum_of_the_deltas(gamma, lam, seed):
    """``A_t = Σ_l (γλ)^l δ_{t+l}``, written out token by token (Schulman et al., 2016, equation 16)."""
    answer, rewards, values = answers(seed), drawn(seed, ROWS, TOKENS), drawn(seed + 1, ROWS, TOKENS)
    advantages, returns = gae(rewards, values, answer, gamma, lam)
    for row in range(ROWS):
        places = answer[row].nonzero()[:, 0].tolist()
        v = [float(values[row, place]) for place in places] + [0.0]
        deltas = [float(rewards[row, place]) + gamma * v[n + 1] - v[n] for n, place in enumerate(places)]
        for n, place in enumerate(places):
            expected = sum((gamma * lam) ** later * delta for later, delta in enumerate(deltas[n:]))
            assert float(advantages[row, place]) == pytest.approx(expected, rel=1e-9, abs=1e-12)
            assert float(returns[row, place]) == pytest.approx(expected + v[n], rel=1e-9, abs=1e-12)
    assert not advantages[~answer].any() and not returns[~answer].any()


def test_with_lambda_1_returns_are_what_came_and_with_0_one_step_ahead():
    answer, rewards, values = answers(), drawn(1, ROWS, TOKENS), drawn(2, ROWS, TOKENS)
    _, returns = gae(rewards, values, answer, 1.0, 1.0)
    inside = torch.where(answer, rewards, 0.0)
    to_come = inside.flip(1).cumsum(1).flip(1)
    assert torch.allclose(returns[answer], to_come[answer])
    advantages, _ = gae(rewards, torch.zeros_like(values), answer, 0.5, 0.0)
    assert torch.allclose(advantages, inside)


def test_the_penalized_rewards_of_an_answer_sum_to_its_score_less_the_price():
    answer, old, reference, scores = answers(), drawn(1, ROWS, TOKENS), drawn(2, ROWS, TOKENS), drawn(3, ROWS)
    rewards = penalized(scores, old, reference, answer, 0.3)
    price = torch.where(answer, old - reference, 0.0).sum(1)
    assert torch.allclose(rewards.sum(1), scores - 0.3 * price)
    assert not rewards[~answer].any()
    plain = penalized(scores, old, old, answer, 0.3)
    assert torch.equal((plain != 0).sum(1), torch.ones(ROWS, dtype=torch.long)), "the score comes with the last token"
    assert torch.equal((plain != 0), answer & ~following(answer))


def test_whitened_advantages_have_mean_0_and_variance_1():
    answer = answers()
    white = whiten(drawn(4, ROWS, TOKENS) * 7 + 3, answer)[answer]
    assert float(white.mean()) == pytest.approx(0, abs=1e-12) and float(white.var(correction=0)) == pytest.approx(1)


@given(st.integers(1, 5), st.integers(2, 7), st.integers(0, 999))
def test_the_advantages_of_a_group_sum_to_0(groups, size, seed):
    advantages = group_relative(drawn(seed, groups * size) * 5 + 2, size)
    assert advantages.view(groups, size).sum(1).abs().max() < 1e-9
    assert advantages.view(groups, size).std(1).sub(1).abs().max() < 0.01 or size == 2


def test_a_group_by_hand():
    """Rewards 1, 0, 0, 1: away by ½, spread 0.57735 (with n − 1)."""
    found = group_relative(torch.tensor([1.0, 0, 0, 1]), 4)
    assert torch.allclose(found, torch.tensor([1.0, -1, -1, 1]) * 0.5 / (3**-0.5 + 1e-4))
    assert torch.equal(
        group_relative(torch.tensor([1.0, 0, 0, 1]), 4, by_nothing), torch.tensor([0.5, -0.5, -0.5, 0.5])
    )


def test_a_group_that_agrees_teaches_nothing():
    assert not group_relative(torch.ones(6), 3).any()


@pytest.mark.parametrize(
    "call, sentence",
    [
        (
            lambda: group_relative(torch.ones(6), 1),
            "divide the number of answers, 6, not 1",
        ),
        (lambda: group_relative(torch.ones(6), 4), "group must be at least 2 and divide"),
        (
            lambda: gae(torch.ones(1, 2), torch.ones(1, 2), torch.ones(1, 2) > 0, lam=1.5),
            "lam must be from 0 to 1, not 1.5",
        ),
        (
            lambda: penalized(torch.ones(1), torch.ones(1, 2), torch.ones(1, 2), torch.ones(1, 2) > 0, -1.0),
            "kl must be 0 or more, not -1.0",
        ),
    ],
)
def test_what_is_out_of_range_is_said(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
