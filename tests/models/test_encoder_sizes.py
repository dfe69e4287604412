"""The published sizes of encoders and encoder-decoders have the published numbers of parameters."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from glassformer.models.bart import Bart, BartConfig
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.distilbert import DistilBert, DistilBertConfig
from glassformer.models.electra import Electra, ElectraConfig
from glassformer.models.heads import Hidden, MaskedHead, Pooler, PretrainingHead
from glassformer.models.roberta import Roberta, RobertaConfig
from glassformer.models.sizes import Size, bart, bert, distilbert, electra, roberta, t5, transformer
from glassformer.models.t5 import T5, T5Config, T5v11, T5v11Config
from glassformer.models.transformer import Transformer, TransformerConfig
from glassformer.models.ul2 import UL2, UL2Config

MODELS: dict[type, Any] = {
    BertConfig: Bert,
    DistilBertConfig: DistilBert,
    RobertaConfig: Roberta,
    ElectraConfig: Electra,
    BartConfig: Bart,
    T5Config: T5,
    T5v11Config: T5v11,
    UL2Config: UL2,
    TransformerConfig: Transformer,
}
SIZES: dict[str, Size] = {}
for family in (bert, distilbert, roberta, electra, bart, t5, transformer):
    assert not SIZES.keys() & family.SIZES.keys()
    SIZES |= family.SIZES


@cache
def count(config: Any, make_head: Callable[[Any], nn.Module] | None = None) -> int:
    """The trained parameters of a model, without making room for them."""
    with torch.device("meta"):
        model = MODELS[type(config)](config, *([make_head(config)] if make_head else []))
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def pretraining(config: BertConfig) -> nn.Module:
    return PretrainingHead(config.d_model, MaskedHead(config.d_model, config.vocab, nn.GELU()))


def pooled(config: Any) -> nn.Module:
    return Hidden(Pooler(config.d_model))


def bare(config: Any) -> nn.Module:
    return Hidden()


@pytest.mark.parametrize("name", SIZES)
def test_every_size_has_the_parameters_that_it_says(name: str) -> None:
    size = SIZES[name]
    if size.parameters is not None:
        with torch.device("meta"):
            model = (size.build or MODELS[type(size.config)])(size.config)
        assert sum(p.numel() for p in model.parameters()) == size.parameters


# Counted by others: the reference library on the meta device, or the papers' formulas where it ties what was not tied.
PUBLISHED = {
    "bert-base-uncased": 110_106_428,
    "bert-base-cased": 108_932_934,
    "bert-large-uncased": 336_226_108,
    "roberta-base": 124_697_433,
    "electra-small": 13_549_057,
    "electra-large": 335_142_913,
    "bart-base": 139_420_416,
    "t5-small": 60_506_624,
    "t5-base": 222_903_552,
    "t5-3b": 2_851_598_336,
    "t5-v1_1-small": 76_961_152,
    "t5-v1_1-large": 783_150_080,
    "t5-v1_1-xl": 2_849_757_184,
    "t5-v1_1-xxl": 11_135_332_352,
    "ul2-20b": 19_591_209_984,
    "transformer-base": 63_045_632,
    "transformer-big": 214_171_648,
}
BARE = {
    "bert-base-uncased": 109_482_240,
    "bert-base-cased": 108_310_272,
    "all-minilm-l6-v2": 22_713_216,
    "roberta-base": 124_645_632,
    "roberta-large": 355_359_744,
    "electra-small": 13_483_008,
    "electra-base": 108_891_648,
    "electra-large": 334_092_288,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name: str) -> None:
    config = SIZES[name].config
    # BERT is published with both heads of pre-training.
    assert count(config, pretraining if isinstance(config, BertConfig) else None) == PUBLISHED[name]


@pytest.mark.parametrize("name", BARE)
def test_published_counts_without_a_head(name: str) -> None:
    """BERT's and RoBERTa's with a pooler, ELECTRA's without."""
    config = SIZES[name].config
    assert count(config, bare if isinstance(config, ElectraConfig) else pooled) == BARE[name]


def test_biases_of_the_first_transformer() -> None:
    """With biases on q, k, v and out: 4 · D numbers for each of 18 attentions more."""
    base = TransformerConfig(attention_bias=True)
    assert count(base) == 63_082_496
    assert count(TransformerConfig(d_model=1024, heads=16, d_ff=4096, attention_bias=True)) == 214_245_376
    # The paper's own figures, 65M and 213M, are within 4 %: it does not say how many tokens there are exactly.
    assert abs(count(base) / 65e6 - 1) < 0.04
