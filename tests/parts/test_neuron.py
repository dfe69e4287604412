import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glassformer.parts.neuron import Neuron, identity, step


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


numbers = st.floats(-5, 5)


@given(arrays(float, (7, 3), elements=numbers), arrays(float, 3, elements=numbers), numbers)
def test_equals_linear_and_sigmoid(x, w, b):
    reference = torch.nn.Linear(3, 1)
    with torch.no_grad():
        reference.weight.copy_(torch.tensor(w)[None])
        reference.bias.fill_(b)
    expected = torch.sigmoid(reference(torch.tensor(x)))[:, 0]
    # float64: a sum of four products, rounded in another order
    torch.testing.assert_close(Neuron(w, b)(torch.tensor(x)), expected, rtol=1e-12, atol=1e-12)


def test_shapes_with_a_prime_for_each_axis():
    assert Neuron([0.0] * 5)(torch.randn(2, 3, 5)).shape == (2, 3)
    assert Neuron([1.0, 2.0])(torch.randn(2)).shape == ()


def test_the_example_of_the_guide():
    neuron = Neuron([0.3, 0.8, 0.1], -2.0)
    x = torch.tensor([6.0, 1.0, 13.0])
    assert neuron.weighted_sum(x).item() == pytest.approx(1.9, rel=1e-12)
    assert neuron(x).item() == pytest.approx(0.8698915256370021, rel=1e-12)  # 1 / (1 + exp(−1.9))


def test_activations():
    z = torch.tensor([-2.0, -0.0, 0.0, 3.0])
    assert step(z).tolist() == [0, 1, 1, 1]
    assert identity(z) is z


def test_weights_and_bias_are_trained():
    neuron = Neuron([0.1, 0.2], 0.3)
    neuron(torch.randn(3, 2)).sum().backward()
    assert {name for name, p in neuron.named_parameters() if p.grad is not None} == {"weight", "bias"}


def test_weights_are_a_copy():
    given_weights = torch.ones(2)
    neuron = Neuron(given_weights)
    given_weights += 1
    assert neuron.weight.tolist() == [1, 1]


@pytest.mark.parametrize("weights", [[], [[1.0, 2.0]], 3.0])
def test_bad_weights(weights):
    with pytest.raises(ValueError, match="weights must be a list"):
        Neuron(weights)


@pytest.mark.parametrize("shape", [(4, 2), (2,), ()])
def test_bad_input(shape):
    with pytest.raises(ValueError, match=r"x must end in 3 inputs"):
        Neuron([1.0, 2.0, 3.0])(torch.zeros(shape))
