"""The running average against PyTorch's, what is put back, and what is saved."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from glassformer.train.average import Average
from tests.train.test_groups import gpt, through_safetensors


def wander(model, step):
    """Other weights, which depend on the step alone."""
    draw = torch.Generator().manual_seed(step)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw).to(parameter.dtype))


def copies(model):
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@settings(max_examples=10)
@given(decay=st.floats(0, 0.9999), steps=st.integers(0, 7))
def test_equals_pytorch(decay, steps):
    model = gpt()
    ours, theirs = Average(model, decay), AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    for step in range(steps):
        wander(model, step)
        ours.update()
        theirs.update_parameters(model)
    assert equal(ours.weights.values(), theirs.module.parameters())  # the same operation
    assert ours.updates == theirs.n_averaged


def test_the_formula():
    weight = nn.Linear(1, 1, bias=False).double()
    average, by_hand = Average(weight, 0.75), None
    for value in (2.0, 10.0, -4.0):
        nn.init.constant_(weight.weight, value)
        average.update()
        by_hand = value if by_hand is None else 0.75 * by_hand + 0.25 * value
    assert average.weights["weight"].item() == by_hand == 2.0  # 2, then 4, then 2: exact in binary


def test_applied_and_put_back():
    model = gpt()
    average, ids = Average(model, 0.5), torch.arange(7)[None]
    for step in range(3):
        wander(model, step)
        average.update()
    own, logits = copies(model), model.eval()(ids)
    with average.applied() as inside:
        assert inside is model
        assert equal(copies(model), average.weights.values())
        assert not torch.equal(model(ids), logits)
        with average.applied():
            pass
        assert equal(copies(model), average.weights.values())
    assert equal(copies(model), own) and torch.equal(model(ids), logits)


def test_put_back_after_an_error():
    model = gpt()
    average = Average(model)
    wander(model, 0)
    own = copies(model)
    with pytest.raises(KeyboardInterrupt), average.applied():
        wander(model, 1)
        raise KeyboardInterrupt
    assert equal(copies(model), own)


def test_tied_weights_stay_tied_and_are_kept_once():
    model = gpt()
    average = Average(model)
    assert "embed.weight" in average.weights and "head.weight" not in average.weights
    with average.applied():
        assert model.head.weight is model.embed.weight


def test_gradients_and_optimizers_do_not_notice():
    model = gpt()
    average = Average(model)
    parameters = list(model.parameters())
    with average.applied():
        assert all(a is b for a, b in zip(parameters, model.parameters(), strict=True))
    assert all(parameter.requires_grad and parameter.grad is None for parameter in parameters)
    assert not any(weight.requires_grad for weight in average.weights.values())


def test_averages_of_16_bit_weights_are_kept_in_32():
    """A change of a thousandth is below what bfloat16 can tell at 1, which is 1/256."""
    weight = nn.Linear(1, 1, bias=False).bfloat16()
    average = Average(weight, 0.999)
    for value in (1.0, *[2.0] * 200):
        nn.init.constant_(weight.weight, value)
        average.update()
    assert average.weights["weight"].dtype == torch.float32
    assert average.weights["weight"].item() == pytest.approx(2 - 0.999**200, rel=1e-5)  # 200 roundings of 6e-8
    with average.applied():
        assert weight.weight.dtype == torch.bfloat16 and 1 < weight.weight.item() < 2
    assert weight.weight.item() == 2


def test_a_saved_average_goes_on_to_the_same_bits():
    def run(model, average, steps):
        for step in steps:
            wander(model, step)
            average.update()

    whole, first, second = gpt(), gpt(), gpt(seed=1)
    wanted, before, after = (Average(model, 0.9) for model in (whole, first, second))
    run(whole, wanted, range(6))
    run(first, before, range(3))
    second.load_state_dict(first.state_dict())
    after.load_state_dict(through_safetensors(before.state_dict()))
    run(second, after, range(3, 6))
    assert equal(after.weights.values(), wanted.weights.values()) and after.updates == 6
    assert not equal(before.weights.values(), after.weights.values())  # loading copied


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Average(gpt(), 1.0), "decay must be from 0 up to but not including 1, not 1.0."),
        (lambda: Average(gpt(), float("nan")), "decay must be from 0 up to but not including 1, not nan."),
        (
            lambda: Average(gpt()).load_state_dict(Average(gpt(vocab=31)).state_dict()),
            "state must be of this model: the shape of embed.weight is (29, 14) here and (31, 14) there.",
        ),
        (
            lambda: Average(nn.Linear(2, 3)).load_state_dict(Average(nn.Linear(2, 3, bias=False)).state_dict()),
            "state must be of this model: the shape of bias is (3,) here and none there.",
        ),
        (
            lambda: Average(nn.Linear(2, 3, bias=False)).load_state_dict(Average(nn.Linear(2, 3)).state_dict()),
            "state must be of this model: the shape of bias is none here and (3,) there.",
        ),
    ],
)
def test_a_bad_value_is_named(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == message
