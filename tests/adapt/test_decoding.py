"""Layers for decoding: the same numbers, the same storage, still tied; and a compiled step inside the loop."""

import pytest
import torch
from torch import nn

from glassformer.adapt.decoding import RowLinear, compiled, for_decoding
from glassformer.generate.decode import complete
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.models.tying import is_tied


def tiny(tied: bool = True) -> Llama:
    torch.manual_seed(0)
    return Llama(LlamaConfig(97, 61, 44, 3, 4, 2, 12, 53, tied=tied)).eval().requires_grad_(False)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [(), (1,), (1, 1), (3,), (2, 5)])
def test_a_row_layer_is_a_linear_layer(bias: bool, rows: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(13, 7, bias)
    x = torch.randn(*rows, 13)
    # float32 and 13 products, summed in another order
    assert torch.allclose(RowLinear(linear)(x), linear(x), rtol=0, atol=1e-6)


def test_bfloat16_is_summed_in_float32() -> None:
    torch.manual_seed(0)
    linear = nn.Linear(4096, 3).bfloat16()
    x = torch.randn(1, 4096).bfloat16()
    exact = x.double() @ linear.weight.double().T + linear.bias.double()
    # one rounding to 8 bits at the end: half a unit in the last place
    assert ((RowLinear(linear)(x).double() - exact).abs() <= exact.abs() * 2.0**-8 + 1e-6).all()


def test_replaced_layers_share_their_parameters_and_stay_tied() -> None:
    model = tiny()
    before = {name: p.data_ptr() for name, p in model.named_parameters()}
    ids = torch.randint(0, 97, (1, 11))
    expected = model(ids)
    for_decoding(model)
    assert {name: p.data_ptr() for name, p in model.named_parameters()} == before
    assert is_tied(model) and isinstance(model.head, RowLinear)
    assert isinstance(model.stack[2].attention.part.out, RowLinear)
    assert not any(type(m) is nn.Linear for m in model.modules())
    assert torch.allclose(model(ids), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", [tiny, lambda: GPT2(GPTConfig(97, 61, 44, 3, 4, 53)).eval().requires_grad_(False)])
def test_a_compiled_step_writes_the_same_tokens(family: object) -> None:
    model = family()  # type: ignore[operator]
    ids = torch.randint(0, 97, (1, 5), generator=torch.Generator().manual_seed(0))
    expected = complete(model, ids, max_new=17)
    step = compiled(for_decoding(model))
    assert torch.equal(complete(model, ids, max_new=17, step=step), expected)


def test_a_pattern_without_a_match() -> None:
    with pytest.raises(ValueError, match="must match the name of a module"):
        for_decoding(tiny(), "nothing")
