"""Costs against PyTorch's own counter of operations, and against published numbers."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from glassformer.adapt.decoding import for_decoding
from glassformer.adapt.quantize import int8
from glassformer.evaluate.cost import cost
from glassformer.glass.explicit import explicit
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.models.mistral import Mistral, MistralConfig
from glassformer.models.mlp import MLP


def test_operations_are_those_that_pytorch_counts() -> None:
    context = 53
    model = Llama(LlamaConfig(97, 61, 44, 3, 4, 2, 12, 59))
    with FlopCounterMode(display=False) as counter, explicit(model):
        model(torch.zeros(1, context, dtype=torch.long))
    assert counter.get_total_flops() == cost(model, context).flops * context


def test_gpt2_small() -> None:
    with torch.device("meta"):
        model = GPT2(GPTConfig())
    found = cost(model, 1024)
    assert found.parameters == 124_439_808
    assert found.flops * 1024 == 291_648_307_200  # nanoGPT, transformer_sizing.ipynb: forward, T = 1024
    assert found.kv_bytes() == 36_864 and found.memory("float32") == 4 * 124_439_808
    assert found.memory("4-bit") == 124_439_808 / 2


@pytest.mark.parametrize(("kv_heads", "layers", "expected"), [(32, 32, 524_288), (8, 32, 131_072), (8, 80, 327_680)])
def test_the_cache_of_llamas(kv_heads: int, layers: int, expected: int) -> None:
    with torch.device("meta"):
        model = Llama(LlamaConfig(layers=layers, kv_heads=kv_heads))
    assert cost(model).kv_bytes() == expected  # LLaMA 2 7B, LLaMA 3 8B, and either's 70B


def test_a_model_that_was_changed_costs_the_same() -> None:
    model = Llama(LlamaConfig(97, 61, 44, 3, 4, 2, 12, 59)).requires_grad_(False)
    before = cost(model, 53)
    assert cost(for_decoding(model), 53) == before
    eight = cost(int8(Llama(LlamaConfig(97, 61, 44, 3, 4, 2, 12, 59))), 53)
    assert eight == before


def test_a_window_bounds_what_attention_costs() -> None:
    model = Mistral(MistralConfig(97, 61, 44, 3, 4, 2, 12, 59, window=8))
    assert cost(model, 8).flops == cost(model, 1000).flops
    assert cost(MLP([3, 5, 1])).flops == 2 * (3 * 5 + 5)


def test_what_cannot_be() -> None:
    model = GPT2(GPTConfig(97, 61, 44, 3, 4, 53))
    with pytest.raises(ValueError, match="context must be at least 1 token, not 0"):
        cost(model, 0)
    with pytest.raises(ValueError, match="kind must be one of float32, bfloat16, int8, 4-bit, not 'int4'"):
        cost(model).memory("int4")
