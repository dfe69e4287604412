"""The step: parts of a batch add up to the whole, long gradients are cut, and what is not a number changes nothing."""

import math

import pytest
import torch

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.objectives import causal, parts
from glassformer.train.evaluate import evaluate
from glassformer.train.groups import adamw
from glassformer.train.recompute import recompute
from glassformer.train.step import DivergedError, Objective, train_step

ROWS, TOKENS, VOCAB = 5, 7, 11


def small(layers, dropout):
    return GPTConfig(vocab=VOCAB, d_model=16, layers=layers, heads=2, d_ff=24, max_positions=13, dropout=dropout)


@pytest.fixture
def model():
    torch.manual_seed(3)
    return GPT2(small(2, 0.0))


@pytest.fixture
def batch():
    chance = torch.Generator().manual_seed(7)
    ids = torch.randint(VOCAB, (ROWS, TOKENS + 1), generator=chance)
    real = torch.rand(ROWS, TOKENS + 1, generator=chance) < torch.tensor([0.9, 0.1, 0.5, 0.7, 0.3])[:, None]
    return causal.batch(ids, real)


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("number", [2, 3, 5])
def test_parts_with_different_numbers_of_real_tokens_add_up_to_the_whole(model, batch, number):
    goal, optimizer = Objective(model, causal.loss), adamw(model, lr=0.0)
    whole = train_step(goal, [batch], optimizer)
    expected = gradients(model)
    said = train_step(goal, parts(batch, number), optimizer)
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-7)  # float32 sums in another order
    assert said == pytest.approx(whole, rel=1e-5)


def test_a_long_gradient_is_cut_and_its_length_is_said(model, batch):
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    before = [weight.detach().clone() for weight in model.parameters()]
    said = train_step(Objective(model, causal.loss), [batch], optimizer, clip=0.01)
    moved = math.sqrt(
        sum(float((b - w.detach()).square().sum()) for b, w in zip(before, model.parameters(), strict=True))
    )
    assert said["gradient_norm"] > 0.1
    assert moved == pytest.approx(0.01, rel=1e-3)  # float32 differences of weights near 1


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_a_number_changes_nothing(model, batch, bad):
    def broken(model, batch):
        value, metrics = causal.loss(model, batch)
        return value * bad, metrics

    before = [weight.detach().clone() for weight in model.parameters()]
    optimizer = adamw(model, lr=0.1)
    with pytest.raises(DivergedError, match="gradient_norm is nan"):
        train_step(Objective(model, broken), [batch], optimizer)
    assert all(torch.equal(b, w) for b, w in zip(before, model.parameters(), strict=True))
    assert not optimizer.state


def test_recomputed_layers_give_the_same_gradients_with_dropout(batch):
    def one(again):
        torch.manual_seed(3)
        model = GPT2(small(3, 0.2))
        if again:
            assert recompute(model) == 3
        torch.manual_seed(5)
        train_step(Objective(model, causal.loss), [batch], adamw(model, lr=0.0))
        return gradients(model)

    plain, again = one(False), one(True)
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_recomputing_keeps_less(batch):
    """Counted: the bytes that the graph holds for the way back."""

    def held(again):
        model = GPT2(small(3, 0.0))
        if again:
            recompute(model)
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.nbytes) or t, lambda t: t):
            causal.loss(model, batch)[0]
        return sum(kept)

    assert held(True) < held(False) / 2


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_validation_does_not_depend_on_how_the_text_is_cut(model, batch, cut):
    objective = Objective(model, causal.loss)
    whole = evaluate(objective, [batch])
    pieces = [{name: tensor[first : first + cut] for name, tensor in batch.items()} for first in range(0, ROWS, cut)]
    assert evaluate(objective, pieces) == pytest.approx(whole, rel=1e-6)
    assert objective.training


def test_nothing_to_validate_on_is_said(model):
    with pytest.raises(ValueError, match="batches must not be empty"):
        evaluate(Objective(model, causal.loss), [])
