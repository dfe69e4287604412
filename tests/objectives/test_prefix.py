"""Prefix LM: the prefix is read both ways and not scored; the rest is scored as by a causal model that sees it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.objectives import causal, prefix
from tests.objectives.adding import adds_up


@pytest.fixture
def model():
    torch.manual_seed(3)
    config = GPTConfig(vocab=29, d_model=16, layers=2, heads=2, d_ff=24, max_positions=13, dropout=0.0)
    return GPT2(config).eval()


@given(st.integers(1, 7), st.integers(2, 20), st.integers(0, 10**6))
def test_what_is_scored_comes_after_the_prefix(rows, tokens, seed):
    chance = torch.Generator().manual_seed(seed)
    ids = torch.randint(29, (rows, tokens + 1), generator=chance)
    batch = prefix.batch(ids, chance)
    assert (batch["lengths"] >= 1).all() and (batch["lengths"] < tokens).all()
    assert torch.equal(batch["asked"].sum(1), tokens - batch["lengths"] + 1)
    for row, length in enumerate(batch["lengths"].tolist()):
        assert torch.equal(batch["targets"][row][batch["asked"][row]], ids[row, length:])


def test_a_prefix_of_one_token_is_the_causal_objective(model):
    ids = torch.randint(29, (5, 12), generator=torch.Generator().manual_seed(1))
    ones = prefix.batch(ids, lengths=torch.ones(5, dtype=torch.long))
    assert prefix.loss(model, ones)[0].item() == pytest.approx(
        causal.loss(model, causal.batch(ids))[0].item(), rel=1e-6
    )


def test_the_prefix_sees_itself_whole_and_nothing_after_it(model):
    ids = torch.randint(29, (1, 12), generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([5])
    from glassformer.parts.mask import Prefix

    def first(changed):
        other = ids.clone()
        other[0, changed] = (other[0, changed] + 1) % 29
        return model(other, mask=Prefix(lengths))[0, 0]

    plain = model(ids, mask=Prefix(lengths))[0, 0]
    assert not torch.allclose(plain, first(4)), "the first token sees the last of the prefix"
    assert torch.equal(plain, first(5)), "and not the one after it"


def test_parts_with_prefixes_of_different_lengths_add_up(model):
    chance = torch.Generator().manual_seed(1)
    adds_up(model, prefix.loss, prefix.batch(torch.randint(29, (7, 12), generator=chance), chance), 3, "asked")


def test_what_is_no_prefix_is_said():
    with pytest.raises(ValueError, match="generator must be given where lengths are not"):
        prefix.batch(torch.zeros(3, 5, dtype=torch.long))
    with pytest.raises(ValueError, match="at least 3 tokens a row, not 2"):
        prefix.batch(torch.zeros(3, 2, dtype=torch.long), torch.Generator())
    with pytest.raises(ValueError, match="lengths must be 3 numbers from 1 to 4"):
        prefix.batch(torch.zeros(3, 5, dtype=torch.long), lengths=torch.tensor([1, 2, 5]))
