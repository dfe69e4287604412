"""Mamba's checkpoints: one matrix a name. The first releases call the embedding ``backbone.embedding``."""

from typing import Any

from glassformer.checkpoint.families.llama import head
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rules import Rule
from glassformer.models.mamba import Mamba, MambaConfig


def config(settings: Settings) -> MambaConfig:
    """From ``config.json``. The other settings of the time step are about the initialization only."""
    refuse(settings, hidden_act=("silu", "swish"), residual_in_fp32=(True,), rms_norm=(True,))
    d_model = settings["hidden_size"]
    rank = settings.get("time_step_rank", "auto")
    return MambaConfig(
        vocab=settings["vocab_size"],
        d_model=d_model,
        layers=settings["num_hidden_layers"],
        d_inner=int(settings.get("expand", 2) * d_model),  # ``intermediate_size`` is written, but not read
        d_state=settings.get("state_size", 16),
        d_conv=settings.get("conv_kernel", 4),
        dt_rank=-(-d_model // 16) if rank == "auto" else rank,
        eps=settings.get("layer_norm_epsilon", 1e-5),
        bias=settings.get("use_bias", False),
        conv_bias=settings.get("use_conv_bias", True),
        tied=settings.get("tie_word_embeddings", True),
    )


def build(config: MambaConfig, settings: Settings) -> Mamba:
    """The model. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "MambaForCausalLM", "MambaModel")
    return Mamba(config)


def settings(model: Mamba) -> dict[str, Any]:
    """What the reference library reads. Raises ``ValueError`` if the inner width is no multiple of the outer one."""
    c = model.config
    if c.d_inner % c.d_model:
        raise ValueError(f"d_inner ({c.d_inner}) must be a multiple of d_model ({c.d_model}) in a file of Mamba.")
    return {
        "model_type": "mamba",
        "architectures": ["MambaForCausalLM"],
        "vocab_size": c.vocab,
        "hidden_size": c.d_model,
        "num_hidden_layers": c.layers,
        "expand": c.d_inner // c.d_model,
        "intermediate_size": c.d_inner,
        "state_size": c.d_state,
        "conv_kernel": c.d_conv,
        "time_step_rank": c.dt_rank,
        "layer_norm_epsilon": c.eps,
        "use_bias": c.bias,
        "use_conv_bias": c.conv_bias,
        "hidden_act": "silu",
        "residual_in_fp32": True,
        "tie_word_embeddings": c.tied,
    }


def rules(model: Mamba) -> list[Rule]:
    """The table."""
    ours, theirs = "stack.{}.mixer.", "backbone.layers.{}."
    names = {"skip": "D", "A_log": "A_log", "conv.weight": "conv1d.weight", "conv.bias": "conv1d.bias"}
    for matrix in ("in_proj", "x_proj", "dt_proj", "out_proj"):
        names |= {f"{matrix}.{kind}": f"{matrix}.{kind}" for kind in ("weight", "bias")}
    return [
        Rule("embed.weight", "backbone.embeddings.weight", older=("backbone.embedding.weight",)),
        Rule("norm.weight", "backbone.norm_f.weight"),
        Rule("head.weight", "lm_head.weight"),
        Rule(ours + "norm.weight", theirs + "norm.weight"),
        *(Rule(f"{ours}part.{name}", f"{theirs}mixer.{published}") for name, published in names.items()),
    ]


FAMILY = Family(
    "mamba",
    config,
    build,
    settings,
    rules,
    skip=(r"lm_head\.weight",),
    prefixes=("", "backbone."),
    models=(Mamba,),
)
