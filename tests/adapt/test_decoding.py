"""Layers for decoding: the same numbers, the same storage, still tied; and a compiled step inside the loop."""

import pytest
import torch
from torch import nn

from glassformer.adapt.decoding import RowLinear, compiled, for_decoding
from glassformer.adapt.quantize import int8
from glassformer.generate.decode import complete
from glassformer.models import replace
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.heads import Hidden, MaskedHead
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.models.tying import is_tied
from glassformer.parts.rotary_scaling import LongRope


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


def test_a_compiled_step_in_a_large_room_rotates_as_the_text_is_long() -> None:
    """Not as the room is: a short text takes LongRope's short factors."""
    torch.manual_seed(0)
    scaling = LongRope((1.0,) * 6, (4.0, 8.0, 16.0, 2.0, 3.0, 5.0), 32)
    model = Llama(LlamaConfig(97, 61, 44, 2, 4, 2, 12, 53, rope_scaling=scaling)).eval().requires_grad_(False)
    ids = torch.randint(0, 97, (1, 6), generator=torch.Generator().manual_seed(0))
    state = model.new_state(1, 60)
    model(ids, state=state)
    again = model.new_state(1, 60)
    model(ids, state=again)
    expected = model(ids[:, :1], state=state)
    assert torch.allclose(compiled(model)(ids[:, :1], state=again), expected, rtol=0, atol=1e-6)


def test_nothing_is_changed_by_a_replacement_that_fails() -> None:
    model = for_decoding(tiny())
    with pytest.raises(ValueError, match=r"must match a layer of nn\.Linear, but matches only RowLinear"):
        int8(model)
    assert model.tied and is_tied(model)
    bert = Bert(BertConfig(97, 61, 2, 44, 2, 4, 53))
    with pytest.raises(ValueError, match="must not replace one side of a tied pair"):
        replace(bert, "head", lambda _: Hidden())
    assert isinstance(bert.head, MaskedHead)
    replace(bert, "head", lambda _: Hidden(), untied=True)
    assert not bert.tied
    bert(torch.zeros(1, 3, dtype=torch.long))


def test_a_pattern_without_a_match() -> None:
    with pytest.raises(ValueError, match="must match the name of a module"):
        for_decoding(tiny(), "nothing")
