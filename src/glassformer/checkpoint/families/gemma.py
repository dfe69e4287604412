"""Gemma's checkpoints: LLaMA's names. Norms are stored as their distance from 1, and so kept."""

from typing import Any

from glassformer.checkpoint.families.llama import PREFIXES, SKIP, head, rules, sizes, written
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.models.gemma import Gemma, GemmaConfig


def config(settings: Settings) -> GemmaConfig:
    """From ``config.json``. Its ``gelu`` means the tanh form, as the release had it."""
    # hidden_activation is what files of 2024 added, to say what hidden_act meant
    act = {"gelu": "tanh", "gelu_pytorch_tanh": "tanh", None: "tanh"}
    for name in ("hidden_act", "hidden_activation"):
        if settings.get(name) not in act:
            raise ValueError(f"{name} must be gelu or gelu_pytorch_tanh for this model, not {settings[name]!r}.")
    refuse(settings, use_bidirectional_attention=(False, None))
    return GemmaConfig(
        **sizes({"head_dim": 256, **settings}, tied=True), attention_bias=settings.get("attention_bias", False)
    )


def build(config: GemmaConfig, settings: Settings) -> Gemma:
    """The model. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "GemmaForCausalLM", "GemmaModel")
    return Gemma(config)


def settings(model: Gemma) -> dict[str, Any]:
    """What the reference library reads."""
    return written(model.config, "gemma", "GemmaForCausalLM") | {
        "hidden_act": "gelu_pytorch_tanh",
        "attention_bias": model.config.attention_bias,
    }


FAMILY = Family("gemma", config, build, settings, rules, skip=SKIP, prefixes=PREFIXES, models=(Gemma,))
