"""Rows in another order: what is loaded and saved again is what was there, and the order is the one that is meant."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.checkpoint.permute import OfExpert, PerHead, Permuted

few = st.integers(1, 7)


@given(heads=few, pairs=few, columns=few)
def test_permuted_is_undone(heads: int, pairs: int, columns: int) -> None:
    stored = torch.randn(heads * 2 * pairs, columns)
    how = Permuted(heads)
    assert torch.equal(how.save([how.load(stored)]), stored)
    assert torch.equal(how.load(stored[:, 0]), how.load(stored)[:, 0])  # a bias as a matrix


def test_pairs_that_lay_side_by_side_lie_apart() -> None:
    stored = torch.tensor([[0], [10], [1], [11], [2], [12], [100], [110], [101], [111], [102], [112]])
    expected = [0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112]
    assert Permuted(2).load(stored).flatten().tolist() == expected


@given(heads=few, d_k=few, columns=few)
def test_q_k_and_v_of_each_head(heads: int, d_k: int, columns: int) -> None:
    stored = torch.randn(heads * 3 * d_k, columns)
    parts = [PerHead(index, heads).load(stored) for index in range(3)]
    for head in range(heads):
        for index, part in enumerate(parts):
            first = (head * 3 + index) * d_k
            assert torch.equal(part[head * d_k : (head + 1) * d_k], stored[first : first + d_k])
    assert torch.equal(PerHead(0, heads).save(parts), stored)
    assert torch.equal(PerHead(1, heads).load(stored[:, 0]), parts[1][:, 0])


@given(experts=few, rows=few, columns=few, data=st.data())
def test_a_matrix_of_an_expert(experts: int, rows: int, columns: int, data: st.DataObject) -> None:
    expert, piece = data.draw(st.integers(0, experts - 1)), data.draw(st.integers(0, 1))
    stack = torch.randn(experts, 2 * rows, columns)
    one = OfExpert(expert, piece, 2).load(stack)
    assert torch.equal(one, stack[expert, piece * rows : (piece + 1) * rows])
    assert torch.equal(OfExpert(expert, piece, 2).load(one), one)
    assert torch.equal(OfExpert(expert, piece, 2).save([one]), one)


def test_what_does_not_divide() -> None:
    with pytest.raises(ValueError, match=r"the rows of weight \(7\) must be a multiple of heads \(2\)"):
        Permuted(2).load(torch.zeros(7, 3))
    with pytest.raises(ValueError, match=r"axis 0 has 8 entries, which is no multiple of 3 · 2 heads"):
        PerHead(0, 2).load(torch.zeros(8, 3))
    with pytest.raises(ValueError, match=r"no stack of at least 3 experts of 2 matrices each"):
        OfExpert(2, 0, 2).load(torch.zeros(2, 4, 3))
