"""Mixtral's checkpoints: LLaMA's names, and three matrices for each expert: w1 is the gate, w3 up, w2 down.

A state dict of the reference library holds all experts of a layer in one stack; that loads too.
"""

from typing import Any

from glassformer.checkpoint.families.llama import ATTENTION, NORMS, PREFIXES, SKIP, head, layer_rules, sizes, written
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.permute import OfExpert
from glassformer.checkpoint.rules import Rule
from glassformer.models.mixtral import Mixtral, MixtralConfig


def config(settings: Settings) -> MixtralConfig:
    """From ``config.json``. Noise on the router's input, which some trainings want, is not supported."""
    refuse(settings, hidden_act=("silu",), router_jitter_noise=(0, None))
    return MixtralConfig(
        **sizes({"rms_norm_eps": 1e-5, **settings}, base=1000000.0),
        experts=settings["num_local_experts"],
        chosen=settings["num_experts_per_tok"],
        window=settings.get("sliding_window"),
    )


def build(config: MixtralConfig, settings: Settings) -> Mixtral:
    """The model. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "MixtralForCausalLM", "MixtralModel")
    return Mixtral(config)


def settings(model: Mixtral) -> dict[str, Any]:
    """What the reference library reads."""
    c = model.config
    return written(c, "mixtral", "MixtralForCausalLM") | {
        "hidden_act": "silu",
        "num_local_experts": c.experts,
        "num_experts_per_tok": c.chosen,
        "sliding_window": c.window,
    }


def rules(model: Mixtral) -> list[Rule]:
    """The table."""
    ours, theirs = "stack.{}.feedforward.part.", "model.layers.{}.block_sparse_moe."
    stacks = "model.layers.{}.mlp."
    places = {
        "gate": ("w1", "gate_up_proj", 0, 2),
        "up": ("w3", "gate_up_proj", 1, 2),
        "down": ("w2", "down_proj", 0, 1),
    }
    return [
        *layer_rules(NORMS, ATTENTION),
        Rule(ours + "router.weight", theirs + "gate.weight", older=(stacks + "gate.weight",)),
        *(
            Rule(
                f"{ours}experts.{expert}.{name}.weight",
                f"{theirs}experts.{expert}.{single}.weight",
                OfExpert(expert, piece, pieces),
                older=(f"{stacks}experts.{stack}",),
            )
            for expert in range(model.config.experts)
            for name, (single, stack, piece, pieces) in places.items()
        ),
    ]


FAMILY = Family("mixtral", config, build, settings, rules, skip=SKIP, prefixes=PREFIXES, models=(Mixtral,))
