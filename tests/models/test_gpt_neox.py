"""GPT-NeoX against its reference."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glassformer.checkpoint.families.gpt_neox import FAMILY
from glassformer.checkpoint.permute import PerHead
from glassformer.models.gpt_neox import GPTNeoX, GPTNeoXConfig, SequentialGPTNeoX, SequentialGPTNeoXConfig
from tests.models.checks import dropout_places, same_gradients
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

FORMS: dict[str, dict[str, Any]] = {
    "parallel": {},
    "sequential": {"use_parallel_residual": False},
    "tied": {"tie_word_embeddings": True},
    "without biases": {"attention_bias": False},
    "tanh": {"hidden_act": "gelu_new"},
    "all rotated": {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 1.0}},
    "scaled": {
        "rope_parameters": {
            "rope_type": "linear",
            "factor": 3.0,
            "rope_theta": 500.0,
            "partial_rotary_factor": 0.43,
        }
    },
}


def reference(attention: str = "sdpa", **changes: object) -> Any:
    """Heads of 14, of which int(14 · 0.3) = 4 dimensions turn."""
    sizes = {
        "vocab_size": 97,
        "hidden_size": 70,
        "intermediate_size": 53,
        "num_hidden_layers": 3,
        "num_attention_heads": 5,
        "max_position_embeddings": 17,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.3},
        "attn_implementation": attention,
    }
    model = tf.GPTNeoXForCausalLM(tf.GPTNeoXConfig(**(sizes | changes))).eval()
    spread(model)
    return model


class Renamed:
    """The reference with the head's name that files have."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def named_parameters(self) -> list[tuple[str, Any]]:
        return [(n.replace("lm_head", "embed_out"), p) for n, p in self.model.named_parameters()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("form", FORMS)
def test_parity(form: str, dtype: torch.dtype) -> None:
    theirs = reference(**FORMS[form]).to(dtype)
    if form == "tanh":
        theirs = reference(hidden_act="gelu_fast").to(dtype)  # GPT-NeoX 20B's name of it
    ours = converted(FAMILY, theirs, dtype)  # from a state dict, whose head is called lm_head
    ids = random_ids(97, 7, 61)
    same(ours(ids), theirs(ids).logits)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_and_files(form: str, tmp_path: Path) -> None:
    ours = files_both_ways(FAMILY, reference(**FORMS[form]), tmp_path)
    assert type(ours) is (SequentialGPTNeoX if form == "sequential" else GPTNeoX)
    theirs = double(reference(**FORMS[form]))
    ours = converted(FAMILY, theirs, torch.float64)
    ids = random_ids(97, 7, 61)
    ours(ids).square().mean().backward()
    theirs(ids).logits.square().mean().backward()
    same_gradients(FAMILY, ours, Renamed(theirs))  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["parallel", "sequential"])
def test_decoding(form: str) -> None:
    theirs = double(reference(**FORMS[form]))
    ours = converted(FAMILY, theirs, torch.float64)
    decodes(ours, random_ids(97, 7, 61))
    left_padded(ours, theirs, random_ids(97, 7, 37), 3)


@pytest.mark.parametrize("form", ["parallel", "sequential"])
def test_dropout(form: str) -> None:
    theirs = reference("eager", hidden_dropout=0.2, attention_dropout=0.3, **FORMS[form])
    ours = converted(FAMILY, theirs)
    assert set(dropout_places(ours).values()) == {0.2, 0.3}
    drops_the_same(ours, theirs, random_ids(97, 7, 13))


@pytest.mark.parametrize(("kind", "sizes"), [(GPTNeoX, GPTNeoXConfig), (SequentialGPTNeoX, SequentialGPTNeoXConfig)])
def test_initialization(kind: Any, sizes: Any) -> None:
    torch.manual_seed(0)
    layers, d_model = 5, 256
    model = kind(sizes(1009, 61, d_model, layers, 4, 1024))
    small, into_the_stream = (2 / (5 * d_model)) ** 0.5, 2 / (layers * d_model**0.5)
    stds = {r"(embed|head|.*\.(q|k|v|up))\.weight": small, r".*\.(out|down)\.weight": into_the_stream}
    begins(model, stds, {r".*norm\.weight": 1.0, r".*bias": 0.0})
    # Normalized states of norm √D through a head of variance 2 / 5D: variance 2/5.
    first_loss(model, 0.2, 0.05)


def test_older_files(tmp_path: Path) -> None:
    """As Pythia's: ``rotary_pct`` and ``rotary_emb_base``, stored masks and frequencies."""
    import json

    from safetensors.torch import load_file, save_file

    theirs = reference()
    theirs.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    rotation = settings.pop("rope_parameters")
    settings |= {"rotary_pct": rotation["partial_rotary_factor"], "rotary_emb_base": rotation["rope_theta"]}
    del settings["attention_bias"], settings["attention_dropout"], settings["hidden_dropout"]
    (tmp_path / "config.json").write_text(json.dumps(settings))
    weights = load_file(tmp_path / "model.safetensors")
    for layer in range(3):
        name = f"gpt_neox.layers.{layer}.attention."
        weights[name + "bias"] = torch.ones(1, 1, 17, 17)
        weights[name + "masked_bias"] = torch.tensor(-1e9)
        weights[name + "rotary_emb.inv_freq"] = torch.ones(2)
    save_file(weights, tmp_path / "model.safetensors")
    ids = random_ids(97, 2, 61)
    same(from_files(FAMILY, tmp_path)(ids), theirs(ids).logits)


def test_rows_that_do_not_divide() -> None:
    with pytest.raises(ValueError, match=r"axis 0 has 28 entries, which is no multiple of 3 · 5 heads"):
        PerHead(0, 5).load(torch.zeros(28, 7))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "relu"}, r"hidden_act must be gelu or gelu_new or .*, not 'relu'\."),
        ({"architectures": ["GPTNeoXForTokenClassification"]}, r"architectures must be GPTNeoXForCausalLM or"),
    ],
)
def test_what_would_change_the_numbers_is_refused(change: dict[str, Any], message: str) -> None:
    settings = FAMILY.settings(GPTNeoX(GPTNeoXConfig(97, 17, 80, 1, 5, 53)))
    with pytest.raises(ValueError, match=message):
        FAMILY.build(FAMILY.config(settings | change), settings | change)
