"""ELECTRA's checkpoints: generators and discriminators have the same ``model_type``."""

from collections.abc import Callable
from typing import Any

from torch import nn

from glassformer.checkpoint.families.bert import body, size_settings, sizes
from glassformer.checkpoint.families.shared import both, choose, head_dropout, kind_of, label_count, norm
from glassformer.checkpoint.family import Family, Settings
from glassformer.checkpoint.rules import Rule
from glassformer.models.electra import Electra, ElectraConfig, generator_head
from glassformer.models.heads import (
    Hidden,
    MaskedHead,
    MeanPooling,
    ReplacedToken,
    SequenceClassifier,
    TokenClassifier,
)


def _classifier(c: ElectraConfig, settings: Settings) -> SequenceClassifier:
    share = head_dropout(c, settings)
    return SequenceClassifier(c.d_model, label_count(settings), nn.GELU(), share, share)


HEADS: dict[str, Callable[[ElectraConfig, Settings], nn.Module]] = {
    "ForPreTraining": lambda c, _: ReplacedToken(c.d_model, c.activation()),
    "ForMaskedLM": lambda c, _: generator_head(c),
    "ForSequenceClassification": _classifier,
    "ForTokenClassification": lambda c, s: TokenClassifier(c.d_model, label_count(s), head_dropout(c, s)),
    "Model": lambda c, _: Hidden(),
}
KINDS: dict[type[nn.Module], str] = {
    ReplacedToken: "ForPreTraining",
    MaskedHead: "ForMaskedLM",
    SequenceClassifier: "ForSequenceClassification",
    TokenClassifier: "ForTokenClassification",
    Hidden: "Model",
    MeanPooling: "Model",
}


def config(settings: Settings) -> ElectraConfig:
    """From ``config.json``."""
    return ElectraConfig(
        max_positions=settings.get("max_position_embeddings", 512),
        d_embed=settings["embedding_size"],
        **sizes(settings),
    )


def settings(model: Electra) -> dict[str, Any]:
    """What the reference library reads."""
    return {
        **size_settings(model),
        "model_type": "electra",
        "architectures": ["Electra" + kind_of(model, KINDS)],
        "embedding_size": model.config.d_embed,
    }


def rules(model: Electra) -> list[Rule]:
    """The table. A model without a head of its own is stored without ``electra.`` before the names."""
    kind = kind_of(model, KINDS)
    before = "" if kind == "Model" else "electra."
    heads = {
        "ForPreTraining": [
            *both("head.dense", "discriminator_predictions.dense"),
            *both("head.out", "discriminator_predictions.dense_prediction"),
        ],
        "ForMaskedLM": [
            *both("head.dense", "generator_predictions.dense"),
            *norm("head.norm", "generator_predictions.LayerNorm"),
            *both("head.decoder", "generator_lm_head"),
        ],
        "ForSequenceClassification": [
            *both("head.dense", "classifier.dense"),
            *both("head.out", "classifier.out_proj"),
        ],
        "ForTokenClassification": both("head.out", "classifier"),
        "Model": [],
    }
    return [
        *body(before, embed_norm="embed_norm.0"),
        *both("embed_norm.2", before + "embeddings_project"),
        *heads[kind],
    ]


def _build(configuration: ElectraConfig, settings: Settings) -> Electra:
    return Electra(configuration, choose(settings, "Electra", HEADS, "ForPreTraining")(configuration, settings))


FAMILY = Family(
    "electra",
    config,
    _build,
    settings,
    rules,
    # What other heads of the same checkpoint bring, and copies of what is tied.
    skip=(
        r"(electra\.)?embeddings\.position_ids",
        r"discriminator_predictions\..*",
        r"generator_predictions\..*",
        r"generator_lm_head\..*",
    ),
    prefixes=("", "electra."),
    models=(Electra,),
)
