"""Chance without a state: Philox as its paper writes it, and numbers that can be had without those before them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.train.data import chance
from glassformer.train.data.chance import Epochs, checked_seed, permutation, shares, stream

SEED = st.integers(0, 2**63 - 1)
MASK = 2**64 - 1


def philox(counter, key):
    """Salmon, Moraes, Dror and Shaw (2011), section 3.3: Philox4×64 with ten rounds, on Python's whole numbers."""
    a, b, c, d = counter & MASK, counter >> 64, 0, 0
    left, right = key
    for _ in range(10):
        one, two = 0xD2E7470EE14C6C93 * a, 0xCA5A826395121157 * c
        a, b, c, d = (two >> 64) ^ b ^ left, two & MASK, (one >> 64) ^ d ^ right, one & MASK
        left, right = (left + 0x9E3779B97F4A7C15) & MASK, (right + 0xBB67AE8584CAA73B) & MASK
    return [a, b, c, d]


@given(SEED, st.integers(0, 2**33), st.integers(0, 2**40), st.integers(0, 13))
def test_any_output_is_that_of_the_paper(seed, purpose, first, count):
    blocks = range(first // 4, (first + count) // 4 + 1)  # the library counts on before it draws
    plain = [number for block in blocks for number in philox(block + 1, (seed, purpose))]
    assert stream(seed, purpose, first, count).tolist() == plain[first % 4 : first % 4 + count]


@given(SEED, st.integers(0, 99), st.integers(1, 50))
def test_shares_are_the_same_bits_from_0_to_below_1(seed, first, count):
    found = shares(seed, chance.MIXTURES, first, count)
    assert ((found >= 0) & (found < 1)).all()
    assert (found * 2**53).tolist() == [bits >> 11 for bits in stream(seed, chance.MIXTURES, first, count).tolist()]


def test_shares_are_spread_evenly():
    counts = np.histogram(shares(1, 0, 0, 16_000), bins=16, range=(0, 1))[0]
    assert abs(counts - 1000).max() < 4 * 1000**0.5  # four standard deviations; the seed is fixed


def test_seeds_and_purposes_have_streams_of_their_own():
    purposes = [chance.WINDOWS, chance.SHIFTS, chance.MIXTURES, chance.PACKING, chance.SPLITS, chance.EPOCHS]
    purposes += [chance.EPOCHS + epoch for epoch in range(1, 5)]
    drawn = [tuple(stream(seed, purpose, 0, 3)) for seed in (0, 1, 2**63 - 1) for purpose in purposes]
    assert len(set(drawn)) == 3 * len(purposes)


@given(SEED, st.integers(1, 60))
def test_a_permutation_holds_each_number_once(seed, count):
    assert sorted(permutation(seed, 0, count).tolist()) == list(range(count))


def test_every_order_is_as_likely():
    orders = [tuple(permutation(seed, 0, 3).tolist()) for seed in range(6000)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6 and max(abs(count - 1000) for count in counts) < 4 * 1000**0.5  # as above


@given(SEED, st.integers(1, 11), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 25)), min_size=1, max_size=6))
def test_the_endless_series_is_one_order_after_the_other_wherever_one_looks(seed, count, looks):
    series = [(e, n) for e in range(86) for n in permutation(seed, chance.EPOCHS + e, count).tolist()][: 60 + 25]
    epochs = Epochs(seed, count)
    for first, many in looks:  # to and fro, by an object that remembers what it drew
        assert list(zip(*(array.tolist() for array in epochs.take(first, many)), strict=True)) == [
            *series[first : first + many]
        ]
        assert len(epochs._orders) <= max(2, len(np.unique(epochs.take(first, many)[0])))


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_is_none_is_said(seed):
    with pytest.raises(ValueError) as error:
        checked_seed(seed)
    assert str(error.value) == f"seed must be from 0 to 2**63 - 1, not {seed}."
    assert checked_seed(2**63 - 1) == 2**63 - 1
