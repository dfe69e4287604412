"""Whole documents in a row: none is cut that fits, none is lost, and none sees another."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.objectives import causal
from glassformer.train.data import Packed, Tokens, followed
from glassformer.train.data.packed import cut, pack
from tests.train.data.test_sources import LENGTHS, SEED, documents


def model():
    torch.manual_seed(1)
    return GPT2(GPTConfig(vocab=31, d_model=16, layers=2, heads=2, d_ff=24, max_positions=23, dropout=0.0)).eval()


@given(LENGTHS.filter(lambda lengths: max(lengths) > 1), st.integers(1, 12), SEED, st.integers(0, 2))
def test_every_token_is_there_once_an_epoch_and_documents_are_marked(lengths, context, seed, epoch):
    tokens = documents(lengths)
    source = Packed(tokens, context, seed, pad=997)
    ids, texts = source.take_texts(epoch * source.packed, source.packed)
    firsts = set(tokens.documents[:-1].tolist())
    assert sorted(ids[followed(texts)].tolist()) == [token for token in range(sum(lengths)) if token not in firsts]
    assert set(ids[texts > 0].tolist()) == set(range(sum(lengths))) and (ids[texts == 0] == 997).all()
    number, rows_of = np.repeat(np.arange(len(lengths)), lengths), {}
    for line, (row, text) in enumerate(zip(ids, texts, strict=True)):
        used = int(text.max())
        assert text.tolist() == sorted(text[text > 0].tolist()) + [0] * int((text == 0).sum())
        for one in range(1, used + 1):
            inside = row[text == one]
            assert (inside.diff() == 1).all() and len(inside), "a stretch"
            (document,) = set(number[inside.numpy()].tolist())
            rows_of.setdefault(document, []).append((line, one))
    for document, length in enumerate(lengths):
        assert length > context + 1 or len(rows_of[document]) == 1, "what fits is not cut"
        assert len(rows_of[document]) == max(1, -(-(length - 1) // context)), "and the rest no more than it must be"


def test_chance_decides_the_order_of_the_rows_in_every_epoch():
    source = Packed(documents([5] * 29), 6, 1)
    epochs = [source.take(epoch * source.packed, source.packed) for epoch in range(4)]
    assert len({str(rows.tolist()) for rows in epochs}) == 4
    assert len({str(sorted(rows.tolist())) for rows in epochs}) == 1, "the same rows"


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 11))
def test_pieces_of_a_document_share_one_token(sizes, context):
    edges = np.cumsum([0, *sizes])
    plain = []
    for first, last in pairwise(edges.tolist()):
        plain.append((first, min(context + 1, last - first)))
        while sum(plain[-1]) < last:
            first = sum(plain[-1]) - 1
            plain.append((first, min(context + 1, last - first)))
    assert list(zip(*(array.tolist() for array in cut(edges, context)), strict=True)) == plain


@given(st.lists(st.integers(1, 17), min_size=1, max_size=40))
def test_each_piece_goes_where_it_leaves_the_least_room(lengths):
    """Best fit, looking at every row each time: as many rows, as full."""
    rooms = []
    for length in sorted(lengths, reverse=True):
        fitting = [room for room in rooms if room >= length]
        if fitting:
            rooms.remove(min(fitting))
            rooms.append(min(fitting) - length)
        else:
            rooms.append(17 - length)
    rows = pack(np.array(lengths), 17)
    assert sorted(17 - np.bincount(rows, lengths)) == sorted(rooms) and set(rows) == set(range(len(rooms)))


def test_little_room_is_left():
    rng = np.random.default_rng(1)
    source = Packed(documents(rng.integers(2, 300, 3000)), 255, 1)
    assert 1 - (source.take_texts(0, source.packed)[1] > 0).double().mean() < 0.001  # measured: 0.08 %


def test_what_is_packed_with_a_document_does_not_change_what_is_said_of_it():
    """No leak: each document's logits, and the loss of an epoch, are those of the documents one by one."""
    lengths = [9, 7, 3, 5, 11, 2, 1]
    given_ = [torch.randint(31, (length,), generator=torch.Generator().manual_seed(length)) for length in lengths]
    source, gpt = Packed(Tokens.of(given_), 15, seed=3), model()
    ids, texts = source.take_texts(0, source.packed)
    assert texts.max() > 2, "documents are beside each other"
    logits = causal.logits(gpt, batch := causal.batch(ids, followed(texts), texts))
    found = 0
    for line, row in enumerate(texts[:, :-1]):
        for one in range(1, int(texts[line].max()) + 1):
            alone = gpt(ids[line][texts[line] == one][None])[0]
            inside = logits[line][row == one]
            # float32, other shapes: some units in the last place of numbers near 1
            torch.testing.assert_close(inside, alone[: len(inside)], rtol=0, atol=1e-5)
            found += 1
    assert found == len(lengths)
    apart = [causal.loss(gpt, causal.batch(one[None]))[0] * (len(one) - 1) for one in given_ if len(one) > 1]
    mean = sum(apart).item() / sum(length - 1 for length in lengths)
    assert causal.loss(gpt, batch)[0].item() == pytest.approx(mean, rel=1e-5)  # as above


def test_another_document_beside_it_gets_no_gradient():
    gpt = model()
    texts = torch.tensor([[1, 1, 1, 2, 2, 2, 2, 0]])
    real = followed(texts) & (texts == 1)  # only the first is scored
    embedded = []
    gpt.embed.register_forward_hook(lambda module, inputs, out: embedded.append(out) or out.retain_grad())
    causal.loss(gpt, causal.batch(torch.arange(8)[None], real, texts))[0].backward()
    moved = embedded[0].grad[0].abs().sum(-1) > 0
    assert moved.tolist() == [True, True, False, False, False, False, False]


def test_what_fills_no_batch_is_said():
    source = Packed(documents([5, 3, 4]), 6, 1)
    assert source.packed == 2 and source.rows(0, 2).shape == (2, 7)
    with pytest.raises(ValueError) as error:
        source.rows(0, 3)
    assert str(error.value) == (
        "The documents fill 2 rows of 7 tokens, fewer than one batch of 3: "
        "give more text, a smaller batch or a shorter context."
    )


@pytest.mark.parametrize("tokens", [documents([1, 1, 1]), documents([5, 3])[5:6], documents([5, 3])[2:2]])
def test_documents_without_a_token_to_predict_are_refused(tokens):
    with pytest.raises(ValueError) as error:
        Packed(tokens, 6, 1)
    assert str(error.value) == "A document must have at least 2 tokens, one to read and one to predict, and none has."


def test_a_context_or_a_seed_that_is_none_is_said():
    with pytest.raises(ValueError, match="context must be at least 1, not 0"):
        Packed([[1, 2]], 0, 1)
    with pytest.raises(ValueError, match="seed must be from 0"):
        Packed([[1, 2]], 5, -1)


@given(LENGTHS, st.integers(1, 12), SEED, st.data())
def test_a_stretch_of_the_documents_is_packed_alone(lengths, context, seed, data):
    whole = documents(lengths)
    first = data.draw(st.integers(0, len(whole) - 1))
    stretch = whole[first : data.draw(st.integers(first, len(whole)))]
    if np.diff(stretch.documents).max() < 2:
        return
    source = Packed(stretch, context, seed, pad=first)
    assert set(source.take(0, source.packed).flatten().tolist()) - {first} == set(
        range(first + 1, first + len(stretch))
    )
