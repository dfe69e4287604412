"""GPT-1's checkpoints: stored as GPT-2's, without a last norm."""

from typing import Any

from glassformer.checkpoint.families.gpt2 import SKIP, layer_rules, sizes, written
from glassformer.checkpoint.families.llama import head
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rules import Rule
from glassformer.models.gpt import GPT1, GPT1Config


def config(settings: Settings) -> GPT1Config:
    """From ``config.json``. Its ``gelu`` means the tanh form; the feed-forward network is always four times as wide."""
    refuse(settings, afn=("gelu",), tie_word_embeddings=(True,))
    return GPT1Config(**sizes({**settings, "n_inner": None}))


def build(config: GPT1Config, settings: Settings) -> GPT1:
    """The model. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "OpenAIGPTLMHeadModel", "OpenAIGPTModel")
    return GPT1(config)


def settings(model: GPT1) -> dict[str, Any]:
    """What the reference library reads. Raises ``ValueError`` if the feed-forward network is not 4 · D wide."""
    c = model.config
    if c.d_ff != 4 * c.d_model:
        raise ValueError(f"d_ff ({c.d_ff}) must be 4 · d_model ({4 * c.d_model}) in a file of GPT-1.")
    return written(c, "openai-gpt", "OpenAIGPTLMHeadModel") | {"afn": "gelu"}


def rules(model: GPT1) -> list[Rule]:
    """The table."""
    return [
        Rule("embed.weight", "transformer.tokens_embed.weight"),
        Rule("positions.weight", "transformer.positions_embed.weight"),
        *layer_rules(model.config.d_model),
    ]


FAMILY = Family("openai-gpt", config, build, settings, rules, skip=SKIP, prefixes=("", "transformer."), models=(GPT1,))
