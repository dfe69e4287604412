"""Qwen 2 and Qwen 3 against their references."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glassformer.checkpoint.families.qwen import FAMILIES as PUBLISHED
from glassformer.models.qwen import Qwen2, Qwen2Config, Qwen3, Qwen3Config
from tests.models.checks import same_gradients
from tests.models.decoders import (
    begins,
    decodes,
    double,
    drops_the_same,
    files_both_ways,
    first_loss,
    left_padded,
    random_ids,
)
from tests.models.parity import converted, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")

FAMILIES = {"Qwen2": PUBLISHED["qwen2"], "Qwen3": PUBLISHED["qwen3"]}
MODELS: dict[str, Any] = {"Qwen2": (Qwen2, Qwen2Config), "Qwen3": (Qwen3, Qwen3Config)}
FORMS: dict[str, dict[str, Any]] = {
    "full": {},
    "tied": {"tie_word_embeddings": True},
    "window in the last layer": {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 2},
    "window everywhere": {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 0},
    "yarn": {
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 500.0,
            "factor": 4.0,
            "original_max_position_embeddings": 17,
        }
    },
}


def reference(kind: str, attention: str = "sdpa", **changes: object) -> Any:
    sizes: dict[str, Any] = {
        "vocab_size": 97,
        "hidden_size": 60,
        "intermediate_size": 53,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "attn_implementation": attention,
    }
    sizes |= {"hidden_size": 42, "head_dim": 10} if kind == "Qwen3" else {}
    model = getattr(tf, f"{kind}ForCausalLM")(getattr(tf, f"{kind}Config")(**(sizes | changes))).eval()
    spread(model)
    return model


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("form", FORMS)
def test_parity_gradients_and_files(kind: str, form: str, tmp_path: Path) -> None:
    ids = random_ids(97, 5, 61)
    theirs = reference(kind, **FORMS[form])
    same(files_both_ways(FAMILIES[kind], theirs, tmp_path)(ids), theirs(ids).logits)
    theirs = double(theirs)
    ours = converted(FAMILIES[kind], theirs, torch.float64)
    if form == "yarn":  # in double, a last bit of the reference's own float32 frequencies would show
        theirs.model.rotary_emb.inv_freq = ours.stack[0].attention.part.rotate.scaling.frequencies(
            10, 500.0, 1, torch.device("cpu")
        )[0]
    logits, expected = ours(ids), theirs(ids).logits
    same(logits, expected)
    logits.square().mean().backward()
    expected.square().mean().backward()
    same_gradients(FAMILIES[kind], ours, theirs)


def test_qwen_3_with_biases(tmp_path: Path) -> None:
    theirs = reference("Qwen3", attention_bias=True)
    ids = random_ids(97, 5, 61)
    same(files_both_ways(FAMILIES["Qwen3"], theirs, tmp_path)(ids), theirs(ids).logits)


@pytest.mark.parametrize("kind", FAMILIES)
def test_decoding(kind: str) -> None:
    theirs = double(reference(kind, **FORMS["window in the last layer"]))
    ours = converted(FAMILIES[kind], theirs, torch.float64)
    decodes(ours, random_ids(97, 5, 61))
    left_padded(ours, theirs, random_ids(97, 5, 37), 3)


@pytest.mark.parametrize("kind", FAMILIES)
def test_dropout(kind: str) -> None:
    theirs = reference(kind, "eager", attention_dropout=0.3)
    drops_the_same(converted(FAMILIES[kind], theirs), theirs, random_ids(97, 5, 13))


@pytest.mark.parametrize(("kind", "sizes"), MODELS.values())
def test_initialization(kind: Any, sizes: Any) -> None:
    torch.manual_seed(0)
    model = kind(sizes(1009, 64, 256, 2, 8, 2, 32, 512))
    begins(model, {r"(?!.*norm).*weight": 0.02}, {r".*norm\.weight": 1.0, r".*bias": 0.0})
    # Normalized states of norm √256 through a head of 0.02: variance 256 · 0.02² = 0.1.
    first_loss(model, 0.05, 0.03)


def test_where_the_biases_are() -> None:
    def biased(model: torch.nn.Module) -> set[str]:
        return {name.split(".")[-2] for name, _ in model.named_parameters() if name.endswith("bias")}

    assert biased(Qwen2(Qwen2Config(97, 64, 60, 1, 6, 2, 10, 53))) == {"q", "k", "v"}
    assert biased(Qwen3(Qwen3Config(97, 64, 60, 1, 6, 2, 10, 53))) == set()
    assert biased(Qwen3(Qwen3Config(97, 64, 60, 1, 6, 2, 10, 53, attention_bias=True))) == {"q", "k", "v", "out"}


def test_older_files_say_less() -> None:
    settings = FAMILIES["Qwen2"].settings(Qwen2(Qwen2Config(97, 64, 60, 3, 6, 2, 10, 53)))
    for name in ("rope_parameters", "rope_scaling", "head_dim", "tie_word_embeddings", "layer_types"):
        del settings[name]
    settings |= {"use_sliding_window": False, "sliding_window": 131072, "max_window_layers": 28}
    assert FAMILIES["Qwen2"].config(settings) == Qwen2Config(97, 64, 60, 3, 6, 2, 10, 53)


@pytest.mark.parametrize(("first", "window"), [(2, 5), (0, 5), (3, None), (28, None)])
def test_older_files_count_the_layers_without_a_window(first: int, window: int | None) -> None:
    settings = FAMILIES["Qwen2"].settings(Qwen2(Qwen2Config(97, 64, 60, 3, 6, 2, 10, 53)))
    del settings["layer_types"]
    read = FAMILIES["Qwen2"].config(
        settings | {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": first}
    )
    reference = tf.Qwen2Config(
        num_hidden_layers=3, use_sliding_window=True, sliding_window=5, max_window_layers=first
    ).layer_types
    assert read.window == window
    assert [window is not None and n >= read.full_layers for n in range(3)] == [
        kind == "sliding_attention" for kind in reference
    ]


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "gelu"}, r"hidden_act must be 'silu'"),
        ({"architectures": ["QwenModel"]}, r"architectures must be Qwen\dForCausalLM or"),
        (
            {"use_sliding_window": True, "layer_types": ["sliding_attention", "full_attention"]},
            r"layer_types must be full attention first and then a sliding window",
        ),
        (
            {"sliding_window": None, "layer_types": ["full_attention", "sliding_attention"]},
            r"sliding_window must be given",
        ),
    ],
)
def test_what_would_change_the_numbers_is_refused(kind: str, change: dict[str, Any], message: str) -> None:
    family, (model, sizes) = FAMILIES[kind], MODELS[kind]
    settings = family.settings(model(sizes(97, 64, 60, 2, 6, 2, 10, 53)))
    with pytest.raises(ValueError, match=message):
        family.build(family.config(settings | change), settings | change)
