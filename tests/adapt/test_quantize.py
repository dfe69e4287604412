"""Eight bits: the error is at most half a step, both ways to compute agree, and a tied head parts from its
embedding.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from glassformer.adapt.decoding import for_decoding
from glassformer.adapt.quantize import Int8Linear, absmax, int8
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.models.surgery import replace
from glassformer.models.tying import is_tied


@given(st.integers(0, 10**6), st.floats(1e-6, 1e6))
def test_the_error_is_at_most_half_a_step(seed: int, size: float) -> None:
    weight = torch.randn(5, 7, generator=torch.Generator().manual_seed(seed)) * size
    weight[3] = 0
    q, scale = absmax(weight)
    assert q.dtype == torch.int8 and q.abs().max() == 127 and (q[3] == 0).all()
    # half a step, and the rounding of a float32 quotient
    assert ((q * scale[:, None] - weight).abs() <= scale[:, None] * (0.5 + 1e-4)).all()


@pytest.mark.parametrize("bias", [True, False])
def test_one_row_and_several_agree(bias: bool) -> None:
    torch.manual_seed(0)
    part = Int8Linear(nn.Linear(13, 7, bias))
    x = torch.randn(5, 13)
    one_by_one = torch.cat([part(row[None]) for row in x])
    assert torch.allclose(part(x), one_by_one, rtol=0, atol=1e-5)  # float32, other orders
    exact = x @ (part.weight * part.scale[:, None]).T + (part.bias if bias else 0)
    assert torch.allclose(part(x), exact, rtol=0, atol=1e-5)


def test_a_tied_model_parts_and_says_so() -> None:
    torch.manual_seed(0)
    model = Llama(LlamaConfig(97, 61, 44, 3, 4, 2, 12, 53, tied=True)).eval().requires_grad_(False)
    ids = torch.randint(0, 97, (1, 11))
    before, embedding = model(ids), model.embed.weight.clone()
    with pytest.raises(ValueError, match=r"'head' must not replace one side of a tied pair"):
        replace(model, "head", lambda layer: Int8Linear(layer))  # type: ignore[arg-type]
    int8(model)
    assert model.tied == () and is_tied(model) and model.head.weight.dtype == torch.int8
    assert torch.equal(model.embed.weight, embedding)
    after = model(ids)
    assert not torch.equal(after, before)
    # 127 steps a row: each layer's answer is off by about half a percent
    assert (after - before).norm() / before.norm() < 0.05
    kept = sum(p.numel() for p in model.parameters())
    assert kept == 97 * 44 + 7 * 44  # the embedding and the norms are all that is left in floats


def test_layers_that_were_replaced_before() -> None:
    torch.manual_seed(0)
    model = for_decoding(Llama(LlamaConfig(97, 61, 44, 1, 4, 2, 12, 53)))
    with pytest.raises(ValueError, match=r"must match a layer of nn.Linear, but matches only RowLinear"):
        int8(model)
