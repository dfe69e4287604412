"""Rows for every step: what is in them, how often, and that they depend on the seed and the step alone."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.objectives import causal
from glassformer.train.data import Growing, InOrder, Mixture, Packed, Tokens, Windows, followed

SEED = st.integers(0, 10**6)


def counted(number):
    """Tokens that say where they stand."""
    return Tokens.of(torch.arange(number))


@given(st.integers(3, 90), st.integers(1, 20), SEED, st.sampled_from(["random", "shuffled"]), st.integers(1, 7))
def test_windows_are_stretches_and_a_function_of_the_step(tokens, context, seed, order, batch):
    if tokens <= context:
        with pytest.raises(ValueError, match="fewer than one window"):
            Windows(counted(tokens), context, seed, order)
        return
    source = Windows(counted(tokens), context, seed, order)
    if tokens <= batch * context:
        with pytest.raises(ValueError, match=f"fewer than one batch of {batch} × {context} and one"):
            source.rows(0, batch)
        return
    rows = [source.rows(step, batch) for step in range(5)]
    for row in torch.cat(rows):
        assert (row.diff() == 1).all() and row[0] >= 0 and row[-1] < tokens
    again = Windows(counted(tokens), context, seed, order)
    assert all(torch.equal(again.rows(step, batch), rows[step]) for step in (3, 0, 4, 1))


@given(st.integers(1, 9), st.integers(1, 12), SEED)
def test_an_epoch_of_shuffled_windows_predicts_each_token_once(context, windows, seed):
    tokens = context * (windows + 1)  # with a context to spare, by which the first window may be shifted
    source = Windows(counted(tokens), context, seed, "shuffled")
    assert source.windows == windows
    for epoch in range(3):
        predicted = source.take(epoch * windows, windows)[:, 1:].flatten().sort().values
        assert torch.equal(predicted, torch.arange(int(predicted[0]), int(predicted[0]) + context * windows))


def test_epochs_differ_and_so_do_seeds():
    source = Windows(counted(401), 4, 1, "shuffled")
    assert not torch.equal(source.take(0, 100), source.take(100, 100))
    assert not torch.equal(source.take(0, 100), Windows(counted(401), 4, 2, "shuffled").take(0, 100))


def test_random_windows_begin_everywhere_as_often():
    starts = Windows(counted(20), 7, 3).starts(0, 13_000)
    counts = np.bincount(starts, minlength=13)
    assert len(counts) == 13 and abs(counts - 1000).max() < 4 * 1000**0.5  # four standard deviations


@given(st.integers(2, 60), st.integers(1, 9), st.data())
def test_in_order_every_token_is_scored_once(tokens, context, data):
    stride = data.draw(st.integers(1, context))
    windows = InOrder(counted(tokens), context, stride)
    ids, scored = windows.rows(0, len(windows))
    assert sorted(ids[:, 1:][scored[:, 1:]].tolist()) == list(range(1, tokens))
    before = torch.arange(context + 1).expand_as(ids)[1:][scored[1:]]
    assert (before > context - stride).all()
    some = windows.rows(len(windows) - 1, len(windows))
    assert torch.equal(some[0][0], ids[-1])


LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=20)


@given(LENGTHS, st.integers(1, 12), SEED)
def test_packed_rows_hold_every_token_once_an_epoch_and_mark_documents(lengths, context, seed):
    edges = np.cumsum([0, *lengths])
    tokens = Tokens.of([np.arange(a, b) for a, b in pairwise(edges)])
    if max(lengths) < 2:
        with pytest.raises(ValueError, match="at least 2 tokens, one to read and one to predict"):
            Packed(tokens, context, seed)
        return
    source = Packed(tokens, context, seed)
    for epoch in range(2):
        ids, texts = source.take_texts(epoch * source.packed, source.packed)
        predicted = ids[followed(texts)]
        firsts = set(edges[:-1].tolist())
        assert sorted(predicted.tolist()) == [token for token in range(edges[-1]) if token not in firsts]
        for row, text in zip(ids, texts, strict=True):
            for number in text.unique():
                inside = row[text == number]
                if number:
                    assert (inside.diff() == 1).all()
                    assert len(set(np.searchsorted(edges, inside.numpy(), side="right"))) == 1, "of one document"
    assert torch.equal(source.take(0, 3), Packed(tokens, context, seed).take(0, 3))


def test_what_is_packed_with_a_document_does_not_change_what_is_said_of_it():
    """No leak: the loss of a document is the same alone and beside others."""
    torch.manual_seed(1)
    model = GPT2(GPTConfig(vocab=31, d_model=16, layers=2, heads=2, d_ff=24, max_positions=23, dropout=0.0)).eval()
    one, two = torch.randint(31, (9,)), torch.randint(31, (7,))
    ids = torch.cat([one, two])[None]
    text = torch.tensor([[1] * 9 + [2] * 7])
    packed = causal.batch(ids, followed(text), text)
    logits = causal.logits(model, packed)
    assert torch.allclose(logits[0, :9], model(one[None])[0], atol=1e-5)  # float32, other shapes
    assert torch.allclose(logits[0, 9:], model(two[None])[0, :6], atol=1e-5)
    apart = [causal.loss(model, causal.batch(one[None]))[0] * 8, causal.loss(model, causal.batch(two[None]))[0] * 6]
    assert causal.loss(model, packed)[0].item() == pytest.approx(sum(apart).item() / 14, rel=1e-5)


def test_a_mixture_keeps_its_weights_and_each_source_its_order():
    one, two = Windows(counted(501), 5, 1, "shuffled"), Windows(Tokens.of(torch.arange(1000, 1501)), 5, 2, "shuffled")
    mixture = Mixture([(one, 3.0), (two, 1.0)], seed=7)
    rows = torch.cat([mixture.rows(step, 8) for step in range(50)])
    first = rows[:, 0] < 1000
    assert first.float().mean().item() == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / 400) ** 0.5)
    assert torch.equal(rows[first], one.take(0, int(first.sum())))
    assert torch.equal(rows[~first], two.take(0, int((~first).sum())))
    assert torch.equal(Mixture([(one, 3.0), (two, 1.0)], seed=7).rows(37, 8), rows[37 * 8 : 38 * 8])


def test_a_curriculum_changes_the_weights_with_the_step():
    sources = [(Windows(Tokens.of(torch.full((99,), number)), 5, 1), 1.0) for number in range(2)]
    mixture = Mixture(sources, 3, curriculum=lambda step: (1.0, 0.0) if step < 5 else (0.0, 1.0))
    assert [int(mixture.rows(step, 4).float().mean()) for step in range(9)] == [0] * 5 + [1] * 4


@pytest.mark.parametrize("weights", [(0.0, 0.0), (-1.0, 2.0), (float("nan"), 1.0)])
def test_weights_that_are_none_are_said(weights):
    with pytest.raises(ValueError, match="weights must be 2 numbers from 0"):
        Mixture([(Windows(counted(99), 5, 1), weight) for weight in weights], 3)


def test_sources_of_other_contexts_do_not_mix():
    with pytest.raises(ValueError, match=r"must have one context, not \[4, 5\]"):
        Mixture([(Windows(counted(99), 5, 1), 1.0), (Windows(counted(99), 4, 1), 1.0)], 3)


def test_growing_rows_predict_as_many_tokens():
    whole = Windows(counted(99), 12, 1)
    source = Growing(whole, lambda step: 4 if step < 2 else 12)
    assert source.rows(0, 3).shape == (9, 5) and torch.equal(source.rows(2, 3), whole.rows(2, 3))
    assert sorted(source.rows(1, 3)[:, 1:].flatten().tolist()) == sorted(whole.rows(1, 3)[:, 1:].flatten().tolist())
    with pytest.raises(ValueError, match=r"length\(0\) must divide context \(12\), not be 5"):
        Growing(whole, lambda step: 5).rows(0, 3)
