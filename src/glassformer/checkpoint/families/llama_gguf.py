"""LLaMA in GGUF files, the format of llama.cpp: other names, and q and k with interleaved pairs."""

from collections.abc import Mapping
from typing import Any

import torch

from glassformer.checkpoint.family import refuse
from glassformer.checkpoint.permute import Permuted
from glassformer.checkpoint.rules import How, Rule, Tensors
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.parts.rotary_scaling import Linear, LongRope, Scaling, Unscaled, Yarn

DIVISORS = "rope_freqs.weight"  # what the frequencies of LLaMA 3.1 and later are divided by, one number a pair
GGUF_SKIP = (r"rope_freqs\.weight",)
LAYER = {
    "attention.norm": "attn_norm",
    "attention.part.q": "attn_q",
    "attention.part.k": "attn_k",
    "attention.part.v": "attn_v",
    "attention.part.out": "attn_output",
    "feedforward.norm": "ffn_norm",
    "feedforward.part.gate": "ffn_gate",
    "feedforward.part.up": "ffn_up",
    "feedforward.part.down": "ffn_down",
}


def gguf_config(fields: Mapping[str, Any], weights: Tensors) -> LlamaConfig:
    """From the metadata of a GGUF file; ``weights`` say what it leaves out: whether the head is tied, whether there
    are biases, and LLaMA 3's divisors of the frequencies.

    Raises ``ValueError`` for another architecture than ``llama``, for experts, for a window, for layers that differ,
    and for a rotation that we lack; ``KeyError`` where a size is missing. Taught in ``transformers``, section 17.
    """
    refuse(fields, **{"general.architecture": ("llama",)})
    own = {name.removeprefix("llama."): value for name, value in fields.items() if name.startswith("llama.")}
    varying = [name for name in ("attention.head_count", "feed_forward_length") if isinstance(own[name], list)]
    if varying:
        raise ValueError(f"llama.{varying[0]} must be the same for all layers, not {own[varying[0]]}.")
    d_model, heads, longest = own["embedding_length"], own["attention.head_count"], own["context_length"]
    d_k = own.get("attention.key_length", d_model // heads)
    refuse(
        own,
        **{
            "expert_count": (0,),
            "attention.sliding_window": (0,),
            "attention.value_length": (d_k,),
            "rope.dimension_count": (d_k,),
        },
    )
    names = set(weights.names())
    return LlamaConfig(
        vocab=own.get("vocab_size") or len(fields["tokenizer.ggml.tokens"]),
        max_positions=longest,
        d_model=d_model,
        layers=own["block_count"],
        heads=heads,
        kv_heads=own.get("attention.head_count_kv", heads),
        d_k=d_k,
        d_ff=own["feed_forward_length"],
        eps=_decimal(own["attention.layer_norm_rms_epsilon"]),
        rope_base=_decimal(own.get("rope.freq_base", 10000.0)),
        rope_scaling=_scaling(own, weights, longest),
        attention_bias="blk.0.attn_q.bias" in names,
        mlp_bias="blk.0.ffn_gate.bias" in names,
        tied="output.weight" not in names,
    )


def _decimal(stored: float) -> float:
    """The number that was meant: the file holds 1e-5 as a float32, which is 9.99999974e-6."""
    return float(f"{stored:.7g}")


def _scaling(own: Mapping[str, Any], weights: Tensors, longest: int) -> Scaling:
    kind = own.get("rope.scaling.type", "linear")
    factor = own.get("rope.scaling.factor") or own.get("rope.scale_linear") or 1.0
    scaled = kind != "none" and factor != 1.0
    refuse(own, **{"rope.scaling.attn_factor": (0.0, 1.0)})
    if DIVISORS in set(weights.names()):
        if scaled:
            raise ValueError(f"llama.rope.scaling.factor must be 1 beside {DIVISORS}, not {factor}.")
        with torch.device("cpu"):  # the caller may build its model on the meta device around this
            divisors = tuple(weights.tensor(DIVISORS).tolist())
        return LongRope(divisors, divisors, longest, attention_factor=1.0)
    if not scaled:
        return Unscaled()
    if kind == "linear":
        return Linear(factor)
    if kind == "yarn":
        return Yarn(factor, own.get("rope.scaling.original_context_length", longest))
    raise ValueError(f"llama.rope.scaling.type must be none, linear or yarn, not {kind!r}.")


def gguf_rules(model: Llama) -> list[Rule]:
    """The table for GGUF's names. The q and k of a file are made for interleaved rotation."""
    orders = {"attn_q": Permuted(model.config.heads), "attn_k": Permuted(model.config.kv_heads)}
    return [
        Rule("embed.weight", "token_embd.weight"),
        Rule("norm.weight", "output_norm.weight"),
        Rule("head.weight", "output.weight"),
        *(
            Rule(f"stack.{{}}.{ours}.{kind}", f"blk.{{}}.{theirs}.{kind}", orders.get(theirs, How()))
            for ours, theirs in LAYER.items()
            for kind in ("weight", "bias")
        ),
    ]
