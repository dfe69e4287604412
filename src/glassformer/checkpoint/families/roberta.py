"""RoBERTa's checkpoints: BERT's names for the layers, other names for the heads."""

from collections.abc import Callable
from typing import Any

from torch import nn

from glassformer.checkpoint.families.bert import body, size_settings, sizes
from glassformer.checkpoint.families.shared import both, choose, head_dropout, kind_of, label_count, norm
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rules import Rule
from glassformer.models.heads import Hidden, MaskedHead, MeanPooling, Pooler, SequenceClassifier, TokenClassifier
from glassformer.models.roberta import Roberta, RobertaConfig


def _classifier(c: RobertaConfig, settings: Settings) -> SequenceClassifier:
    share = head_dropout(c, settings)
    return SequenceClassifier(c.d_model, label_count(settings), nn.Tanh(), share, share)


HEADS: dict[str, Callable[[RobertaConfig, Settings], nn.Module]] = {
    "ForMaskedLM": lambda c, _: MaskedHead(c.d_model, c.vocab, nn.GELU(), c.eps),
    "ForSequenceClassification": _classifier,
    "ForTokenClassification": lambda c, s: TokenClassifier(c.d_model, label_count(s), head_dropout(c, s)),
    "Model": lambda c, _: Hidden(Pooler(c.d_model)),
}
KINDS: dict[type[nn.Module], str] = {
    MaskedHead: "ForMaskedLM",
    SequenceClassifier: "ForSequenceClassification",
    TokenClassifier: "ForTokenClassification",
    Hidden: "Model",
    MeanPooling: "Model",
    Pooler: "Model",
}


def config(settings: Settings) -> RobertaConfig:
    """From ``config.json``, which counts the two unused rows as positions."""
    refuse(settings, pad_token_id=(1,))
    return RobertaConfig(max_positions=settings["max_position_embeddings"] - 2, **sizes(settings))


def settings(model: Roberta) -> dict[str, Any]:
    """What the reference library reads."""
    return {
        **size_settings(model),
        "model_type": "roberta",
        "architectures": ["Roberta" + kind_of(model, KINDS)],
        "max_position_embeddings": model.config.max_positions + 2,
        "pad_token_id": 1,
    }


def rules(model: Roberta) -> list[Rule]:
    """The table. A model without a head of its own is stored without ``roberta.`` before the names."""
    kind = kind_of(model, KINDS)
    before = "" if kind == "Model" else "roberta."
    heads = {
        "ForMaskedLM": [
            *both("head.dense", "lm_head.dense"),
            *norm("head.norm", "lm_head.layer_norm"),
            Rule("head.decoder.weight", "lm_head.decoder.weight"),
            Rule("head.decoder.bias", "lm_head.bias", older=("lm_head.decoder.bias",)),
        ],
        "ForSequenceClassification": [
            *both("head.dense", "classifier.dense"),
            *both("head.out", "classifier.out_proj"),
        ],
        "ForTokenClassification": both("head.out", "classifier"),
        "Model": [*both("head.pooler.dense", before + "pooler.dense"), *both("head.dense", before + "pooler.dense")],
    }
    return [*body(before), *heads[kind]]


FAMILY = Family(
    "roberta",
    config,
    lambda configuration, settings: Roberta(configuration, choose(settings, "Roberta", HEADS)(configuration, settings)),
    settings,
    rules,
    # What other heads of the same checkpoint bring, and copies of what is tied.
    skip=(r"(roberta\.)?embeddings\.position_ids", r"(roberta\.)?pooler\.dense\.\w+", r"lm_head\..*"),
    prefixes=("", "roberta."),
    models=(Roberta,),
)
