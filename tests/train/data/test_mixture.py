"""Several sources: their shares, and that each gives its rows in its own order, whatever step one begins at."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from glassformer.train.data import Mixture, Packed, Windows, mixture

SEED = st.integers(0, 10**6)
WEIGHTS = st.lists(st.floats(0.1, 9) | st.just(0.0), min_size=1, max_size=4).filter(any)


def source(number, order="shuffled"):
    """Windows of context 5 onto tokens whose thousands say which source it is."""
    return Windows(torch.arange(1000 * number, 1000 * number + 150), 5, number, order)


def mixed(weights, seed, curriculum=None):
    return Mixture([(source(number), weight) for number, weight in enumerate(weights)], seed, curriculum)


def test_the_shares_converge_to_the_weights():
    weights = np.array([5.0, 1.0, 0.0, 2.0])
    counts = np.bincount(mixed(weights, 7).picks(0, 16, 1000).ravel(), minlength=4)
    share = weights / weights.sum()
    deviation = (16_000 * share * (1 - share)) ** 0.5
    assert (abs(counts - 16_000 * share) <= 4 * deviation).all() and counts[2] == 0  # a fixed seed


@pytest.mark.parametrize("share, picked", [(0.0, 1), (0.75 - 2.0**-53, 1), (0.75, 3), (1 - 2.0**-53, 3)])
@pytest.mark.parametrize("curriculum", [None, lambda step: [0.0, 3.0, 0.0, 1.0, 0.0]])
def test_a_weight_of_0_is_never_picked_not_even_at_the_border(monkeypatch, share, picked, curriculum):
    monkeypatch.setattr(mixture, "shares", lambda seed, purpose, first, count: np.full(count, share))
    assert mixed([0.0, 3.0, 0.0, 1.0, 0.0], 1, curriculum).picks(0, 2).tolist() == [[picked] * 2]


@given(WEIGHTS, SEED, st.integers(1, 7), st.integers(1, 12))
def test_each_source_gives_its_rows_in_its_own_order(weights, seed, batch, steps):
    mixture = mixed(weights, seed)
    rows = torch.cat([mixture.rows(step, batch) for step in range(steps)])
    texts = torch.cat([mixture.texts(step, batch)[1] for step in range(steps)])
    picks = mixture.picks(0, batch, steps).ravel()
    assert (rows[:, 0] // 1000).tolist() == picks.tolist() and len(rows) == batch * steps
    for number, weight in enumerate(weights):
        here = torch.from_numpy(picks == number)
        assert weight or not here.any()
        own = source(number).take_texts(0, int(here.sum()))
        assert torch.equal(rows[here], own[0]) and torch.equal(texts[here], own[1])


@given(WEIGHTS, SEED, st.integers(1, 5), st.lists(st.integers(0, 40), min_size=1, max_size=6), st.booleans())
def test_rows_before_a_step_are_counted_from_the_seed_to_and_fro(weights, seed, batch, steps, changing):
    def curriculum(step):
        return [weight * (1 + (step + number) % 3) for number, weight in enumerate(weights)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixture, "STEPS", 3)  # counted in several goes
        made = mixed(weights, seed, curriculum if changing else None)
        for step in steps:
            one_by_one = [made.picks(each, batch)[0] for each in range(step)]
            counts = np.bincount(np.concatenate([*one_by_one, []]).astype(int), minlength=len(weights))
            assert made.before(step, batch).tolist() == counts.tolist()
            made.before(step + 1, batch + 1)  # another size of the batch does not mix in


def test_epochs_of_shuffled_windows_stay_whole_in_a_mixture():
    """Of a source every window is seen once before one is seen again."""
    made = mixed([3.0, 1.0], 11)
    rows = torch.cat([made.rows(step, 8) for step in range(30)])
    for number in range(2):
        own = rows[rows[:, 0] // 1000 == number]
        epoch = own[: source(number).windows]
        assert len(own) > len(epoch) and len(epoch[:, 1:].unique()) == 5 * source(number).windows


def test_a_curriculum_changes_the_weights_with_the_step():
    made = mixed([1.0, 1.0], 3, lambda step: (1.0, 0.0) if step < 5 else (0.0, 1.0))
    assert [set((made.rows(step, 4)[:, 0] // 1000).tolist()) for step in range(9)] == [{0}] * 5 + [{1}] * 4
    assert torch.equal(torch.cat([made.rows(step, 4) for step in range(5, 9)]), source(1).take(0, 16))


def test_a_curriculum_that_stays_is_the_mixture():
    plain, made = mixed([3.0, 1.0], 3), mixed([1.0, 1.0], 3, lambda step: (3.0, 1.0))
    assert all(torch.equal(plain.rows(step, 7), made.rows(step, 7)) for step in (0, 5, 2))


@example([9.0, 1.0, 9.0], 1, 1020)
@given(WEIGHTS, SEED, st.sampled_from([-60, 60, 1020]))
def test_only_the_ratio_of_the_weights_counts(weights, seed, power):
    """A power of two scales without rounding, and not even weights near the largest number overflow."""
    scaled = [weight * 2.0**power for weight in weights]
    assert np.array_equal(mixed(scaled, seed).picks(0, 5, 20), mixed(weights, seed).picks(0, 5, 20))


def test_windows_and_packed_documents_may_be_mixed():
    packed = Packed([[2000, 2001, 2002], [2003, 2004]], 5, 1)
    made = Mixture([(source(1, "random"), 1.0), (packed, 1.0)], 5)
    ids, texts = made.texts(0, 16)
    own = ids[:, 0] >= 2000
    assert own.any() and not own.all()
    assert torch.equal(ids[own], packed.take(0, int(own.sum()))) and (texts[own].max(1).values == 2).all()


@pytest.mark.parametrize(
    "weights", [(0.0, 0.0), (-1.0, 2.0), (float("nan"), 1.0), (float("inf"), 1.0), (1.0,), (1.0, 1.0, 1.0)]
)
def test_weights_that_are_none_are_said(weights):
    made = mixed([1.0, 1.0], 3, lambda step: weights)
    with pytest.raises(ValueError) as error:
        made.rows(0, 2)
    assert str(error.value) == f"weights must be 2 numbers from 0, not all of them 0, not {weights}."
    if len(weights) == 2:
        with pytest.raises(ValueError, match="weights must be 2 numbers from 0"):
            mixed(weights, 3)


def test_sources_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match=r"sources must not be empty\."):
        Mixture([], 3)
    with pytest.raises(ValueError, match=r"sources must have one context, not \[4, 5\]\."):
        Mixture([(source(0), 1.0), (Windows(range(99), 4, 1), 1.0)], 3)
    with pytest.raises(ValueError, match=r"seed must be from 0 to 2\*\*63 - 1, not -3\."):
        mixed([1.0], -3)
