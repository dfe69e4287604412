"""The published sizes of decoders: as many parameters as published, and settings that come back the same."""

import json
from functools import cache
from typing import Any

import pytest
import torch

from glassformer.checkpoint.families import gemma, gpt1, gpt2, gpt_neox, llama, mistral, mixtral, palm, qwen
from glassformer.checkpoint.family import Family
from glassformer.models import sizes
from glassformer.models.gemma import GemmaConfig
from glassformer.models.gpt import GPT1Config, GPTConfig
from glassformer.models.gpt_neox import GPTNeoXConfig, SequentialGPTNeoXConfig
from glassformer.models.llama import LlamaConfig
from glassformer.models.mistral import MistralConfig
from glassformer.models.mixtral import MixtralConfig
from glassformer.models.palm import PalmConfig
from glassformer.models.qwen import Qwen2Config, Qwen3Config

FAMILIES: dict[type, Family] = {
    GPT1Config: gpt1.FAMILY,
    GPTConfig: gpt2.FAMILY,
    LlamaConfig: llama.FAMILY,
    GPTNeoXConfig: gpt_neox.FAMILY,
    SequentialGPTNeoXConfig: gpt_neox.FAMILY,
    PalmConfig: palm.FAMILY,
    MistralConfig: mistral.FAMILY,
    MixtralConfig: mixtral.FAMILY,
    GemmaConfig: gemma.FAMILY,
    Qwen2Config: qwen.FAMILIES["qwen2"],
    Qwen3Config: qwen.FAMILIES["qwen3"],
}
SIZES = {name: size for name, size in sizes.sizes().items() if type(size.config) in FAMILIES}

# Counted by others: the reference library's own models on the meta device, and SmolLM2's file.
PUBLISHED = {
    "gpt1": 116_534_784,
    "gpt2": 124_439_808,
    "gpt2-large": 774_030_080,
    "gpt3-175b": 174_604_259_328,
    "llama-7b": 6_738_415_616,
    "llama-33b": 32_528_943_616,
    "llama-65b": 65_285_660_672,
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "llama-3-8b": 8_030_261_248,
    "llama-3-70b": 70_553_706_496,
    "llama-3.2-3b": 3_212_749_824,
    "pythia-70m": 70_426_624,
    "pythia-160m": 162_322_944,
    "pythia-410m": 405_334_016,
    "pythia-1b": 1_011_781_632,
    "pythia-1.4b": 1_414_647_808,
    "pythia-2.8b": 2_775_208_960,
    "pythia-6.9b": 6_857_302_016,
    "pythia-12b": 11_846_072_320,
    "smollm2-135m": 134_515_008,
}


@cache
def model(name: str) -> Any:
    size = SIZES[name]
    family = FAMILIES[type(size.config)]
    with torch.device("meta"):
        return family.build(size.config, {})


@pytest.mark.parametrize("name", SIZES)
def test_count_and_settings(name: str) -> None:
    built, size = model(name), SIZES[name]
    family = FAMILIES[type(size.config)]
    assert sum(p.numel() for p in built.parameters()) == size.parameters
    assert size.parameters == PUBLISHED.get(name, size.parameters)
    assert family.config(json.loads(json.dumps(family.settings(built)))) == size.config
    assert type(built) in family.models


def test_every_published_count_has_a_size() -> None:
    assert PUBLISHED.keys() <= SIZES.keys()


@pytest.mark.parametrize(("name", "billions"), [("palm-8b", 8.63), ("palm-62b", 62.50), ("palm-540b", 540.35)])
def test_palm_without_norms(name: str, billions: float) -> None:
    matrices = sum(p.numel() for p in model(name).parameters() if p.ndim == 2)
    assert round(matrices / 1e9, 2) == billions
    assert f"{matrices:,}" in SIZES[name].note
    assert f"{sum(p.numel() for p in model(name).parameters() if p.ndim == 1):,}" in SIZES[name].note


def test_names_are_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from glassformer.models.sizes import gemma as one
    from glassformer.models.sizes import mistral as other

    assert len(sizes.sizes()) >= len(SIZES)
    monkeypatch.setattr(one, "SIZES", one.SIZES | {"mistral-7b-v0.1": other.SIZES["mistral-7b-v0.1"]})
    with pytest.raises(ValueError, match=r"Two families have a size named 'mistral-7b-v0\.1'\."):
        sizes.sizes()
