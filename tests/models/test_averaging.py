import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.averaging import DeepAveraging

VOCAB = 19
texts = st.lists(st.lists(st.integers(1, VOCAB - 1), max_size=7), min_size=1, max_size=5)


def model(drop_words=0.0):
    torch.manual_seed(0)
    return DeepAveraging(VOCAB, 5, [11], 3, drop_words).double().eval()


def padded(rows, width=7):
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


@given(texts)
def test_equals_a_plain_loop(rows):
    network = model()
    vectors = network.embed.weight
    expected = []
    for row in rows:
        total = torch.zeros(5, dtype=torch.float64)
        for word in row:
            total = total + vectors[word]
        expected.append(network.mlp(total / len(row) if row else total))
    # Sums of seven numbers, in another order: a few roundings of float64.
    torch.testing.assert_close(network(padded(rows)), torch.stack(expected), rtol=1e-12, atol=1e-13)


@given(texts, st.integers(0, 13))
def test_padding_changes_nothing(rows, more):
    network = model()
    torch.testing.assert_close(network(padded(rows, 7 + more)), network(padded(rows)), rtol=1e-12, atol=1e-13)


@given(texts, st.randoms(use_true_random=False))
def test_the_order_of_words_changes_nothing(rows, random):
    network = model()
    shuffled = padded(rows).tolist()
    for row in shuffled:
        random.shuffle(row)  # the padding moves among the words as well
    torch.testing.assert_close(network(torch.tensor(shuffled)), network(padded(rows)), rtol=1e-12, atol=1e-13)


def test_how_often_a_word_occurs_counts():
    network = model()
    assert not torch.allclose(network(padded([[2, 3, 3]])), network(padded([[2, 3]])))


@pytest.mark.parametrize("width", [0, 1, 7])
def test_a_text_without_a_word_is_the_zero_vector(width):
    network = model()
    logits = network(torch.zeros(2, width, dtype=torch.long))
    assert torch.equal(logits, network.mlp(torch.zeros(2, 5, dtype=torch.float64)))
    assert logits.isfinite().all()


def test_gradients_reach_only_the_words_used():
    network = model()
    network(padded([[2, 3], [], [3, 17, 17]])).square().sum().backward()
    assert network.embed.weight.grad.abs().sum(-1).nonzero().flatten().tolist() == [2, 3, 17]
    assert network.embed.weight.grad.isfinite().all()


def test_words_are_left_out_in_training_only():
    network = model(drop_words=0.5)
    ids = torch.randint(1, VOCAB, (23, 29))
    assert torch.equal(network(ids), model()(ids))
    network.train()
    assert not torch.equal(network(ids), network(ids))
    # Everything left out: the average of no words, not NaN.
    assert network(torch.randint(1, VOCAB, (997, 1))).isfinite().all()


def test_the_share_of_words_left_out():
    network = DeepAveraging(2, 1, [], 2, drop_words=0.3).train()
    torch.manual_seed(0)
    average = network.average(torch.ones(100_000, 1, dtype=torch.long))
    # 100,000 draws: one standard error is 0.0014.
    assert (average == 0).float().mean().item() == pytest.approx(0.3, abs=0.006)


def test_shapes_with_a_prime_for_each_axis():
    network = DeepAveraging(19, 5, [11, 13], 3)
    ids = torch.randint(0, 19, (2, 7))
    assert network.average(ids).shape == (2, 5)
    assert network(ids).shape == (2, 3)
    assert [tuple(layer.weight.shape) for layer in network.mlp.layers] == [(11, 5), (13, 11), (3, 13)]
    assert [tuple(layer.weight.shape) for layer in DeepAveraging(19, 5, [], 3).mlp.layers] == [(3, 5)]


def test_initialization():
    torch.manual_seed(0)
    weight = DeepAveraging(10_007, 31, [], 2).embed.weight
    assert weight[0].eq(0).all()
    assert weight[1:].std().item() == pytest.approx(0.1, rel=0.01)  # 310,000 draws


def test_the_vector_of_padding_stays_zero():
    network = model().train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    network(padded([[2, 3]])).sum().backward()
    optimizer.step()
    assert network.embed.weight[0].eq(0).all()


@pytest.mark.parametrize("vocab", [0, -3])
def test_bad_vocab(vocab):
    with pytest.raises(ValueError, match=rf"vocab must be positive, not {vocab}\."):
        DeepAveraging(vocab, 5, [], 2)


@pytest.mark.parametrize("drop", [-0.1, 1, 1.5, float("nan")])
def test_bad_drop_words(drop):
    with pytest.raises(ValueError, match=rf"drop_words must be from 0 up to but not including 1, not {drop}\."):
        DeepAveraging(7, 5, [], 2, drop)


@pytest.mark.parametrize(("d_model", "hidden", "classes"), [(0, [3], 2), (5, [0], 2), (5, [3], 0)])
def test_bad_widths(d_model, hidden, classes):
    with pytest.raises(ValueError, match="sizes must be at least two positive widths"):
        DeepAveraging(7, d_model, hidden, classes)
