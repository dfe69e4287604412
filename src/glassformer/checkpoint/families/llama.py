"""LLaMA's checkpoints: one matrix a name, rotation by halves. What Mistral, Qwen, Gemma and Mixtral share stands here.

GGUF files of the same models have other names and q and k interleaved: ``gguf_config`` and ``gguf_rules``.
"""

from collections.abc import Mapping
from typing import Any

from glassformer.checkpoint.families.llama_gguf import GGUF_SKIP as GGUF_SKIP
from glassformer.checkpoint.families.llama_gguf import gguf_config as gguf_config
from glassformer.checkpoint.families.llama_gguf import gguf_rules as gguf_rules
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rope import rope, rope_settings
from glassformer.checkpoint.rules import Rule
from glassformer.models.llama import Llama, LlamaConfig

SKIP = (r".*rotary_emb\.inv_freq", r"lm_head\.weight")  # older files hold frequencies; tied ones at times the head
PREFIXES = ("", "model.")
NORMS = {"attention.norm": "input_layernorm", "feedforward.norm": "post_attention_layernorm"}
ATTENTION = {f"attention.part.{n}": f"self_attn.{n}_proj" for n in "qkv"} | {
    "attention.part.out": "self_attn.o_proj",
    "attention.part.q_norm": "self_attn.q_norm",
    "attention.part.k_norm": "self_attn.k_norm",
}
FEEDFORWARD = {f"feedforward.part.{n}": f"mlp.{n}_proj" for n in ("gate", "up", "down")}


def head(settings: Settings, *names: str) -> None:
    """Raises ``ValueError`` unless the checkpoint is one of ``names``, such as ``"LlamaForCausalLM"``, or says
    nothing.
    """
    for name in (settings.get("architectures") or [names[0]])[:1]:
        if name not in names:
            raise ValueError(f"architectures must be {' or '.join(names)} for this model, not {name!r}.")


def sizes(settings: Settings, base: float = 10000.0, tied: bool = False) -> dict[str, Any]:
    """The fields that the configurations of all LLaMA-likes share; ``base`` and ``tied`` where the settings are
    silent.
    """
    rope_base, scaling = rope(settings, base)
    d_model, heads = settings["hidden_size"], settings["num_attention_heads"]
    return {
        "vocab": settings["vocab_size"],
        "max_positions": settings["max_position_embeddings"],
        "d_model": d_model,
        "layers": settings["num_hidden_layers"],
        "heads": heads,
        "kv_heads": settings.get("num_key_value_heads") or heads,
        "d_k": settings.get("head_dim") or d_model // heads,
        "d_ff": settings["intermediate_size"],
        "eps": settings.get("rms_norm_eps", 1e-6),
        "rope_base": rope_base,
        "rope_scaling": scaling,
        "attention_dropout": settings.get("attention_dropout") or 0.0,
        "tied": settings.get("tie_word_embeddings", tied),
    }


def written(config: Any, model_type: str, architecture: str) -> dict[str, Any]:
    """What the reference library reads of those fields."""
    c = config
    return {
        "model_type": model_type,
        "architectures": [architecture],
        "vocab_size": c.vocab,
        "max_position_embeddings": c.max_positions,
        "hidden_size": c.d_model,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads,
        "head_dim": c.d_k,
        "intermediate_size": c.d_ff,
        "rms_norm_eps": c.eps,
        "attention_dropout": c.attention_dropout,
        "tie_word_embeddings": c.tied,
        **rope_settings(c.rope_base, c.rope_scaling, c.max_positions),
    }


def layer_rules(*tables: Mapping[str, str]) -> list[Rule]:
    """Rules for the weights and biases of every layer, and for what is around them."""
    return [
        Rule("embed.weight", "model.embed_tokens.weight"),
        Rule("norm.weight", "model.norm.weight"),
        Rule("head.weight", "lm_head.weight"),
        *(
            Rule(f"stack.{{}}.{ours}.{kind}", f"model.layers.{{}}.{theirs}.{kind}")
            for table in tables
            for ours, theirs in table.items()
            for kind in ("weight", "bias")
        ),
    ]


def config(settings: Settings) -> LlamaConfig:
    """From ``config.json`` of LLaMA 1 to 3, older forms included."""
    refuse(settings, hidden_act=("silu",))
    return LlamaConfig(
        **sizes(settings),
        attention_bias=settings.get("attention_bias", False),
        mlp_bias=settings.get("mlp_bias", False),
    )


def build(config: LlamaConfig, settings: Settings) -> Llama:
    """The model. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "LlamaForCausalLM", "LlamaModel")
    return Llama(config)


def settings(model: Llama) -> dict[str, Any]:
    """What the reference library reads."""
    return written(model.config, "llama", "LlamaForCausalLM") | {
        "hidden_act": "silu",
        "attention_bias": model.config.attention_bias,
        "mlp_bias": model.config.mlp_bias,
    }


def rules(model: Any) -> list[Rule]:
    """The table, for LLaMA and for its dense siblings."""
    return layer_rules(NORMS, ATTENTION, FEEDFORWARD)


FAMILY = Family("llama", config, build, settings, rules, skip=SKIP, prefixes=PREFIXES, models=(Llama,))
