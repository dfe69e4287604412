"""Mistral's checkpoints: LLaMA's names."""

from typing import Any

from glassformer.checkpoint.families.llama import PREFIXES, SKIP, head, rules, sizes, written
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.models.mistral import Mistral, MistralConfig


def config(settings: Settings) -> MistralConfig:
    """From ``config.json``; without a ``sliding_window`` the window is that of the first release, with null none."""
    refuse(settings, hidden_act=("silu",))
    return MistralConfig(**sizes(settings), window=settings.get("sliding_window", 4096))


def build(config: MistralConfig, settings: Settings) -> Mistral:
    """The model. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "MistralForCausalLM", "MistralModel")
    return Mistral(config)


def settings(model: Mistral) -> dict[str, Any]:
    """What the reference library reads."""
    return written(model.config, "mistral", "MistralForCausalLM") | {
        "hidden_act": "silu",
        "sliding_window": model.config.window,
    }


FAMILY = Family("mistral", config, build, settings, rules, skip=SKIP, prefixes=PREFIXES, models=(Mistral,))
