"""BERT's published sizes. The counts are those with the head for masked tokens."""

from dataclasses import replace

from glassformer.models.bert import Bert, BertConfig
from glassformer.models.heads import Hidden, Pooler
from glassformer.models.sizes import Size

BASE = BertConfig()
LARGE = BertConfig(d_model=1024, layers=24, heads=16, d_ff=4096)
CASED = 28996  # tokens of the vocabulary that keeps capitals


def _small(layers: int, d_model: int) -> BertConfig:
    """One of the miniatures, whose heads are 64 wide. Source: Turc et al. (2019), table 1."""
    return BertConfig(d_model=d_model, layers=layers, heads=d_model // 64, d_ff=4 * d_model)


SIZES = {
    "bert-base-uncased": Size(config=BASE, hub="google-bert/bert-base-uncased", parameters=109_514_298),
    "bert-base-cased": Size(
        config=replace(BASE, vocab=CASED), hub="google-bert/bert-base-cased", parameters=108_340_804
    ),
    "bert-large-uncased": Size(
        config=LARGE,
        hub="google-bert/bert-large-uncased",
        parameters=335_174_458,
        note="The paper's 340M counts 336M with both heads of pre-training.",
    ),
    "bert-large-cased": Size(
        config=replace(LARGE, vocab=CASED), hub="google-bert/bert-large-cased", parameters=333_610_308
    ),
    "bert-base-multilingual-cased": Size(
        config=replace(BASE, vocab=119547), hub="google-bert/bert-base-multilingual-cased", parameters=177_974_523
    ),
    "bert-tiny": Size(config=_small(2, 128), hub="google/bert_uncased_L-2_H-128_A-2", parameters=4_416_698),
    "bert-mini": Size(config=_small(4, 256), hub="google/bert_uncased_L-4_H-256_A-4", parameters=11_201_594),
    "bert-small": Size(config=_small(4, 512), hub="google/bert_uncased_L-4_H-512_A-8", parameters=28_795_194),
    "bert-medium": Size(config=_small(8, 512), hub="google/bert_uncased_L-8_H-512_A-8", parameters=41_404_730),
    "all-minilm-l6-v2": Size(
        config=BertConfig(d_model=384, layers=6, heads=12, d_ff=1536),
        hub="sentence-transformers/all-MiniLM-L6-v2",
        build=lambda config: Bert(config, Hidden(Pooler(config.d_model))),
        parameters=22_713_216,
        note="A sentence encoder, whose pooler is published and not used: the embedding is the mean over tokens.",
    ),
}
