"""Rows for every step: what is in them, how often, and that they depend on the seed and the step alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.objectives import causal
from glassformer.train.data import Growing, InOrder, Mixture, Packed, Tokens, Windows, followed

SEED = st.integers(0, 10**6)
ORDERS = ["random", "shuffled"]
LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=20)


def counted(number):
    """Tokens that say where they stand."""
    return Tokens.of(torch.arange(number))


def documents(lengths):
    """The same, in documents."""
    return Tokens.of(np.split(np.arange(sum(lengths)), np.cumsum(lengths)[:-1]))


def every_source(seed):
    """One of each kind, of context 6, on 101 tokens in 8 documents and on two files."""
    tokens = documents([13, 1, 29, 7, 2, 19, 17, 13])
    two = Tokens((np.arange(64), np.arange(64, 101)), tokens.starts, 0, 101)
    sources = {order: Windows(tokens, 6, seed, order) for order in ORDERS}
    sources |= {"packed": Packed(tokens, 6, seed), "in two files": Windows(two, 6, seed, "shuffled")}
    sources["mixture"] = Mixture([(sources["random"], 2.0), (sources["packed"], 1.0)], seed)
    sources["curriculum"] = Mixture(
        [(sources["random"], 1.0), (sources["packed"], 1.0)], seed, lambda step: (1.0, step % 3)
    )
    sources["growing"] = Growing(sources["mixture"], lambda step: (1, 2, 3, 6)[step % 4])
    return sources


@pytest.mark.parametrize("kind", every_source(0))
@settings(max_examples=40)
@given(seed=SEED, batch=st.integers(1, 5), order=st.permutations(range(7)))
def test_rows_are_a_function_of_the_seed_and_the_step_alone(kind, seed, batch, order):
    source = every_source(seed)[kind]
    rows = [source.texts(step, batch) for step in range(7)]
    again = every_source(seed)[kind]
    for step in order:
        assert all(torch.equal(*pair) for pair in zip(again.texts(step, batch), rows[step], strict=True))
        assert torch.equal(again.rows(step, batch), rows[step][0]) and rows[step][0].dtype == torch.int64
        width = again.length(step) if kind == "growing" else 6
        assert rows[step][0].shape == rows[step][1].shape == (batch * 6 // width, width + 1)


@pytest.mark.parametrize("kind", every_source(0))
def test_another_seed_gives_other_rows(kind):
    one, two = every_source(1)[kind], every_source(2)[kind]
    assert not torch.equal(one.rows(3, 5), two.rows(3, 5)) and not torch.equal(one.rows(3, 5), one.rows(7, 5))


@pytest.mark.parametrize("kind", every_source(0))
@pytest.mark.parametrize("step, batch", [(-1, 3), (0, 0)])
def test_a_step_or_a_batch_that_is_none_is_said(kind, step, batch):
    for ask in (every_source(0)[kind].rows, every_source(0)[kind].texts):
        with pytest.raises(ValueError) as error:
            ask(step, batch)
        assert str(error.value) == f"step must be at least 0 and batch at least 1, not {step} and {batch}."


@pytest.mark.parametrize("order", ORDERS)
@given(lengths=LENGTHS, context=st.integers(1, 20), seed=SEED, data=st.data())
def test_windows_look_at_their_stretch_and_at_nothing_beside_it(order, lengths, context, seed, data):
    """What is kept apart for validation is not learned from."""
    whole = documents(lengths)
    first = data.draw(st.integers(0, len(whole)))
    last = data.draw(st.integers(first, len(whole)))
    if last - first <= context:
        with pytest.raises(ValueError) as error:
            Windows(whole[first:last], context, seed, order)
        assert str(error.value) == (
            f"There are {last - first} tokens, fewer than one window of {context + 1}: "
            f"give more text, or a shorter context."
        )
        return
    source = Windows(whole[first:last], context, seed, order)
    ids, texts = source.take_texts(3, 29)
    assert first <= ids.min() and ids.max() < last and (ids.diff() == 1).all()
    number = np.repeat(np.arange(len(lengths)), lengths)
    assert texts.tolist() == (number[ids.numpy()] - number[first] + 1).tolist()


@given(st.integers(2, 90), st.integers(1, 20), SEED)
def test_an_epoch_of_shuffled_windows_sees_each_once_and_predicts_no_token_twice(tokens, context, seed):
    if tokens <= context:
        return
    source = Windows(counted(tokens), context, seed, "shuffled")
    for epoch in range(3):
        predicted = source.take(epoch * source.windows, source.windows)[:, 1:].flatten().sort().values
        assert torch.equal(predicted, torch.arange(int(predicted[0]), int(predicted[0]) + context * source.windows))
        assert len(predicted) == tokens - 1 or len(predicted) > tokens - 2 * context, "little is left out"


def test_epochs_begin_anywhere_and_differ_in_their_order():
    source = Windows(counted(401), 4, 1, "shuffled")
    epochs = [source.starts(epoch * source.windows, source.windows) for epoch in range(60)]
    assert {int(starts.min()) for starts in epochs} == {0, 1, 2, 3}
    assert len({tuple(starts // 4) for starts in epochs}) == 60
    assert np.array_equal(source.starts(90, 20), np.concatenate(epochs[:2])[90:110]), "a batch may span two"


def test_random_windows_begin_everywhere_as_often():
    starts = Windows(counted(20), 7, 3).starts(0, 13_000)
    counts = np.bincount(starts, minlength=13)
    assert len(counts) == 13 and abs(counts - 1000).max() < 4 * 1000**0.5  # four standard deviations; a fixed seed


@pytest.mark.parametrize("order", ORDERS)
def test_fewer_tokens_than_a_batch_are_said(order):
    assert Windows(counted(29), 7, 1, order).rows(0, 4).shape == (4, 8), "28 predictions, and one token before them"
    with pytest.raises(ValueError) as error:
        Windows(counted(28), 7, 1, order).rows(0, 4)
    assert str(error.value) == (
        "There are 28 tokens, fewer than one batch of 4 × 7 and one: "
        "give more text, a smaller batch or a shorter context."
    )


@given(st.integers(2, 60), st.integers(1, 9), st.data())
def test_in_order_every_token_is_scored_once_with_as_much_before_it_as_promised(tokens, context, data):
    stride = data.draw(st.integers(1, context))
    shift = data.draw(st.integers(0, 3))
    windows = InOrder(counted(tokens + shift + 1)[shift : shift + tokens], context, stride)
    ids, scored = windows.rows(0, len(windows))
    assert ids.shape == scored.shape == (len(windows), context + 1) and ids.dtype == torch.int64
    assert sorted((ids[scored] - shift).tolist()) == list(range(1, tokens))
    assert not scored[:, 0].any() and scored.any(1).all(), "what is read first is not scored; no window is in vain"
    before = torch.arange(context + 1).expand_as(ids)
    assert (before[1:][scored[1:]] > context - stride).all()
    for row, places in zip(ids, before, strict=True):
        inside = row[0] + places < tokens + shift
        assert torch.equal(row, torch.where(inside, row[0] + places, 0))
    for number in range(len(windows)):
        assert all(torch.equal(one[0], all_[number]) for one, all_ in zip(
            windows.rows(number, number + 1), (ids, scored), strict=True
        ))  # fmt: skip


def test_the_loss_in_order_is_that_of_a_loop():
    torch.manual_seed(1)
    model = GPT2(GPTConfig(vocab=31, d_model=16, layers=2, heads=2, d_ff=24, max_positions=23, dropout=0.0)).eval()
    tokens, context, stride, losses = torch.randint(31, (41,)), 7, 3, []
    for place in range(1, 41):  # in the first window that predicts it
        first = max(0, -(-(place - context) // stride)) * stride
        losses.append(-model(tokens[None, first:place])[0, -1].log_softmax(-1)[tokens[place]].item())
    windows = InOrder(tokens, context, stride)
    ids, scored = windows.rows(0, len(windows))
    # float32, other shapes: 41 terms that differ by a few units in the last place
    assert causal.loss(model, causal.batch(ids, scored))[0].item() == pytest.approx(np.mean(losses), rel=1e-5)


def growing(length):
    return Growing(Windows(range(99), 12, 1), lambda step: length)


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: InOrder([1, 2, 3], 2, 0), "stride must be from 1 to context (2), not 0."),
        (lambda: InOrder([1, 2, 3], 2, 3), "stride must be from 1 to context (2), not 3."),
        (lambda: InOrder([1, 2, 3], 0), "context must be at least 1, not 0."),
        (lambda: InOrder([1], 2), "There must be at least 2 tokens, one to read and one to predict, not 1."),
        (lambda: InOrder([1, 2, 3], 2).rows(0, 2), "first and last must be in order from 0 to 1, not 0 and 2."),
        (lambda: InOrder([1, 2, 3], 2).rows(1, 1), "first and last must be in order from 0 to 1, not 1 and 1."),
        (lambda: Windows([1, 2, 3], 2, 1, "sorted"), "order must be 'random' or 'shuffled', not 'sorted'."),
        (lambda: Windows([1, 2, 3], 0, 1), "context must be at least 1, not 0."),
        (lambda: Windows([1, 2, 3], 2, -1), "seed must be from 0 to 2**63 - 1, not -1."),
        (lambda: growing(5).rows(2, 3), "length(2) must divide context (12), not be 5."),
        (lambda: growing(0).texts(2, 3), "length(2) must divide context (12), not be 0."),
        (lambda: growing(24).rows(2, 3), "length(2) must divide context (12), not be 24."),
    ],
)
def test_a_bad_value_is_named(make, sentence):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == sentence


@given(LENGTHS, st.sampled_from([1, 2, 3, 4, 6, 12]), SEED)
def test_growing_rows_predict_the_same_tokens(lengths, length, seed):
    whole = documents([*lengths, 30])
    for source in (Windows(whole, 12, seed, "shuffled"), Packed(whole, 12, seed)):
        ids, texts = source.texts(1, 1)
        cut_ids, cut_texts = Growing(source, lambda step: length).texts(1, 1)
        assert cut_ids.shape == (12 // length, length + 1)
        assert torch.equal(cut_ids[:, 1:].flatten(), ids[:, 1:].flatten()) and torch.equal(
            cut_ids[0], ids[0, : length + 1]
        )
        assert torch.equal(cut_ids[followed(cut_texts)], ids[followed(texts)])


def test_the_length_of_growing_rows_follows_the_step():
    whole = Windows(counted(99), 12, 1)
    source = Growing(whole, lambda step: 4 if step < 2 else 12)
    assert [source.rows(step, 3).shape for step in range(3)] == [(9, 5), (9, 5), (3, 13)]
    assert torch.equal(source.rows(2, 3), whole.rows(2, 3)) and source.context == 12


@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=7))
def test_followed_is_as_a_loop_says(texts):
    wanted = [[t > 0 and row[t] > 0 and row[t] == row[t - 1] for t in range(5)] for row in texts]
    assert followed(torch.tensor(texts)).tolist() == wanted
