"""LLaMA in GGUF files: made here as llama.cpp's converter does it, read by us and by the reference library."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from glassformer.checkpoint.families.llama import FAMILY, GGUF_SKIP, gguf_config, gguf_rules
from glassformer.checkpoint.gguf import open_gguf
from glassformer.checkpoint.rules import LoadError, fill, publish
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.parts.rotary_scaling import Linear, LongRope, Unscaled, Yarn
from tests.conftest import skip
from tests.models.decoders import random_ids
from tests.models.parity import same

gguf = pytest.importorskip("gguf", reason="needs the GGUF package: pip install gguf")

TINY = LlamaConfig(97, 89, 42, 2, 6, 3, 10, 53, 1e-5, 500.0)
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "model.layers": "blk",
}


def interleaved(weight: Tensor, heads: int) -> Tensor:
    """What the converter does to q and k: of each head, a row of the first half, then one of the second, in turn."""
    return torch.cat([torch.stack(head.chunk(2), 1).flatten(0, 1) for head in weight.chunk(heads)])


def write(path: Path, model: Llama, extra: dict[str, Tensor] | None = None, **fields: Any) -> Path:
    """A GGUF file of ``model``; ``fields`` are added, or left out where they are none."""
    c = model.config
    own: dict[str, Any] = {
        "block_count": c.layers,
        "context_length": c.max_positions,
        "embedding_length": c.d_model,
        "feed_forward_length": c.d_ff,
        "attention.head_count": c.heads,
        "attention.head_count_kv": c.kv_heads,
        "attention.key_length": c.d_k,
        "attention.value_length": c.d_k,
        "rope.dimension_count": c.d_k,
        "rope.freq_base": c.rope_base,
        "attention.layer_norm_rms_epsilon": c.eps,
        "vocab_size": c.vocab,
    }
    own |= {name.replace("__", "."): value for name, value in fields.items() if name != "architecture"}
    writer = gguf.GGUFWriter(path, fields.get("architecture", "llama"))
    writer.add_token_list([f"t{i}" for i in range(c.vocab)])
    adders = {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string, list: writer.add_array}
    for name, value in own.items():
        if value is not None:
            adders[type(value)](f"llama.{name}", value)
    for name, tensor in publish(model, FAMILY.rules(model)):
        for theirs, short in NAMES.items():
            name = name.replace(theirs, short)
        if "attn_q." in name or "attn_k." in name:
            tensor = interleaved(tensor, c.heads if "attn_q." in name else c.kv_heads)
        writer.add_tensor(name, tensor.numpy())
    for name, tensor in (extra or {}).items():
        writer.add_tensor(name, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def tiny(**changes: Any) -> Llama:
    torch.manual_seed(0)
    model = Llama(LlamaConfig(**(TINY.__dict__ | changes)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.eval()


def read(path: Path) -> Llama:
    with open_gguf(path) as weights:
        with torch.device("meta"):
            model = Llama(gguf_config(weights.fields, weights))
        fill(model, weights, gguf_rules(model), skip=GGUF_SKIP)
    return model.eval()


@pytest.mark.parametrize(
    "changes",
    [{}, {"tied": True}, {"attention_bias": True, "mlp_bias": True}, {"kv_heads": 6}, {"d_k": 7 * 2, "kv_heads": 1}],
)
def test_what_the_converter_writes_is_read_back(tmp_path: Path, changes: dict[str, Any]) -> None:
    model = tiny(**changes)
    again = read(write(tmp_path / "tiny.gguf", model))
    assert again.config == model.config
    ids = random_ids(97, 5, 61)
    assert torch.equal(again(ids), model(ids))
    written = dict(publish(again, gguf_rules(again)))
    with open_gguf(tmp_path / "tiny.gguf") as weights:
        assert sorted(written) == weights.names()
        assert all(torch.equal(tensor, weights.tensor(name)) for name, tensor in written.items())


def test_the_reference_reads_the_same_model(tmp_path: Path) -> None:
    tf = pytest.importorskip("transformers", reason="needs the reference library")
    model = tiny(d_k=6, d_model=36)
    path = write(tmp_path / "tiny.gguf", model, attention__key_length=None, attention__value_length=None)
    theirs = tf.LlamaForCausalLM.from_pretrained(tmp_path, gguf_file=path.name).eval()
    ids = random_ids(97, 5, 61)
    same(read(path)(ids), theirs(ids).logits)


@pytest.mark.parametrize(
    ("fields", "scaling"),
    [
        ({}, Unscaled()),
        ({"rope__scaling__type": "none", "rope__scaling__factor": 4.0}, Unscaled()),
        ({"rope__scaling__type": "linear", "rope__scaling__factor": 4.0}, Linear(4.0)),
        ({"rope__scale_linear": 2.0}, Linear(2.0)),
        (
            {
                "rope__scaling__type": "yarn",
                "rope__scaling__factor": 4.0,
                "rope__scaling__original_context_length": 23,
            },
            Yarn(4.0, 23),
        ),
    ],
)
def test_scaled_rotation(tmp_path: Path, fields: dict[str, Any], scaling: object) -> None:
    assert read(write(tmp_path / "tiny.gguf", tiny(), **fields)).config.rope_scaling == scaling


def test_the_divisors_of_llama_3(tmp_path: Path) -> None:
    divisors = torch.tensor([1.0, 1.5, 2.0, 8.0, 8.0])
    model = read(write(tmp_path / "tiny.gguf", tiny(), {"rope_freqs.weight": divisors}))
    scaling = LongRope(tuple(divisors.tolist()), tuple(divisors.tolist()), 89, attention_factor=1.0)
    assert model.config.rope_scaling == scaling
    ids = random_ids(97, 5, 61)
    assert torch.equal(model(ids), tiny_with(scaling)(ids))


def tiny_with(scaling: object) -> Llama:
    model = tiny(rope_scaling=scaling)
    model.load_state_dict(tiny().state_dict())
    return model


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"architecture": "falcon"}, r"general\.architecture must be 'llama' for this model, not 'falcon'"),
        ({"expert_count": 8}, r"expert_count must be 0 for this model, not 8"),
        ({"attention__sliding_window": 4096}, r"attention\.sliding_window must be 0"),
        ({"rope__dimension_count": 4}, r"rope\.dimension_count must be 10 for this model, not 4"),
        ({"feed_forward_length": [53, 59]}, r"llama\.feed_forward_length must be the same for all layers"),
        ({"rope__scaling__type": "longrope", "rope__scaling__factor": 4.0}, r"must be none, linear or yarn"),
    ],
)
def test_what_would_change_the_numbers_is_refused(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "tiny.gguf", tiny(), **fields)
    with pytest.raises(ValueError, match=message):
        read(path)


def test_divisors_beside_a_factor_are_refused(tmp_path: Path) -> None:
    fields = {"rope__scaling__type": "linear", "rope__scaling__factor": 4.0}
    path = write(tmp_path / "tiny.gguf", tiny(), {"rope_freqs.weight": torch.ones(5)}, **fields)
    with pytest.raises(ValueError, match=r"llama\.rope\.scaling\.factor must be 1 beside rope_freqs\.weight, not 4\.0"):
        read(path)


def test_a_tensor_too_many_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "tiny.gguf", tiny(), {"blk.0.attn_sinks.weight": torch.ones(6)})
    with pytest.raises(LoadError, match=r"unused: blk\.0\.attn_sinks\.weight"):
        read(path)


def test_a_real_one() -> None:
    from glassformer.checkpoint.fetch import cached, fetch

    path = fetch("smollm2") if os.environ.get("GLASSFORMER_FULL") else cached("smollm2")
    if path is None:
        skip("SmolLM2, 93 MB", "glassformer get smollm2")
    with open_gguf(path) as weights:
        words = weights.fields["tokenizer.ggml.tokens"]
        with torch.device("meta"):
            model = Llama(gguf_config(weights.fields, weights))
        fill(model, weights, gguf_rules(model), skip=GGUF_SKIP)
    assert sum(p.numel() for p in model.parameters()) == 134_515_008  # the published count
    ids = torch.tensor([[words.index(word) for word in ("The", "Ġcapital", "Ġof", "ĠFrance", "Ġis")]])
    assert words[int(model.eval()(ids)[0, -1].argmax())] == "ĠParis"
