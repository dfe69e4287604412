"""GPT-2 against its reference."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glassformer.checkpoint.families.gpt2 import FAMILY
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.nanogpt import NanoGPT
from tests.models.checks import dropout_places, same_gradients
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
from tests.models.parity import converted, round_trip, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")


def reference(attention: str = "sdpa", **changes: object) -> Any:
    sizes = {"vocab_size": 97, "n_positions": 61, "n_embd": 44, "n_layer": 3, "n_head": 4, "n_inner": 53}
    special = {"bos_token_id": 1, "eos_token_id": 2, "attn_implementation": attention}
    model = tf.GPT2LMHeadModel(tf.GPT2Config(**(sizes | special | changes))).eval()
    spread(model)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_parity(attention: str, dtype: torch.dtype) -> None:
    theirs = reference(attention).to(dtype)
    ours = converted(FAMILY, theirs, dtype)
    ids = random_ids(97, 5, 61)
    same(ours(ids), theirs(ids).logits)
    round_trip(FAMILY, ours, theirs)


def test_gradients() -> None:
    theirs = double(reference())
    ours = converted(FAMILY, theirs, torch.float64)
    ids = random_ids(97, 5, 61)
    ours(ids).square().mean().backward()
    theirs(ids).logits.square().mean().backward()
    same_gradients(FAMILY, ours, theirs)


def test_files(tmp_path: Path) -> None:
    files_both_ways(FAMILY, reference(), tmp_path)


def test_decoding() -> None:
    theirs = double(reference())
    ours = converted(FAMILY, theirs, torch.float64)
    decodes(ours, random_ids(97, 5, 61))
    left_padded(ours, theirs, random_ids(97, 5, 37), 3)


def test_dropout() -> None:
    theirs = reference("eager", resid_pdrop=0.1, embd_pdrop=0.2, attn_pdrop=0.3)
    ours = converted(FAMILY, theirs)
    assert set(dropout_places(ours).values()) == {0.1, 0.2, 0.3}
    drops_the_same(ours, theirs, random_ids(97, 5, 13))


def test_one_dropout_for_all_unless_given() -> None:
    assert set(dropout_places(GPT2(GPTConfig(97, 7, 44, 1, 4, 53, dropout=0.4))).values()) == {0.4}
    assert not dropout_places(GPT2(GPTConfig(97, 7, 44, 1, 4, 53, dropout=0.0)))


def test_initialization() -> None:
    torch.manual_seed(0)
    model = GPT2(GPTConfig(1009, 127, 256, 8, 4, 512))
    quarter = 0.02 / 4  # 2N = 16 matrices write to the stream
    stds = {r"(embed|positions|.*\.(q|k|v|up))\.weight": 0.02, r".*\.(out|down)\.weight": quarter}
    begins(model, stds, {r".*norm\.weight": 1.0, r".*bias": 0.0})
    # Normalized states of norm √256 times embeddings of 0.02: variance 256 · 0.02² = 0.1.
    first_loss(model, 0.05, 0.03)


def test_longer_than_the_positions() -> None:
    ours = converted(FAMILY, reference())
    with pytest.raises(ValueError, match=r"ids must fit into the 61 positions of this model; the text has 67 tokens\."):
        ours(random_ids(97, 1, 67))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation_function": "relu"}, r"activation_function must be 'gelu_new' or .*, not 'relu'\."),
        ({"scale_attn_by_inverse_layer_idx": True}, r"scale_attn_by_inverse_layer_idx must be False"),
        ({"scale_attn_weights": False}, r"scale_attn_weights must be True"),
        ({"tie_word_embeddings": False}, r"tie_word_embeddings must be True"),
        ({"architectures": ["GPT2ForTokenClassification"]}, r"architectures must be GPT2LMHeadModel or GPT2Model"),
    ],
)
def test_what_would_change_the_numbers_is_refused(change: dict[str, Any], message: str) -> None:
    settings = FAMILY.settings(GPT2(GPTConfig(97, 7, 44, 1, 4, 53)))
    with pytest.raises(ValueError, match=message):
        FAMILY.build(FAMILY.config(settings | change), settings | change)


def test_gelu_by_the_error_function_is_saved_as_such(tmp_path) -> None:
    """nanoGPT's form. The reference library computes the same from what is saved."""
    torch.manual_seed(3)
    model = NanoGPT(GPTConfig(97, 7, 44, 1, 4, 53)).eval()
    from glassformer.hub import load, save

    save(model, tmp_path)
    loaded = load(tmp_path).model
    assert isinstance(loaded, NanoGPT)
    theirs = tf.GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    ids = random_ids(97, 3, 7)
    with torch.no_grad():
        assert torch.equal(loaded(ids), model(ids))
        assert torch.allclose(theirs(ids).logits, model(ids), atol=1e-5)
