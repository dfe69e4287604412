"""BERT's checkpoints, and what RoBERTa's and ELECTRA's share with them: the names of layers and sizes."""

from collections.abc import Callable
from typing import Any

from torch import nn

from glassformer.checkpoint.families.shared import (
    activation,
    activation_name,
    both,
    choose,
    head_dropout,
    kind_of,
    label_count,
    label_settings,
    norm,
)
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rules import Rule
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.heads import (
    Hidden,
    MaskedHead,
    MeanPooling,
    Pooler,
    PretrainingHead,
    SequenceClassifier,
    TokenClassifier,
)


def body(before: str, embed_norm: str = "embed_norm") -> list[Rule]:
    """The rules for the embedding and the layers; ``before`` stands before the published names, such as ``"bert."``."""
    ours, theirs = "stack.{}.", before + "encoder.layer.{}."
    table = [
        Rule("embed.weight", before + "embeddings.word_embeddings.weight"),
        Rule("positions.weight", before + "embeddings.position_embeddings.weight"),
        Rule("types.weight", before + "embeddings.token_type_embeddings.weight"),
        *norm(embed_norm, before + "embeddings.LayerNorm"),
    ]
    for name, published in (("q", "self.query"), ("k", "self.key"), ("v", "self.value"), ("out", "output.dense")):
        table += both(f"{ours}attention.part.{name}", f"{theirs}attention.{published}")
    table += norm(ours + "attention.norm", theirs + "attention.output.LayerNorm")
    table += both(ours + "feedforward.part.up", theirs + "intermediate.dense")
    table += both(ours + "feedforward.part.down", theirs + "output.dense")
    return table + norm(ours + "feedforward.norm", theirs + "output.LayerNorm")


def sizes(settings: Settings) -> dict[str, Any]:
    """The fields of the configuration that BERT, RoBERTa and ELECTRA read alike."""
    refuse(
        settings,
        is_decoder=(False,),
        add_cross_attention=(False,),
        position_embedding_type=("absolute",),
        tie_word_embeddings=(True,),
    )
    return {
        "vocab": settings["vocab_size"],
        "types": settings.get("type_vocab_size", 2),
        "d_model": settings["hidden_size"],
        "layers": settings["num_hidden_layers"],
        "heads": settings["num_attention_heads"],
        "d_ff": settings["intermediate_size"],
        "eps": settings.get("layer_norm_eps", 1e-12),
        "dropout": settings.get("hidden_dropout_prob", 0.1),
        "attention_dropout": settings.get("attention_probs_dropout_prob", 0.1),
        "activation": activation(settings.get("hidden_act", "gelu")),
    }


def size_settings(model: Any) -> dict[str, Any]:
    """``sizes``, backwards, with the labels of a classifier."""
    c = model.config
    return {
        "vocab_size": c.vocab,
        "max_position_embeddings": c.max_positions,
        "type_vocab_size": c.types,
        "hidden_size": c.d_model,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "intermediate_size": c.d_ff,
        "layer_norm_eps": c.eps,
        "hidden_dropout_prob": c.dropout,
        "attention_probs_dropout_prob": c.attention_dropout,
        "hidden_act": activation_name(c.activation),
        "tie_word_embeddings": True,
        **label_settings(model.head),
    }


def _masked(c: BertConfig) -> MaskedHead:
    return MaskedHead(c.d_model, c.vocab, c.activation(), c.eps)


HEADS: dict[str, Callable[[BertConfig, Settings], nn.Module]] = {
    "ForMaskedLM": lambda c, _: _masked(c),
    "ForPreTraining": lambda c, _: PretrainingHead(c.d_model, _masked(c)),
    "ForSequenceClassification": lambda c, s: SequenceClassifier(
        c.d_model, label_count(s), nn.Tanh(), head_dropout(c, s)
    ),
    "ForTokenClassification": lambda c, s: TokenClassifier(c.d_model, label_count(s), head_dropout(c, s)),
    "Model": lambda c, _: Hidden(Pooler(c.d_model)),
    "MeanPooling": lambda c, _: MeanPooling(),  # no name of the reference's: a sentence encoder's folder says it
}
KINDS: dict[type[nn.Module], str] = {
    MaskedHead: "ForMaskedLM",
    PretrainingHead: "ForPreTraining",
    SequenceClassifier: "ForSequenceClassification",
    TokenClassifier: "ForTokenClassification",
    Hidden: "Model",
    MeanPooling: "Model",
    Pooler: "Model",
}


def config(settings: Settings) -> BertConfig:
    """From ``config.json``."""
    return BertConfig(max_positions=settings.get("max_position_embeddings", 512), **sizes(settings))


def settings(model: Bert) -> dict[str, Any]:
    """What the reference library reads."""
    return {
        "model_type": "bert",
        "architectures": ["Bert" + kind_of(model, KINDS)],
        **size_settings(model),
    }


def _predictions(ours: str) -> list[Rule]:
    transform = "cls.predictions.transform."
    return [
        *both(ours + "dense", transform + "dense"),
        *norm(ours + "norm", transform + "LayerNorm"),
        Rule(ours + "decoder.weight", "cls.predictions.decoder.weight"),  # only if it is not tied
        Rule(ours + "decoder.bias", "cls.predictions.bias", older=("cls.predictions.decoder.bias",)),
    ]


def rules(model: Bert) -> list[Rule]:
    """The table. A model without a head of its own is stored without ``bert.`` before the names."""
    kind = kind_of(model, KINDS)
    before = "" if kind == "Model" else "bert."
    pooler = before + "pooler.dense"
    heads = {
        "ForMaskedLM": _predictions("head."),
        "ForPreTraining": [
            *_predictions("head.masked."),
            *both("head.pooler.dense", pooler),
            *both("head.out", "cls.seq_relationship"),
        ],
        "ForSequenceClassification": [*both("head.dense", pooler), *both("head.out", "classifier")],
        "ForTokenClassification": both("head.out", "classifier"),
        "Model": [*both("head.pooler.dense", pooler), *both("head.dense", pooler)],
    }
    return [*body(before), *heads[kind]]


FAMILY = Family(
    "bert",
    config,
    lambda configuration, settings: Bert(configuration, choose(settings, "Bert", HEADS)(configuration, settings)),
    settings,
    rules,
    # What other heads of the same checkpoint bring, and copies of what is tied.
    skip=(r"(bert\.)?embeddings\.position_ids", r"(bert\.)?pooler\.dense\.\w+", r"cls\..*"),
    prefixes=("", "bert."),
    models=(Bert,),
)
