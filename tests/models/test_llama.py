"""LLaMA against its reference."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glassformer.checkpoint.families.llama import FAMILY
from glassformer.models.llama import Llama, LlamaConfig
from tests.models.checks import same_gradients
from tests.models.decoders import (
    begins,
    decodes,
    double,
    drops_the_same,
    files_both_ways,
    first_loss,
    from_files,
    left_padded,
    random_ids,
)
from tests.models.parity import converted, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")

ROPES = {
    "default": {},
    "linear": {"factor": 3.0},
    "dynamic": {"factor": 3.0},
    "llama3": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 13,
    },
    "yarn": {"factor": 4.0, "original_max_position_embeddings": 17},
    "longrope": {
        "short_factor": [1.0, 1.1, 1.3, 1.7, 1.9],
        "long_factor": [1.0, 1.5, 2.3, 3.1, 4.1],
        "factor": 4.0,
        "original_max_position_embeddings": 17,
    },
}
FORMS: dict[str, dict[str, Any]] = {
    "grouped": {},
    "multi-head": {"num_key_value_heads": 6},
    "multi-query": {"num_key_value_heads": 1},
    "biases of attention": {"attention_bias": True},
    "biases of the feed-forward network": {"mlp_bias": True},
    "tied": {"tie_word_embeddings": True},
    "narrow heads": {"head_dim": None, "hidden_size": 60},
}


def reference(attention: str = "sdpa", rope: str = "default", **changes: object) -> Any:
    """Tiny and random. Its longest text has 17 tokens, so that texts of 61 are beyond every scaling's length."""
    sizes = {
        "vocab_size": 97,
        "hidden_size": 42,
        "intermediate_size": 53,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "head_dim": 10,
        "max_position_embeddings": 17,
        "rope_parameters": {"rope_type": rope, "rope_theta": 500.0, **ROPES[rope]},
        "attn_implementation": attention,
    }
    model = tf.LlamaForCausalLM(tf.LlamaConfig(**(sizes | changes))).eval()
    spread(model)
    return model


def share_frequencies(theirs: Any, ours: Any) -> None:
    """Give the reference our frequencies, which are its own up to the rounding of float32: in double, a last bit of
    theirs would show at every position.
    """
    rotate, rotary = ours.stack[0].attention.part.rotate, theirs.model.rotary_emb
    for name, length in (("inv_freq", 1), ("original_inv_freq", 1), ("long_inv_freq", 61)):
        omega, _ = rotate.scaling.frequencies(10, 500.0, length, torch.device("cpu"))
        if hasattr(rotary, name):
            torch.testing.assert_close(omega, getattr(rotary, name).float(), rtol=1e-6, atol=0)  # a few last bits
        setattr(rotary, name, omega)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rope", ROPES)
def test_parity_with_every_rotation(rope: str, dtype: torch.dtype) -> None:
    theirs = reference(rope=rope)
    theirs = double(theirs) if dtype == torch.float64 else theirs
    ours = converted(FAMILY, theirs, dtype)
    if dtype == torch.float64 and rope in ("llama3", "yarn", "longrope"):
        share_frequencies(theirs, ours)
    for tokens in (61, 11):
        ids = random_ids(97, 5, tokens)
        same(ours(ids), theirs(ids).logits)


@pytest.mark.parametrize("form", FORMS)
def test_parity_and_gradients(form: str, tmp_path: Path) -> None:
    files_both_ways(FAMILY, reference(**FORMS[form]), tmp_path)
    theirs = double(reference(**FORMS[form]))
    ours = converted(FAMILY, theirs, torch.float64)
    ids = random_ids(97, 5, 61)
    logits, expected = ours(ids), theirs(ids).logits
    same(logits, expected)
    logits.square().mean().backward()
    expected.square().mean().backward()
    same_gradients(FAMILY, ours, theirs)


@pytest.mark.parametrize("rope", [name for name in ROPES if name != "dynamic"])
def test_decoding(rope: str) -> None:
    theirs = double(reference(rope=rope))
    ours = converted(FAMILY, theirs, torch.float64)
    share_frequencies(theirs, ours)
    ids = random_ids(97, 5, 16)  # longrope changes its divisors beyond 17, for cached keys too late
    decodes(ours, ids)
    left_padded(ours, theirs, ids[:, :11], 3)


