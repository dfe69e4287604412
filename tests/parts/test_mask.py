"""Masks: each kind against a table written out, joined ones, and where each token stands."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.parts.mask import Blocks, Causal, Everything, Mask, Padding, Prefix, Window

SLOTS = torch.arange(5)


def seen(mask: Mask, queries: torch.Tensor = SLOTS, keys: torch.Tensor = SLOTS) -> list[str]:
    """One string a query, ``x`` where it may see the key."""
    visible = mask.visible(queries, keys).expand(1, 1, len(queries), len(keys))[0, 0]
    return ["".join("x" if cell else "." for cell in row) for row in visible.tolist()]


def test_each_kind_by_its_table() -> None:
    assert seen(Everything()) == ["xxxxx"] * 5
    assert seen(Causal()) == ["x....", "xx...", "xxx..", "xxxx.", "xxxxx"]
    assert seen(Causal() & Window(2)) == ["x....", "xx...", ".xx..", "..xx.", "...xx"]
    assert seen(Window(2)) == ["xx...", "xxx..", ".xxx.", "..xxx", "...xx"]
    assert seen(Padding(torch.tensor([[0, 0, 1, 1, 1]]).bool())) == ["..xxx"] * 5
    assert seen(Causal() & Blocks(torch.tensor([[7, 7, 3, 3, 3]]))) == ["x....", "xx...", "..x..", "..xx.", "..xxx"]
    assert seen(Prefix(torch.tensor([3]))) == ["xxx..", "xxx..", "xxx..", "xxxx.", "xxxxx"]


def test_a_later_call_sees_what_came_before() -> None:
    assert seen(Causal() & Window(3), torch.tensor([3, 4])) == [".xxx.", "..xxx"]


def test_everything_joined_is_the_other() -> None:
    assert (Everything() & Causal()) == Causal() == (Causal() & Everything()) == (Causal() & Causal())
    assert not (Causal() & Window(2)).causal


def test_positions() -> None:
    real = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]).bool()
    assert Causal().positions(SLOTS).tolist() == [[0, 1, 2, 3, 4]]
    assert (Causal() & Padding(real)).positions(SLOTS).tolist() == [[0, 0, 0, 1, 2], [0, 1, 2, 3, 4]]
    assert (Blocks(torch.tensor([[7, 7, 3, 3, 7]])) & Causal()).positions(SLOTS).tolist() == [[0, 1, 0, 1, 0]]
    assert (Causal() & Window(2)).positions(SLOTS[2:]).tolist() == [[2, 3, 4]]


@given(st.integers(1, 11), st.integers(1, 13))
def test_a_window_of_w_shows_w_keys(width: int, tokens: int) -> None:
    slots = torch.arange(tokens)
    counts = (Causal() & Window(width)).visible(slots, slots).sum(1)
    assert counts.tolist() == [min(t + 1, width) for t in range(tokens)]


def test_a_window_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"width must be at least 1.*not 0"):
        Window(0)
