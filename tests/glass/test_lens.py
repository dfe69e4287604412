"""The logit lens."""

import re

import pytest
import torch
from torch import nn

from glassformer.glass.lens import lens, top_tokens
from glassformer.glass.trace import trace
from tests.glass.small import IDS, MODELS, Letters, beside, small


@pytest.mark.parametrize("name", MODELS)
def test_the_last_layer_is_the_model_itself(name):
    model = small(name)
    found = trace(model, IDS, **beside(name))
    logits = lens(model, found)
    assert logits.shape == (found.layers() + 1, 7, 97)
    # float32: the head reads all layers at once here, and may sum in another order
    assert torch.allclose(logits[-1], found.logits, rtol=0, atol=1e-5)
    assert not torch.allclose(logits[-2], found.logits, rtol=0, atol=1e-2)


def test_a_layer_is_the_head_on_its_normalized_stream():
    model = small()
    found = trace(model, IDS)
    stream = found.stream(0).double()
    centered = stream - stream.mean(-1, keepdim=True)
    normed = centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    expected = (normed * model.norm.weight.double() + model.norm.bias.double()) @ model.head.weight.double().T
    torch.testing.assert_close(
        lens(model, found)[1].double(), expected.detach(), rtol=0, atol=1e-4
    )  # float32, |x| < 40


def test_a_shorter_model_is_what_the_lens_shows():
    """A model whose later layers do nothing says what the lens reads after the layer before them."""
    model = small()
    found = trace(model, IDS)
    logits = lens(model, found)
    model.stack = type(model.stack)(list(model.stack)[:2])
    assert torch.equal(trace(model, IDS).logits, logits[2])


def test_some_positions_only():
    model = small()
    found = trace(model, IDS, taps=["embedded", "*.stream"])
    torch.testing.assert_close(lens(model, found, [4, -1]), lens(model, found)[:, [4, -1]], rtol=0, atol=1e-4)


def test_top_tokens():
    logits = torch.zeros(2, 3, 97)
    logits[1, 2, 10], logits[1, 2, 20] = 9.0, 8.0
    top = top_tokens(logits, lambda i: Letters().decode([i]), 2)
    assert (len(top), len(top[0]), len(top[0][0])) == (2, 3, 2)
    (first, p), (second, q) = top[1][2]
    chances = logits[1, 2].softmax(-1)
    assert (first, second) == ("*", "4") and (p, q) == (chances[10].item(), chances[20].item())


def test_the_model_is_left_as_it_was():
    model = small().train()
    found = trace(model, IDS)
    logits = lens(model, found)
    assert all(module.training for module in model.modules()) and not logits.requires_grad


def test_errors():
    model = small()
    with pytest.raises(ValueError, match=re.escape("taps must match 'embedded' for its values to be kept")):
        lens(model, trace(model, IDS, taps="*.stream"))
    found = trace(model, IDS)
    model.head = nn.Sequential(nn.Linear(55, 2), nn.Flatten())
    with pytest.raises(ValueError, match="model must have a head that gives logits of its vocabulary"):
        lens(model, found)
