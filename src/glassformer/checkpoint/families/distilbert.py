"""DistilBERT's checkpoints, which have names of their own for everything."""

from collections.abc import Callable
from typing import Any

from torch import nn

from glassformer.checkpoint.families.shared import (
    activation,
    activation_name,
    both,
    choose,
    kind_of,
    label_count,
    label_settings,
    norm,
)
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rules import Rule
from glassformer.models.distilbert import DistilBert, DistilBertConfig
from glassformer.models.heads import Hidden, MaskedHead, MeanPooling, SequenceClassifier, TokenClassifier

HEADS: dict[str, Callable[[DistilBertConfig, Settings], nn.Module]] = {
    "ForMaskedLM": lambda c, _: MaskedHead(c.d_model, c.vocab, c.activation()),
    "ForSequenceClassification": lambda c, s: SequenceClassifier(
        c.d_model, label_count(s), nn.ReLU(), s.get("seq_classif_dropout", 0.2)
    ),
    "ForTokenClassification": lambda c, s: TokenClassifier(c.d_model, label_count(s), c.dropout),
    "Model": lambda c, _: Hidden(),
}
KINDS: dict[type[nn.Module], str] = {
    MaskedHead: "ForMaskedLM",
    SequenceClassifier: "ForSequenceClassification",
    TokenClassifier: "ForTokenClassification",
    Hidden: "Model",
    MeanPooling: "Model",
}


def config(settings: Settings) -> DistilBertConfig:
    """From ``config.json``. Positions come from the file, whatever they were before training."""
    refuse(settings, tie_word_embeddings=(True,), is_decoder=(False,))
    return DistilBertConfig(
        vocab=settings["vocab_size"],
        max_positions=settings.get("max_position_embeddings", 512),
        d_model=settings["dim"],
        layers=settings["n_layers"],
        heads=settings["n_heads"],
        d_ff=settings["hidden_dim"],
        dropout=settings.get("dropout", 0.1),
        attention_dropout=settings.get("attention_dropout", 0.1),
        activation=activation(settings.get("activation", "gelu")),
    )


def settings(model: DistilBert) -> dict[str, Any]:
    """What the reference library reads."""
    c = model.config
    labels = label_settings(model.head)
    share = labels.pop("classifier_dropout", 0.2)
    return {
        "model_type": "distilbert",
        "architectures": ["DistilBert" + kind_of(model, KINDS)],
        "vocab_size": c.vocab,
        "max_position_embeddings": c.max_positions,
        "dim": c.d_model,
        "n_layers": c.layers,
        "n_heads": c.heads,
        "hidden_dim": c.d_ff,
        "dropout": c.dropout,
        "attention_dropout": c.attention_dropout,
        "seq_classif_dropout": share,
        "activation": activation_name(c.activation),
        "tie_word_embeddings": True,
        **labels,
    }


def rules(model: DistilBert) -> list[Rule]:
    """The table. A model without a head of its own is stored without ``distilbert.`` before the names."""
    kind = kind_of(model, KINDS)
    before = "" if kind == "Model" else "distilbert."
    ours, theirs = "stack.{}.", before + "transformer.layer.{}."
    table = [
        Rule("embed.weight", before + "embeddings.word_embeddings.weight"),
        Rule("positions.weight", before + "embeddings.position_embeddings.weight"),
        *norm("embed_norm", before + "embeddings.LayerNorm"),
        *both(ours + "attention.norm", theirs + "sa_layer_norm"),
        *both(ours + "feedforward.part.up", theirs + "ffn.lin1"),
        *both(ours + "feedforward.part.down", theirs + "ffn.lin2"),
        *both(ours + "feedforward.norm", theirs + "output_layer_norm"),
    ]
    for name in ("q", "k", "v", "out"):
        table += both(f"{ours}attention.part.{name}", f"{theirs}attention.{name}_lin")
    heads = {
        "ForMaskedLM": [
            *both("head.dense", "vocab_transform"),
            *both("head.norm", "vocab_layer_norm"),
            *both("head.decoder", "vocab_projector"),
        ],
        "ForSequenceClassification": [*both("head.dense", "pre_classifier"), *both("head.out", "classifier")],
        "ForTokenClassification": both("head.out", "classifier"),
        "Model": [],
    }
    return [*table, *heads[kind]]


def _build(configuration: DistilBertConfig, settings: Settings) -> DistilBert:
    return DistilBert(configuration, choose(settings, "DistilBert", HEADS)(configuration, settings))


FAMILY = Family(
    "distilbert",
    config,
    _build,
    settings,
    rules,
    # What other heads of the same checkpoint bring, and copies of what is tied.
    skip=(r"(distilbert\.)?embeddings\.position_ids", r"vocab_(transform|layer_norm|projector)\.\w+"),
    prefixes=("", "distilbert."),
    models=(DistilBert,),
)