def test_dynamic_scaling_with_a_cache_is_the_references_with_a_cache() -> None:
    """Each key keeps the angle of the length at which it was written, there and here; without a cache all are anew."""
    theirs = reference(rope="dynamic")
    ours = converted(FAMILY, theirs)
    ids = random_ids(97, 5, 37)
    key = "cache" if "cache" in theirs(ids[:, :1], use_cache=True) else "past_key_values"
    state, kept, parts, expected = ours.new_state(5, 37), None, [], []
    for chunk in ids.split([23, *[1] * 14], 1):
        parts.append(ours(chunk, state=state))
        out = theirs(chunk, use_cache=True, **{key: kept})
        kept = out[key]
        expected.append(out.logits)
    same(torch.cat(parts, 1), torch.cat(expected, 1))
    assert float((torch.cat(parts, 1) - ours(ids)).detach().abs().max()) > 1e-3


def test_dropout() -> None:
    theirs = reference("eager", attention_dropout=0.3)
    drops_the_same(converted(FAMILY, theirs), theirs, random_ids(97, 5, 13))


def test_initialization() -> None:
    torch.manual_seed(0)
    model = Llama(LlamaConfig(1009, 64, 256, 2, 8, 2, 32, 512, attention_bias=True, mlp_bias=True))
    begins(model, {r"(?!.*norm).*weight": 0.02}, {r".*norm\.weight": 1.0, r".*bias": 0.0})
    # Normalized states of norm √256 through a head of 0.02: variance 256 · 0.02² = 0.1.
    first_loss(model, 0.05, 0.03)


@pytest.mark.parametrize("rope", ["default", "linear", "dynamic", "yarn"])
def test_older_files(rope: str, tmp_path: Path) -> None:
    """Before ``rope_parameters``: a base, and a scaling with a ``type``; frequencies among the weights."""
    import json

    from safetensors.torch import load_file, save_file

    theirs = reference(rope=rope)
    theirs.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    settings |= {"rope_theta": settings.pop("rope_parameters")["rope_theta"]}
    settings["rope_scaling"] = {"type": rope, **ROPES[rope]} if rope != "default" else None
    del settings["head_dim"], settings["attention_bias"], settings["mlp_bias"], settings["tie_word_embeddings"]
    settings["hidden_size"] = 60
    theirs = reference(rope=rope, hidden_size=60, head_dim=None)
    theirs.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(5)
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(settings))
    ids = random_ids(97, 2, 61)
    same(from_files(FAMILY, tmp_path)(ids), theirs(ids).logits)


def test_bfloat16_rounds_where_the_reference_does() -> None:
    """RMSNorm rounds before its weight multiplies: with no layers at all the bits are the reference's."""
    theirs = reference(num_hidden_layers=0).bfloat16()
    ours = converted(FAMILY, theirs, torch.bfloat16)
    ids = random_ids(97, 5, 61)
    assert torch.equal(ours(ids), theirs(ids).logits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "gelu"}, r"hidden_act must be 'silu' for this model, not 'gelu'\."),
        ({"rope_scaling": {"type": "su"}}, r"rope_type must be default, linear, .* not 'su'\."),
        ({"partial_rotary_factor": 0.5}, r"partial_rotary_factor must be 1\.0 for this model, not 0\.5\."),
        ({"rope_parameters": {"full_attention": {"rope_type": "default"}}}, "must be the same for all layers"),
        (
            {"architectures": ["LlamaForSequenceClassification"]},
            r"architectures must be LlamaForCausalLM or LlamaModel",
        ),
    ],
)
def test_what_would_change_the_numbers_is_refused(change: dict[str, Any], message: str) -> None:
    settings = FAMILY.settings(Llama(LlamaConfig(97, 17, 42, 1, 6, 3, 10, 53))) | {"rope_parameters": None}
    with pytest.raises(ValueError, match=message):
        FAMILY.build(FAMILY.config(settings | change), settings | change)
