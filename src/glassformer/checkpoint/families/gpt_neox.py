"""GPT-NeoX's checkpoints, Pythia's among them: q, k and v as one matrix, head by head."""

from typing import Any

from glassformer.checkpoint.families.llama import head
from glassformer.checkpoint.family import Family, Settings
from glassformer.checkpoint.permute import PerHead
from glassformer.checkpoint.rope import rope, rope_settings, table
from glassformer.checkpoint.rules import Rule
from glassformer.models.gpt_neox import GPTNeoX, GPTNeoXConfig, SequentialGPTNeoX, SequentialGPTNeoXConfig

GELUS = {"gelu": "none", "gelu_new": "tanh", "gelu_fast": "tanh", "gelu_pytorch_tanh": "tanh"}


def config(settings: Settings) -> GPTNeoXConfig:
    """From ``config.json``; ``rotary_pct`` and ``rotary_emb_base`` are the older names of the rotation's settings.

    ``use_parallel_residual`` says for which of the two models it is.
    """
    found = table(settings)
    share = found.get("partial_rotary_factor") or settings.get("partial_rotary_factor")
    share = share or settings.get("rotary_pct", 0.25)
    base, scaling = rope(settings, settings.get("rotary_emb_base", 10000.0), share)
    act = settings.get("hidden_act", "gelu")
    if act not in GELUS:
        raise ValueError(f"hidden_act must be {' or '.join(GELUS)} for this model, not {act!r}.")
    kind = GPTNeoXConfig if settings.get("use_parallel_residual", True) else SequentialGPTNeoXConfig
    return kind(
        vocab=settings["vocab_size"],
        max_positions=settings["max_position_embeddings"],
        d_model=settings["hidden_size"],
        layers=settings["num_hidden_layers"],
        heads=settings["num_attention_heads"],
        d_ff=settings["intermediate_size"],
        eps=settings.get("layer_norm_eps", 1e-5),
        rope_base=base,
        rope_scaling=scaling,
        rotary_share=share,
        gelu=GELUS[act],
        attention_bias=settings.get("attention_bias", True),
        dropout=settings.get("hidden_dropout") or 0.0,
        attention_dropout=settings.get("attention_dropout") or 0.0,
        tied=settings.get("tie_word_embeddings", False),
    )


def build(config: GPTNeoXConfig, settings: Settings) -> GPTNeoX | SequentialGPTNeoX:
    """The model that the configuration is for. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "GPTNeoXForCausalLM", "GPTNeoXModel")
    return SequentialGPTNeoX(config) if isinstance(config, SequentialGPTNeoXConfig) else GPTNeoX(config)


def settings(model: GPTNeoX | SequentialGPTNeoX) -> dict[str, Any]:
    """What the reference library reads."""
    c = model.config
    return {
        "model_type": "gpt_neox",
        "architectures": ["GPTNeoXForCausalLM"],
        "vocab_size": c.vocab,
        "max_position_embeddings": c.max_positions,
        "hidden_size": c.d_model,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "intermediate_size": c.d_ff,
        "layer_norm_eps": c.eps,
        "hidden_act": "gelu" if c.gelu == "none" else "gelu_new",
        "attention_bias": c.attention_bias,
        "hidden_dropout": c.dropout,
        "attention_dropout": c.attention_dropout,
        "tie_word_embeddings": c.tied,
        "use_parallel_residual": isinstance(model, GPTNeoX),
        "rotary_pct": c.rotary_share,
        "rotary_emb_base": c.rope_base,
        **rope_settings(c.rope_base, c.rope_scaling, c.max_positions, c.rotary_share),
    }


def rules(model: GPTNeoX | SequentialGPTNeoX) -> list[Rule]:
    """The table. Files call the head ``embed_out``, newer versions of the reference library ``lm_head``."""
    ours = "stack.{}.parallel." if isinstance(model, GPTNeoX) else "stack.{}."
    theirs = "gpt_neox.layers.{}."
    names = {
        "attention.norm": "input_layernorm",
        "attention.part.out": "attention.dense",
        "feedforward.norm": "post_attention_layernorm",
        "feedforward.part.up": "mlp.dense_h_to_4h",
        "feedforward.part.down": "mlp.dense_4h_to_h",
    }
    return [
        Rule("embed.weight", "gpt_neox.embed_in.weight"),
        *(Rule(f"{ours}{a}.{kind}", f"{theirs}{b}.{kind}") for a, b in names.items() for kind in ("weight", "bias")),
        *(
            Rule(
                f"{ours}attention.part.{name}.{kind}",
                f"{theirs}attention.query_key_value.{kind}",
                PerHead(index, model.config.heads),
            )
            for index, name in enumerate("qkv")
            for kind in ("weight", "bias")
        ),
        Rule("norm.weight", "gpt_neox.final_layer_norm.weight"),
        Rule("norm.bias", "gpt_neox.final_layer_norm.bias"),
        Rule("head.weight", "embed_out.weight", older=("lm_head.weight",)),
    ]


FAMILY = Family(
    "gpt_neox",
    config,
    build,
    settings,
    rules,
    skip=(r".*attention\.(masked_)?bias", r".*rotary_emb\.inv_freq", r"(embed_out|lm_head)\.weight"),
    prefixes=("", "gpt_neox."),
    models=(GPTNeoX, SequentialGPTNeoX),
)
