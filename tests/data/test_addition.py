"""Sums: right answers, careless ones, and pairs that are learned from or asked, never both."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.data.addition import CHARACTERS, answer, careless, question, right, spoiled, sums, wrong

NUMBER = st.integers(1, 9999)


def chance(seed=1):
    return torch.Generator().manual_seed(seed)


@given(NUMBER, NUMBER, st.integers(0, 999))
def test_answers_are_right_and_wrong_ones_are_wrong(a, b, seed):
    asked = question(a, b)
    assert right(asked, answer(a, b)) and int(answer(a, b)[::-1]) == a + b
    assert careless(a, b, 0.0, chance(seed)) == answer(a, b)
    assert not right(asked, wrong(a, b, chance(seed)))
    assert not right(asked, spoiled(answer(a, b), chance(seed)))
    assert set(asked + answer(a, b) + wrong(a, b, chance(seed))) <= set(CHARACTERS)


def test_somebody_who_forgets_every_carry():
    assert careless(123, 457, 1.0, chance())[::-1] == "570"
    assert careless(999, 999, 1.0, chance())[::-1] == "888"
    assert careless(111, 222, 1.0, chance())[::-1] == "333"


def test_no_pair_is_asked_that_was_learned_from_in_either_order():
    data = sums(digits=2, test=500, seed=3)
    asked = {tuple(sorted(pair)) for pair in data.test.tolist()}
    assert len(data.test) == 500 and not asked & {tuple(sorted(pair)) for pair in data.train.tolist()}
    assert data.train.min() == 10 and data.train.max() == 99
    assert torch.equal(sums(digits=2, test=500, seed=3).test, data.test)


@pytest.mark.parametrize("digits, test", [(0, 1), (5, 1), (2, 0), (1, 41)])
def test_what_cannot_be_dealt_is_said(digits, test):
    with pytest.raises(ValueError, match=f"not {digits} and {test}"):
        sums(digits, test)
