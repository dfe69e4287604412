"""GPT-2 against its reference."""

import pytest
import torch

from glassformer.checkpoint.families.gpt2 import FAMILY
from tests.models.parity import converted, round_trip, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")


def reference(**changes: object) -> "tf.GPT2LMHeadModel":
    sizes = {"vocab_size": 97, "n_positions": 61, "n_embd": 44, "n_layer": 3, "n_head": 4, "n_inner": 53}
    special = {"bos_token_id": 1, "eos_token_id": 2}
    model = tf.GPT2LMHeadModel(tf.GPT2Config(**(sizes | special | changes))).eval()
    spread(model)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity(dtype: torch.dtype) -> None:
    theirs = reference().to(dtype)
    ours = converted(FAMILY, theirs, dtype)
    ids = torch.randint(0, 97, (3, 61))
    same(ours(ids), theirs(ids).logits)
    round_trip(FAMILY, ours, theirs)
