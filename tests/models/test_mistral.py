"""Mistral against its reference."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glassformer.checkpoint.families.mistral import FAMILY
from glassformer.models.mistral import Mistral, MistralConfig
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

FORMS: dict[str, dict[str, Any]] = {
    "window": {},
    "no window": {"sliding_window": None},
    "narrowest window": {"sliding_window": 1},
    "tied, narrow heads": {"tie_word_embeddings": True, "head_dim": None, "hidden_size": 60},
}


def reference(attention: str = "sdpa", **changes: object) -> Any:
    """A window of 5 in two layers reaches 8 tokens back; texts are 61 long."""
    sizes = {
        "vocab_size": 97,
        "hidden_size": 42,
        "intermediate_size": 53,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "head_dim": 10,
        "sliding_window": 5,
        "attn_implementation": attention,
    }
    model = tf.MistralForCausalLM(tf.MistralConfig(**(sizes | changes))).eval()
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


def test_what_a_token_hears_of() -> None:
    """The window's width is 5: two layers reach 2 · (5 − 1) tokens back, and no further."""
    model = converted(FAMILY, double(reference()), torch.float64)
    ids = random_ids(97, 1, 23)
    logits = model(ids)
    for place in range(23):
        other = ids.clone()
        other[0, place] = (other[0, place] + 1) % 97
        moved = (model(other) - logits).detach().abs().amax(-1)[0] > 0
        assert moved.tolist() == [place <= t <= place + 8 for t in range(23)]


def test_dropout() -> None:
    theirs = reference("eager", attention_dropout=0.3)
    drops_the_same(converted(FAMILY, theirs), theirs, random_ids(97, 5, 13))


def test_initialization() -> None:
    torch.manual_seed(0)
    model = Mistral(MistralConfig(1009, 64, 256, 2, 8, 2, 32, 512, window=7))
    begins(model, {r"(?!.*norm).*weight": 0.02}, {r".*norm\.weight": 1.0})
    # Normalized states of norm √256 through a head of 0.02: variance 256 · 0.02² = 0.1.
    first_loss(model, 0.05, 0.03)


def test_older_files_say_less() -> None:
    settings = FAMILY.settings(Mistral(MistralConfig(97, 64, 60, 1, 6, 3, 10, 53)))
    for name in ("rope_parameters", "rope_scaling", "head_dim", "tie_word_embeddings", "sliding_window"):
        del settings[name]
    assert FAMILY.config(settings) == MistralConfig(97, 64, 60, 1, 6, 3, 10, 53, window=4096)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "gelu"}, r"hidden_act must be 'silu'"),
        ({"architectures": ["MistralForQuestionAnswering"]}, r"architectures must be MistralForCausalLM or"),
        ({"sliding_window": 0}, r"width must be at least 1, so that a token sees itself, not 0\."),
    ],
)
def test_what_would_change_the_numbers_is_refused(change: dict[str, Any], message: str) -> None:
    settings = FAMILY.settings(Mistral(MistralConfig(97, 64, 42, 1, 6, 3, 10, 53)))
    with pytest.raises(ValueError, match=message):
        FAMILY.build(FAMILY.config(settings | change), settings | change)
