"""The optimizers against PyTorch's, step by step, and what they refuse."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from glassformer.train.optimizer import Adam, GradientDescent, Momentum, RMSProp

rates, shares = st.floats(1e-4, 0.5), st.floats(0, 0.99)


def weights(seed):
    draw = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=draw, dtype=torch.float64)) for shape in ((3, 5), (7,))]


def path(parameters, optimizer, seed, steps=11):
    """Every value of the parameters on the way down a bumpy surface whose slopes change from step to step."""
    draw, seen = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        optimizer.zero_grad()
        noise = [torch.randn(p.shape, generator=draw, dtype=torch.float64) for p in parameters]
        sum(((p - n) ** 2 + p.sin()).sum() for p, n in zip(parameters, noise, strict=True)).backward()
        optimizer.step()
        seen += [p.detach().clone() for p in parameters]
    return seen


@pytest.mark.parametrize("name", ["descent", "momentum", "rmsprop", "adam"])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), lr=rates, beta=shares, beta2=shares)
def test_equals_pytorch(name, seed, lr, beta, beta2):
    ours, theirs = weights(seed), weights(seed)
    mine, reference = {
        "descent": (lambda p: GradientDescent(p, lr), lambda p: torch.optim.SGD(p, lr)),
        "momentum": (lambda p: Momentum(p, lr, beta), lambda p: torch.optim.SGD(p, lr, momentum=beta)),
        "rmsprop": (lambda p: RMSProp(p, lr, beta), lambda p: torch.optim.RMSprop(p, lr, alpha=beta)),
        "adam": (lambda p: Adam(p, lr, (beta, beta2)), lambda p: torch.optim.Adam(p, lr, (beta, beta2))),
    }[name]
    for got, wanted in zip(path(ours, mine(ours), seed), path(theirs, reference(theirs), seed), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-12)  # float64; only the order of rounding differs


def test_a_parameter_without_a_gradient_stays():
    used, unused = weights(0)
    before = unused.detach().clone()
    optimizer = Adam([used, unused], lr=0.1)
    used.sum().backward()
    optimizer.step()
    assert torch.equal(unused, before)


def test_steps_are_counted_for_each_parameter_as_in_pytorch():
    """One whose gradient comes late starts its correction when it comes."""
    ours, theirs = weights(0), weights(0)
    for parameters, optimizer in ((ours, Adam(ours, 0.1)), (theirs, torch.optim.Adam(theirs, 0.1))):
        for step in range(5):
            optimizer.zero_grad()
            (parameters[0].sum() + (parameters[1].sum() if step >= 3 else 0)).backward()
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_gradients_add_up_unless_they_are_forgotten():
    (weight, _) = weights(0)
    optimizer = GradientDescent([weight], lr=0.1)
    for _ in range(2):
        weight.sum().backward()
    assert (weight.grad == 2).all()
    optimizer.zero_grad()
    assert weight.grad is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: GradientDescent([], 0.1), "parameters must hold at least one tensor, and are empty."),
        (lambda p: GradientDescent(p, 0.0), "lr must be a positive number, not 0.0."),
        (lambda p: GradientDescent(p, float("nan")), "lr must be a positive number, not nan."),
        (lambda p: Momentum(p, 0.1, 1.0), "beta must be from 0 up to but not including 1, not 1.0."),
        (lambda p: RMSProp(p, 0.1, eps=-1.0), "eps must be a positive number, not -1.0."),
        (lambda p: Adam(p, eps=0.0), "eps must be a positive number, not 0.0."),
        (lambda p: Adam(p, 0.1, (0.9,)), "betas must be two numbers, not (0.9,)."),
        (lambda p: Adam(p, 0.1, (0.9, 1.5)), "betas[1] must be from 0 up to but not including 1, not 1.5."),
    ],
)
def test_a_bad_value_is_named(make, message):
    with pytest.raises(ValueError) as error:
        make(weights(0))
    assert str(error.value) == message
