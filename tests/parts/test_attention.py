"""Attention: both kernels against the formula written out with loops, grouped heads, masks, state, and rows that see
nothing.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from glassformer.parts.attention import Attention, CrossAttention, merge, split
from glassformer.parts.kernel import Explicit, Fused, Kernel
from glassformer.parts.mask import Causal, Everything, Mask, Padding, Window
from glassformer.parts.rotary import Rotary
from glassformer.parts.state import State
from glassformer.parts.step import Memory, Step

B, T, S, H, G, K, D = 2, 5, 7, 6, 3, 11, 66
KERNELS = [Explicit, Fused]


def by_hand(q: Tensor, k: Tensor, v: Tensor, visible: Tensor, scale: float, bias: Tensor | None = None) -> Tensor:
    """The formula, one number at a time; nothing seen gives 0."""
    out = torch.zeros(*q.shape[:3], v.shape[-1], dtype=q.dtype)
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            group = h // (q.shape[1] // k.shape[1])
            for t in range(q.shape[2]):
                keys = [s for s in range(k.shape[2]) if visible[b, t, s]]
                scores = [
                    float(q[b, h, t] @ k[b, group, s]) * scale + (0.0 if bias is None else float(bias[0, h, t, s]))
                    for s in keys
                ]
                total = sum(math.exp(score - max(scores)) for score in scores)
                for s, score in zip(keys, scores, strict=True):
                    out[b, h, t] += math.exp(score - max(scores)) / total * v[b, group, s]
    return out


def tensors(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    return (
        torch.randn(B, H, T, K, dtype=dtype),
        torch.randn(B, G, S, K, dtype=dtype),
        torch.randn(B, G, S, K, dtype=dtype),
    )


class Given(Mask):
    """A mask that is a table, ``[B, T, S]``."""

    def __init__(self, table: Tensor) -> None:
        self.table = table

    def visible(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        return self.table[:, None]


def view(table: Tensor) -> "object":
    step = Step(B, T, table.device, Given(table))
    step.keys = torch.arange(table.shape[-1])
    return step.view(Everything())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("biased", [False, True])
def test_a_kernel_is_the_formula(kernel: type[Kernel], biased: bool) -> None:
    q, k, v = tensors()
    table = torch.rand(B, T, S) > 0.4
    table[0, 0] = False  # a query that may see nothing
    table[1, 2] = True
    bias = torch.randn(1, H, T, S, dtype=q.dtype) if biased else None
    out = kernel(0.3)(q, k, v, view(table), bias)
    # float64: sums of at most 7 products, so a few units of 1e-16 for each
    assert torch.allclose(out, by_hand(q, k, v, table, 0.3, bias), rtol=0, atol=1e-12)
    assert (out[0, :, 0] == 0).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_query_that_sees_nothing_passes_back_nothing(kernel: type[Kernel]) -> None:
    q, k, v = (x.requires_grad_() for x in tensors(torch.float32))
    table = torch.ones(B, T, S, dtype=torch.bool)
    table[0, 0] = False
    kernel(0.3)(q, k, v, view(table), None).square().sum().backward()
    assert q.grad is not None and k.grad is not None and v.grad is not None
    assert (q.grad[0, :, 0] == 0).all() and (q.grad[0, :, 1] != 0).any()
    assert all(x.grad.isfinite().all() for x in (q, k, v))


@given(st.integers(1, 5), st.sampled_from([(1, 1), (2, 1), (6, 3), (6, 6)]), st.booleans())
@settings(deadline=None, max_examples=40)
def test_the_kernels_agree(tokens: int, heads: tuple[int, int], causal: bool) -> None:
    torch.manual_seed(tokens)
    x = torch.randn(3, tokens, 12)
    fused = Attention(12, *heads, kernel=Fused(0.5))
    explicit = Attention(12, *heads, kernel=Explicit(0.5))
    explicit.load_state_dict(fused.state_dict())
    step = Step(3, tokens, x.device, Causal() if causal else Everything())
    # float32 and other orders of the same sums
    assert torch.allclose(fused(x, step), explicit(x, step), rtol=0, atol=1e-6)


def test_attention_equals_pytorchs_own() -> None:
    torch.manual_seed(1)
    ours = Attention(D, H, kernel=Fused((D // H) ** -0.5)).double()
    theirs = torch.nn.MultiheadAttention(D, H, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.k.bias, ours.v.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x = torch.randn(B, T, D, dtype=torch.float64)
    real = torch.tensor([[True] * T, [True] * (T - 2) + [False] * 2])
    step = Step(B, T, x.device, Causal(), real)
    hidden = ~torch.ones(T, T, dtype=torch.bool).tril()
    expected = theirs(x, x, x, key_padding_mask=~real, attn_mask=hidden, need_weights=False)[0]
    assert torch.allclose(ours(x, step), expected, rtol=0, atol=1e-12)


def test_cross_attention_equals_pytorchs_own_and_is_kept() -> None:
    torch.manual_seed(2)
    ours = CrossAttention(D, H).double()
    theirs = torch.nn.MultiheadAttention(D, H, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.k.bias, ours.v.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, hidden = torch.randn(B, T, D, dtype=torch.float64), torch.randn(B, S, D, dtype=torch.float64)
    real = torch.rand(B, S) > 0.3
    real[:, 0] = True
    state = State([ours.new_entry(B, T, x.device, x.dtype)], B, T, x.device)
    ours.slot = 0
    memory = Memory(hidden, real)
    step = Step(B, T, x.device, Causal(), memory=memory, state=state)
    expected = theirs(x, hidden, hidden, key_padding_mask=~real, need_weights=False)[0]
    assert torch.allclose(ours(x, step), expected, rtol=0, atol=1e-12)
    state.entries[0].kv[0].mul_(2)  # what was kept is what is used …
    again = Step(B, T, x.device, Causal(), memory=memory, state=state)
    assert not torch.allclose(ours(x, again), expected, rtol=0, atol=1e-3)
    other = Memory(hidden.clone(), real)  # … and another memory is projected anew
    assert torch.allclose(
        ours(x, Step(B, T, x.device, Causal(), memory=other, state=state)), expected, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("mask", [Everything(), Window(3)])
def test_pieces_through_a_state_equal_the_whole(mask: Mask) -> None:
    torch.manual_seed(3)
    part = Attention(D, H, G, rotate=Rotary(K - 1), d_k=K - 1, mask=mask).double()
    part.slot = 0
    x = torch.randn(B, 13, D, dtype=torch.float64)
    whole = part(x, Step(B, 13, x.device, Causal()))
    state = State([part.new_entry(B, 17, x.device, x.dtype)], B, 17, x.device)
    pieces = []
    for start, end in ((0, 5), (5, 6), (6, 13)):
        pieces.append(part(x[:, start:end], Step(B, end - start, x.device, Causal(), state=state)))
        state.close(end - start)
    # float64; the same sums over the same keys, so only the order may differ
    assert torch.allclose(torch.cat(pieces, 1), whole, rtol=0, atol=1e-12)


def test_split_and_merge_are_inverse() -> None:
    x = torch.randn(B, T, H * K)
    assert split(x, H).shape == (B, H, T, K) and torch.equal(merge(split(x, H)), x)


def test_dropout_of_the_weights_happens_in_training_only() -> None:
    q, k, v = tensors(torch.float32)
    step = Step(B, T, q.device, Padding(torch.ones(B, S, dtype=torch.bool)))
    step.keys = torch.arange(S)
    for kernel in (Explicit(0.3, 0.5), Fused(0.3, 0.5)):
        eye = step.view(Everything())
        kernel.eval()
        still = kernel(q, k, v, eye, None)
        assert torch.equal(still, kernel(q, k, v, eye, None))
        kernel.train()
        assert not torch.equal(still, kernel(q, k, v, eye, None))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((66, 6, 4), r"heads \(6\) must be a multiple of kv_heads \(4\)"),
        ((66, 7), r"d_model \(66\) must be a multiple of heads \(7\)"),
        ((66, 0), r"heads \(0\) must be a multiple of kv_heads \(0\), and both at least 1"),
    ],
)
def test_heads_that_do_not_divide(arguments: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Attention(*arguments)


def test_cross_attention_needs_a_memory() -> None:
    with pytest.raises(ValueError, match="memory must be given"):
        CrossAttention(D, H)(torch.zeros(1, 1, D))
