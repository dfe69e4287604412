"""Head scores on patterns whose score is known, and the figures of heads."""

import matplotlib.pyplot as plt
import pytest
import torch

from glassformer.glass import figures, heads
from glassformer.glass.style import data_of

T = 7
HEADS = torch.zeros(3, 2 * T, 2 * T)
for t in range(2 * T):
    HEADS[0, t, max(t - 1, 0)] = 1
    HEADS[1, t, 0] = 1
    HEADS[2, t, max(t - T + 1, 0)] = 1
IDS = torch.arange(T).repeat(2)


def test_each_score_finds_its_own_kind():
    assert heads.previous_token(HEADS).tolist() == pytest.approx([1, 1 / 13, 1 / 13])  # token 1 reads from 0 in all
    assert heads.first_token(HEADS).tolist() == pytest.approx([1 / 13, 1, 6 / 13])
    assert heads.induction(HEADS, IDS).tolist() == pytest.approx([0, 0, 1])


def test_induction_adds_up_all_earlier_occurrences_and_leaves_out_new_tokens():
    ids = torch.tensor([5, 8, 5, 9, 5])
    even = torch.ones(1, 5, 5).tril() / torch.arange(1, 6)[:, None]
    assert heads.after_earlier(ids).nonzero().tolist() == [[2, 1], [4, 1], [4, 3]]
    assert heads.induction(even, ids).item() == pytest.approx((1 / 3 + 2 / 5) / 2)


def test_repeated_tokens_are_read_twice_and_differ_within_a_half():
    rows = heads.repeated(3, 11, 50, seed=0, lowest=7)
    assert rows.shape == (3, 22) and torch.equal(rows[:, :11], rows[:, 11:])
    assert all(len(set(row[:11].tolist())) == 11 for row in rows) and rows.min() >= 7 and rows.max() < 50
    with pytest.raises(ValueError, match="period must lie in 1 to vocab"):
        heads.repeated(1, 51, 50, seed=0)


def test_best_and_by_layer():
    table = torch.tensor([[0.1, 0.9, 0.2], [0.8, 0.0, 0.3]])
    assert heads.best(table, 3) == [(0, 1), (1, 0), (1, 2)]
    assert heads.by_layer(heads.best(table, 3)) == {0: [1], 1: [0, 2]}


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"\[H, T, T\]"):
        heads.previous_token(torch.ones(3, 4, 5))
    with pytest.raises(ValueError, match=r"ids must be \[14\]"):
        heads.induction(HEADS, IDS[:-1])
    with pytest.raises(ValueError, match="occurs twice"):
        heads.induction(HEADS, torch.arange(14))


def test_scores_of_a_model_are_those_of_its_trace():
    from glassformer.glass import stored

    weights = stored.trace().attention(17)
    assert heads.induction(weights, stored.trace().ids[0]).argmax() == 5


def test_figures_say_what_they_show():
    drawn = [
        figures.head_map({"kind": torch.tensor([[0.1, 0.9], [0.2, 0.3]])}),
        figures.softmax_sharpness([4, 64], [0.5, 0.9], [0.3, 0.3], 16),
    ]
    said = ["layer 0, head 1: 0.90", "from 0.50 to 0.90"]
    for figure, words in zip(drawn, said, strict=True):
        assert words in figure._glassformer_alt
        assert len(str(data_of(figure))) < 100_000
    plt.close("all")
