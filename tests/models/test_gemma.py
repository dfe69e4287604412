"""Gemma against its reference."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glassformer.checkpoint.families.gemma import FAMILY
from glassformer.models.gemma import Gemma, GemmaConfig, GemmaNorm
from tests.models.checks import same_gradients
from tests.models.decoders import (
    begins,
    decodes,
    double,
    drops_the_same,
    files_both_ways,
    from_files,
    left_padded,
    random_ids,
    to_files,
)
from tests.models.parity import converted, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")

FORMS: dict[str, dict[str, Any]] = {
    "multi-query": {"num_key_value_heads": 1},
    "multi-head": {"num_key_value_heads": 6},
    "biases": {"attention_bias": True},
    "untied": {"tie_word_embeddings": False},
}


def reference(attention: str = "sdpa", **changes: object) -> Any:
    """Without a pad token, whose embedding the reference would not train."""
    sizes = {
        "pad_token_id": None,
        "vocab_size": 97,
        "hidden_size": 42,
        "intermediate_size": 53,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "head_dim": 10,
        "attn_implementation": attention,
    }
    model = tf.GemmaForCausalLM(tf.GemmaConfig(**(sizes | changes))).eval()
    spread(model)
    return model


@pytest.mark.parametrize("form", FORMS)
def test_parity_gradients_and_files(form: str, tmp_path: Path) -> None:
    ids = random_ids(97, 5, 61)
    theirs = reference(**FORMS[form])
    same(files_both_ways(FAMILY, theirs, tmp_path)(ids), theirs(ids).logits)
    theirs = double(theirs)
    ours = converted(FAMILY, theirs, torch.float64)
    logits, expected = ours(ids), theirs(ids).logits
    same(logits, expected)
    logits.square().mean().backward()
    expected.square().mean().backward()
    same_gradients(FAMILY, ours, theirs)


def test_decoding() -> None:
    theirs = double(reference())
    ours = converted(FAMILY, theirs, torch.float64)
    decodes(ours, random_ids(97, 5, 61))
    left_padded(ours, theirs, random_ids(97, 5, 37), 3)


def test_bfloat16_rounds_where_the_reference_does() -> None:
    """√42 = 6.4807 is 6.4688 in bfloat16, and the norm multiplies before it rounds: the same bits without layers."""
    theirs = reference(num_hidden_layers=0).bfloat16()
    ours = converted(FAMILY, theirs, torch.bfloat16)
    ids = random_ids(97, 5, 61)
    assert torch.equal(ours(ids), theirs(ids).logits)
    hidden, embedded = ours.hidden(ids), ours.embed(ids)
    assert torch.equal(hidden, ours.norm(embedded * 6.46875))
    assert not torch.equal(hidden, ours.norm(embedded * 42**0.5))


def test_the_norm_stores_its_distance_from_one() -> None:
    norm = GemmaNorm(7, 1e-20).double()
    x = torch.randn(3, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(norm(x).square().mean(-1), torch.ones(3, 5, dtype=torch.float64))
    torch.nn.init.constant_(norm.weight, 1.0)
    torch.testing.assert_close(norm(x).square().mean(-1), torch.full((3, 5), 4.0, dtype=torch.float64))


def test_dropout() -> None:
    theirs = reference("eager", attention_dropout=0.3)
    drops_the_same(converted(FAMILY, theirs), theirs, random_ids(97, 5, 13))


def test_initialization() -> None:
    torch.manual_seed(0)
    model = Gemma(GemmaConfig(1009, 64, 256, 2, 8, 2, 32, 512))
    begins(model, {r"(?!.*norm).*weight": 0.02}, {r".*norm\.weight": 0.0})


@pytest.mark.parametrize("act", [{"hidden_act": "gelu"}, {"hidden_act": "gelu", "hidden_activation": None}, {}])
def test_older_files(act: dict[str, Any], tmp_path: Path) -> None:
    """The release says ``gelu`` and means the tanh form; ``rope_theta`` stands by itself; nothing of tying."""
    import json

    theirs = reference(num_key_value_heads=1)
    ours = converted(FAMILY, theirs)
    to_files(FAMILY, ours, tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    for name in ("rope_parameters", "rope_scaling", "tie_word_embeddings", "attention_bias", "hidden_act"):
        del settings[name]
    (tmp_path / "config.json").write_text(json.dumps(settings | act))
    ids = random_ids(97, 2, 61)
    same(from_files(FAMILY, tmp_path)(ids), theirs(ids).logits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "silu"}, r"hidden_act must be gelu or gelu_pytorch_tanh for this model, not 'silu'\."),
        ({"hidden_activation": "relu"}, r"hidden_activation must be gelu or gelu_pytorch_tanh"),
        ({"use_bidirectional_attention": True}, r"use_bidirectional_attention must be False or None"),
        ({"architectures": ["GemmaForTokenClassification"]}, r"architectures must be GemmaForCausalLM or"),
    ],
)
def test_what_would_change_the_numbers_is_refused(change: dict[str, Any], message: str) -> None:
    settings = FAMILY.settings(Gemma(GemmaConfig(97, 64, 42, 1, 6, 3, 10, 53)))
    with pytest.raises(ValueError, match=message):
        FAMILY.build(FAMILY.config(settings | change), settings | change)
