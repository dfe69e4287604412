"""GPT-1 against its reference."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glassformer.checkpoint.families.gpt1 import FAMILY
from glassformer.models.gpt import GPT1, GPT1Config
from tests.models.checks import dropout_places, same_gradients
from tests.models.decoders import begins, decodes, drops_the_same, files_both_ways, left_padded, random_ids
from tests.models.parity import converted, round_trip, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")


def reference(**changes: object) -> Any:
    """Its attention is always written out, and stays in double."""
    sizes = {"vocab_size": 97, "n_positions": 61, "n_embd": 44, "n_layer": 3, "n_head": 4}
    model = tf.OpenAIGPTLMHeadModel(tf.OpenAIGPTConfig(**(sizes | changes))).eval()
    spread(model)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity(dtype: torch.dtype) -> None:
    theirs = reference().to(dtype)
    ours = converted(FAMILY, theirs, dtype)
    ids = random_ids(97, 5, 61)
    same(ours(ids), theirs(ids).logits)
    round_trip(FAMILY, ours, theirs)


def test_gradients() -> None:
    theirs = reference().double()
    ours = converted(FAMILY, theirs, torch.float64)
    ids = random_ids(97, 5, 61)
    ours(ids).square().mean().backward()
    theirs(ids).logits.square().mean().backward()
    same_gradients(FAMILY, ours, theirs)


def test_files(tmp_path: Path) -> None:
    files_both_ways(FAMILY, reference(), tmp_path)


def test_decoding() -> None:
    theirs = reference().double()
    ours = converted(FAMILY, theirs, torch.float64)
    decodes(ours, random_ids(97, 5, 61))
    left_padded(ours, theirs, random_ids(97, 5, 37), 3)


def test_dropout() -> None:
    theirs = reference(resid_pdrop=0.1, embd_pdrop=0.2, attn_pdrop=0.3)
    ours = converted(FAMILY, theirs)
    assert set(dropout_places(ours).values()) == {0.1, 0.2, 0.3}
    drops_the_same(ours, theirs, random_ids(97, 5, 13))


def test_initialization() -> None:
    torch.manual_seed(0)
    model = GPT1(GPT1Config(1009, 127, 256, 2, 4, 1024))
    begins(
        model, {r"(embed|positions|.*\.(q|k|v|out|up|down))\.weight": 0.02}, {r".*norm\.weight": 1.0, r".*bias": 0.0}
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"afn": "relu"}, r"afn must be 'gelu' for this model, not 'relu'\."),
        ({"architectures": ["OpenAIGPTDoubleHeadsModel"]}, r"architectures must be OpenAIGPTLMHeadModel or"),
    ],
)
def test_what_would_change_the_numbers_is_refused(change: dict[str, Any], message: str) -> None:
    settings = FAMILY.settings(GPT1(GPT1Config(97, 7, 44, 1, 4, 176)))
    with pytest.raises(ValueError, match=message):
        FAMILY.build(FAMILY.config(settings | change), settings | change)


def test_a_width_that_files_cannot_say_is_not_saved() -> None:
    with pytest.raises(ValueError, match=r"d_ff \(53\) must be 4 · d_model \(176\) in a file of GPT-1\."):
        FAMILY.settings(GPT1(GPT1Config(97, 7, 44, 1, 4, 53)))
