"""PaLM's checkpoints. Google published none, so files have our own names; the reference's state dict loads."""

import re
from dataclasses import asdict
from typing import Any

from glassformer.checkpoint.family import Family, Settings
from glassformer.checkpoint.rules import How, Piece, Rule
from glassformer.models.palm import Palm, PalmConfig


def config(settings: Settings) -> PalmConfig:
    """From the settings that ``settings`` writes: the fields by their own names."""
    return PalmConfig(**{name: settings[name] for name in PalmConfig.__dataclass_fields__})


def settings(model: Palm) -> dict[str, Any]:
    """The fields by their own names. No other library reads it."""
    return {"model_type": "glassformer-palm", "architectures": ["Palm"], **asdict(model.config)}


def rules(model: Palm) -> list[Rule]:
    """Our own names."""
    names = dict.fromkeys(re.sub(r"\d+", "{}", name) for name, _ in model.named_parameters())
    return [Rule(name, name) for name in names]


def reference_rules(model: Palm, gamma: How) -> list[Rule]:
    """The table for a state dict of ``palm-rlhf-pytorch``, whose model rotates with xPos unless that is switched off.

    Its versions differ in ``gamma``: newer ones store the norm's weight minus 1, ``Shifted(1.0)``, older ones (0.2) as
    it is, ``How()``.
    One matrix makes q, k, v, the value and the gate.
    """
    c = model.config
    widths = (c.heads * c.d_k, c.d_k, c.d_k, c.d_ff, c.d_ff)
    ours, theirs = "stack.{}.parallel.", "layers.{}.fn."
    read = ("attention.q", "attention.k", "attention.v", "feedforward.up", "feedforward.gate")
    return [
        Rule("embed.weight", "token_emb.weight"),
        *(
            Rule(f"{ours}{name}.weight", theirs + "fused_attn_ff_proj.weight", Piece(index, widths))
            for index, name in enumerate(read)
        ),
        Rule(ours + "attention.out.weight", theirs + "attn_out.weight"),
        Rule(ours + "feedforward.down.weight", theirs + "ff_out.2.weight"),
        Rule(ours + "norm.weight", theirs + "norm.gamma", gamma),
        Rule("norm.weight", "norm.gamma", gamma),
    ]


REFERENCE_SKIP = (r".*\.?beta", r".*rotary_emb\..*", r"to_logits\.weight")
FAMILY = Family(
    "glassformer-palm", config, lambda configuration, _: Palm(configuration), settings, rules, models=(Palm,)
)
