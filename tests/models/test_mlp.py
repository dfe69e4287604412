import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.mlp import MLP


@given(st.lists(st.integers(1, 23), min_size=2, max_size=5))
def test_parameter_count_is_the_formula(sizes):
    count = sum(p.numel() for p in MLP(sizes).parameters())
    assert count == sum(a * b + b for a, b in itertools.pairwise(sizes))


def test_published_count():
    assert sum(p.numel() for p in MLP([10, 20, 15, 1]).parameters()) == 551


@pytest.mark.parametrize(("function", "module"), [(torch.relu, torch.nn.ReLU()), (torch.tanh, torch.nn.Tanh())])
def test_equals_sequential_with_gradients(function, module):
    torch.manual_seed(0)
    model = MLP([3, 7, 5, 2], activation=function).double()
    reference = torch.nn.Sequential(
        torch.nn.Linear(3, 7), module, torch.nn.Linear(7, 5), module, torch.nn.Linear(5, 2)
    ).double()
    reference.load_state_dict(dict(zip(reference.state_dict(), model.state_dict().values(), strict=True)))
    x = torch.randn(11, 3, dtype=torch.float64)
    ours, theirs = model(x), reference(x)
    assert torch.equal(ours, theirs)  # the same operations in the same order
    ours.square().sum().backward()
    theirs.square().sum().backward()
    for a, b in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


def test_without_hidden_layer_it_is_linear():
    model = MLP([3, 2]).double()
    x, y = torch.randn(2, 5, 3, dtype=torch.float64)
    zero = model(torch.zeros(1, 3, dtype=torch.float64))
    torch.testing.assert_close(model(x + y) - zero, model(x) + model(y) - 2 * zero, rtol=1e-12, atol=1e-12)


def test_shapes_with_a_prime_for_each_axis():
    model = MLP([3, 5, 7])
    assert model(torch.randn(2, 11, 3)).shape == (2, 11, 7)
    assert model.hidden(torch.randn(2, 11, 3)).shape == (2, 11, 5)
    x = torch.randn(2, 3)
    assert MLP([3, 2]).hidden(x) is x


def test_initialization_is_within_the_published_bound():
    torch.manual_seed(0)
    weight = MLP([400, 300]).layers[0].weight
    assert weight.abs().max() <= 1 / 20
    assert weight.std().item() == pytest.approx(1 / 20 / 3**0.5, rel=0.01)  # uniform; 120,000 draws


@pytest.mark.parametrize("sizes", [[], [3], [3, 0], [-1, 2]])
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="sizes must be at least two positive widths"):
        MLP(sizes)
