"""Norms, feed-forward networks, experts, residual placement, the stack and taps."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from glassformer.parts.attention import Attention
from glassformer.parts.dropout import Dropout
from glassformer.parts.feedforward import FeedForward, GatedFeedForward, MixtureOfExperts
from glassformer.parts.mask import Causal
from glassformer.parts.norm import LayerNorm, RMSNorm, layer_norm
from glassformer.parts.residual import Normed, Parallel, PostNorm, PreNorm
from glassformer.parts.stack import Layer, Stack
from glassformer.parts.step import Step
from glassformer.parts.tap import Tap

B, T, D, F = 2, 5, 7, 11


def x64() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(B, T, D, dtype=torch.float64)


@given(st.sampled_from([1e-12, 1e-5, 0.1]), st.booleans())
def test_layer_norm_is_the_formula_and_pytorchs(eps: float, bias: bool) -> None:
    x = x64()
    part = LayerNorm(D, eps, bias).double()
    theirs = nn.LayerNorm(D, eps, bias=bias).double()
    nn.init.normal_(part.weight)
    theirs.load_state_dict(part.state_dict())
    assert torch.equal(part(x), theirs(x))
    # float64; the written-out form sums in another order
    assert torch.allclose(layer_norm(x, part.weight, part.bias, eps), part(x), rtol=0, atol=1e-12)


def test_layer_norm_takes_the_biased_variance() -> None:
    y = LayerNorm(2, eps=0.0)(torch.tensor([[1.0, 3.0]]))
    assert y.tolist() == [[-1.0, 1.0]]  # with D − 1 it would be ±0.7071


@given(st.sampled_from([1e-6, 1e-5, 0.1]))
def test_rms_norm_is_pytorchs(eps: float) -> None:
    x = x64()
    part, theirs = RMSNorm(D, eps).double(), nn.RMSNorm(D, eps).double()
    nn.init.normal_(part.weight)
    theirs.load_state_dict(part.state_dict())
    assert torch.allclose(part(x), theirs(x), rtol=0, atol=1e-12)


def test_rms_norm_rounds_before_the_weight_in_bfloat16() -> None:
    torch.manual_seed(1)
    x, part = torch.randn(3, 64).bfloat16(), RMSNorm(64)
    nn.init.normal_(part.weight)
    part.bfloat16()
    wide = x.float()
    rounded = (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + part.eps)).bfloat16()
    assert torch.equal(part(x), part.weight * rounded)
    assert not torch.equal(part(x), (part.weight.float() * rounded.float() * 1.001).bfloat16())


def test_feed_forward_networks_by_hand() -> None:
    x = x64()
    plain = FeedForward(D, F, nn.ReLU()).double()
    expected = torch.relu(x @ plain.up.weight.T + plain.up.bias) @ plain.down.weight.T + plain.down.bias
    assert torch.allclose(plain(x), expected, rtol=0, atol=1e-12)
    gated = GatedFeedForward(D, F, nn.SiLU(), bias=False).double()
    gate = x @ gated.gate.weight.T
    expected = (gate / (1 + torch.exp(-gate)) * (x @ gated.up.weight.T)) @ gated.down.weight.T
    assert torch.allclose(gated(x), expected, rtol=0, atol=1e-12)
    assert sum(p.numel() for p in gated.parameters()) == 3 * D * F


def test_experts_by_hand() -> None:
    x = x64()
    part = MixtureOfExperts(D, [FeedForward(D, F, nn.ReLU()) for _ in range(5)], 2).double()
    logits = part.router(x)
    expected = torch.zeros_like(x)
    for b in range(B):
        for t in range(T):
            best = logits[b, t].argsort(descending=True)[:2]
            for e, p in zip(best.tolist(), logits[b, t, best].softmax(0), strict=True):
                expected[b, t] += p * part.experts[e](x[b, t])
    assert torch.allclose(part(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("chosen", [0, 6])
def test_experts_that_are_not_there(chosen: int) -> None:
    with pytest.raises(ValueError, match=rf"chosen \({chosen}\) must be between 1 and the number of experts \(5\)"):
        MixtureOfExperts(D, [nn.Identity() for _ in range(5)], chosen)


def test_placements_by_hand() -> None:
    x = x64()
    step = Step.alone(x)
    norm, part, other = LayerNorm(D).double(), FeedForward(D, F, nn.ReLU()).double(), Attention(D, 1).double()
    nn.init.normal_(norm.weight)
    assert torch.equal(PreNorm(norm, part)(x, step), x + part(norm(x)))
    assert torch.equal(PostNorm(norm, part)(x, step), norm(x + part(x)))
    together = x + other(norm(x), step) + part(norm(x))
    assert torch.allclose(Parallel(other, part, norm)(x, step), together, rtol=0, atol=1e-12)
    own = Parallel(Normed(norm, other), Normed(LayerNorm(D).double(), part))
    expected = x + other(norm(x), step) + part(nn.functional.layer_norm(x, (D,)))
    assert torch.allclose(own(x, step), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("placement", [PreNorm, PostNorm])
def test_dropout_of_the_addition(placement: type[nn.Module]) -> None:
    x = x64()
    part = placement(nn.Identity(), FeedForward(D, F, nn.ReLU()).double(), 1.0)
    part.train()
    assert torch.equal(part(x, Step.alone(x)), x)  # all of the answer is dropped, none of the stream
    part.eval()
    assert not torch.equal(part(x, Step.alone(x)), x)


def test_layers_name_what_they_hold() -> None:
    def layer() -> Layer:
        return Layer(PreNorm(RMSNorm(D), Attention(D, 1)), PreNorm(RMSNorm(D), FeedForward(D, F, nn.ReLU())))

    stack = Stack(layer() for _ in range(3))
    names = {name for name, _ in stack.named_parameters()}
    assert {"2.attention.part.q.weight", "0.feedforward.part.down.bias"} <= names and len(stack) == 3
    x = torch.randn(B, T, D)
    step = Step(B, T, x.device, Causal())
    by_hand = x
    for one in stack:
        by_hand = one.feedforward(one.attention(by_hand, step), step)
    assert torch.equal(stack(x, step), by_hand)


def test_a_tap_can_be_watched_and_replaced() -> None:
    tap, watched = Tap("B T", 7), []
    x = torch.randn(2, 3)
    assert tap(x) is x and "B T" in repr(tap)
    handle = tap.register_forward_hook(lambda _m, _i, out: watched.append(out))
    tap(x)
    assert watched[0] is x
    handle.remove()
    tap.register_forward_hook(lambda _m, _i, out: out * 0)
    assert (tap(x) == 0).all()


@pytest.mark.parametrize("make", [lambda: Tap("B T", 7), lambda: Dropout(0.5).eval()])
def test_what_returns_at_once_still_obeys_every_kind_of_hook(make: Callable[[], nn.Module]) -> None:
    for register in ("register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook"):
        part, called = make(), []
        getattr(part, register)(lambda *_: called.append(register))  # noqa: B023
        part(torch.randn(2, 3, requires_grad=True)).sum().backward()
        assert called == [register]
