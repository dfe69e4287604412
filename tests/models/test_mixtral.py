"""Mixtral against its reference."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from glassformer.checkpoint.families.mixtral import FAMILY
from glassformer.checkpoint.permute import OfExpert
from glassformer.models.mixtral import Mixtral, MixtralConfig
from tests.models.checks import same_gradients
from tests.models.decoders import (
    begins,
    decodes,
    double,
    drops_the_same,
    files_both_ways,
    left_padded,
    random_ids,
)
from tests.models.parity import converted, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")

FORMS: dict[str, dict[str, Any]] = {
    "two of seven": {},
    "one of seven": {"num_experts_per_tok": 1},
    "all seven": {"num_experts_per_tok": 7},
    "window, tied": {"sliding_window": 5, "tie_word_embeddings": True},
}


def reference(attention: str = "sdpa", **changes: object) -> Any:
    sizes = {
        "vocab_size": 97,
        "hidden_size": 42,
        "intermediate_size": 53,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "head_dim": 10,
        "num_local_experts": 7,
        "num_experts_per_tok": 2,
        "attn_implementation": attention,
        "experts_implementation": "eager",
    }
    model = tf.MixtralForCausalLM(tf.MixtralConfig(**(sizes | changes))).eval()
    spread(model)
    return model


class Unstacked:
    """The reference with the experts apart, under the names that files have."""

    def __init__(self, model: Any) -> None:
        self.parameters: list[tuple[str, Tensor]] = []
        for name, parameter in model.named_parameters():
            name = name.replace(".mlp.", ".block_sparse_moe.")
            if "experts." not in name:
                self.parameters.append((name, parameter))
                continue
            root, kind = name.rsplit(".", 1)
            letters = ("w1", "w3") if kind == "gate_up_proj" else ("w2",)
            for number, (stack, gradient) in enumerate(zip(parameter, parameter.grad, strict=True)):
                pieces = zip(letters, stack.chunk(len(letters)), gradient.chunk(len(letters)), strict=True)
                for letter, piece, grad in pieces:
                    alone = piece.detach().clone()
                    alone.grad = grad
                    self.parameters.append((f"{root}.{number}.{letter}.weight", alone))

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        return self.parameters


@pytest.mark.parametrize("form", FORMS)
def test_parity_gradients_and_files(form: str, tmp_path: Path) -> None:
    """Files have the experts apart, the state dict that ``converted`` reads has them in stacks."""
    ids = random_ids(97, 5, 61)
    theirs = reference(**FORMS[form])
    ours = files_both_ways(FAMILY, theirs, tmp_path, experts_implementation="eager")
    same(ours(ids), theirs(ids).logits)
    theirs = double(theirs)
    ours = converted(FAMILY, theirs, torch.float64)
    logits, expected = ours(ids), theirs(ids).logits
    same(logits, expected)
    logits.square().mean().backward()
    expected.square().mean().backward()
    same_gradients(FAMILY, ours, Unstacked(theirs))  # type: ignore[arg-type]


def test_decoding() -> None:
    theirs = double(reference())
    ours = converted(FAMILY, theirs, torch.float64)
    decodes(ours, random_ids(97, 5, 61))
    left_padded(ours, theirs, random_ids(97, 5, 37), 3)


def test_dropout() -> None:
    theirs = reference("eager", attention_dropout=0.3)
    drops_the_same(converted(FAMILY, theirs), theirs, random_ids(97, 5, 13))


def test_initialization() -> None:
    torch.manual_seed(0)
    model = Mixtral(MixtralConfig(1009, 64, 256, 2, 8, 2, 32, 512, experts=3))
    begins(model, {r"(?!.*norm).*weight": 0.02}, {r".*norm\.weight": 1.0})


def test_a_stack_that_does_not_divide() -> None:
    for shape in [(2, 6, 5), (3, 7, 5), (3, 2, 2, 5)]:
        with pytest.raises(ValueError, match="it is no stack of at least 3 experts of 2 matrices each"):
            OfExpert(2, 0, 2).load(torch.zeros(shape))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "gelu"}, r"hidden_act must be 'silu'"),
        ({"router_jitter_noise": 0.1}, r"router_jitter_noise must be 0 or None"),
        ({"num_experts_per_tok": 8}, r"chosen \(8\) must be between 1 and the number of experts \(7\)"),
        ({"architectures": ["MixtralForTokenClassification"]}, r"architectures must be MixtralForCausalLM or"),
    ],
)
def test_what_would_change_the_numbers_is_refused(change: dict[str, Any], message: str) -> None:
    settings = FAMILY.settings(Mixtral(MixtralConfig(97, 64, 42, 1, 6, 3, 10, 53, experts=7)))
    with pytest.raises(ValueError, match=message):
        FAMILY.build(FAMILY.config(settings | change), settings | change)
