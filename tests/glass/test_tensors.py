"""What the explorer says about tensors: every tap of the models has an entry, and what the entries name exists."""

from typing import Any

import pytest
import torch

from glassformer.glass.trace import trace
from glassformer.glass.widgets.explorer import explorer_of, pass_of
from glassformer.glass.widgets.tensors import ROLES, STAGES, entry, made_by, role
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.models.mamba import Mamba, MambaConfig
from glassformer.models.mixtral import Mixtral, MixtralConfig
from glassformer.models.rnn import RecurrentConfig, RecurrentLM
from glassformer.models.t5 import T5, T5Config
from tests.glass.small import IDS, SOURCE

MODELS = {
    "llama": lambda: Llama(LlamaConfig(97, 61, 83, 2, 6, 3, 14, 59)),
    "gpt": lambda: GPT2(GPTConfig(97, 61, 55, 3, 5, 59)),
    "bert": lambda: Bert(BertConfig(97, 61, 3, 24, 2, 4, 53)),
    "t5": lambda: T5(T5Config(vocab=97, d_model=24, d_ff=53)),
    "mixtral": lambda: Mixtral(
        MixtralConfig(vocab=97, d_model=32, layers=2, heads=4, kv_heads=2, d_k=8, d_ff=29, experts=4)
    ),
    "mamba": lambda: Mamba(MambaConfig(vocab=97, d_model=24, layers=2, d_inner=48, d_state=5, dt_rank=3)),
    "rnn": lambda: RecurrentLM(RecurrentConfig(vocab=97, d_model=24, d_hidden=24)),
}
WITHOUT_ATTENTION = ("mamba", "rnn")


@pytest.mark.parametrize("name", MODELS)
def test_every_tap_of_a_model_has_an_entry_and_its_pass_opens_at_every_stage(name: str) -> None:
    torch.manual_seed(0)
    model = MODELS[name]()
    found = trace(model, IDS, **({"source": SOURCE} if name == "t5" else {}))
    for record in found.values():
        assert role(record) in ROLES
    data: dict[str, Any] = pass_of(model, found)
    named = {tensor["name"] for tensor in data["tensors"]}
    assert sum(max(1, len(tensor["layers"])) for tensor in data["tensors"]) == len(found) + 1  # and the ids
    assert {"ids", "embedded"} <= named and (data["heads"] == 0) == (name in WITHOUT_ATTENTION)
    for stage in STAGES:
        assert explorer_of(data, "a text", stage=stage).state()["stage"] == stage


@pytest.mark.parametrize("name", ROLES)
def test_what_an_entry_names_exists(name: str) -> None:
    assert ROLES[name].stage in STAGES and ROLES[name].what.endswith(".") and ROLES[name].formula
    for where in ROLES[name].code:
        assert callable(made_by(where))
    for where, lines in entry(name)["code"]:
        assert where.split(" · ")[0].endswith(".py") and (not lines or lines.startswith(("def ", "class ", "@")))


def test_a_tap_without_an_entry_is_named() -> None:
    from glassformer.glass.recording import Record

    with pytest.raises(KeyError, match=r"stack\.0\.drums"):
        role(Record("stack.0.drums", "B T", 9, (1, 2)))
