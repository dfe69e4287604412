"""GPT-2's checkpoints: every matrix is stored transposed, and q, k and v as one."""

from typing import Any

from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rules import Piece, Rule, Transposed
from glassformer.models.gpt import GPT2, GPTConfig


def config(settings: Settings) -> GPTConfig:
    """From ``config.json``; ``n_inner`` none means four times the width."""
    refuse(
        settings,
        activation_function=("gelu_new", "gelu_pytorch_tanh"),
        scale_attn_weights=(True,),
        scale_attn_by_inverse_layer_idx=(False,),
        add_cross_attention=(False,),
        tie_word_embeddings=(True,),
    )
    return GPTConfig(
        vocab=settings["vocab_size"],
        max_positions=settings["n_positions"],
        d_model=settings["n_embd"],
        layers=settings["n_layer"],
        heads=settings["n_head"],
        d_ff=settings.get("n_inner") or 4 * settings["n_embd"],
        eps=settings.get("layer_norm_epsilon", 1e-5),
        dropout=settings.get("resid_pdrop", 0.1),
    )


def settings(model: GPT2) -> dict[str, Any]:
    """What the reference library reads."""
    c = model.config
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": c.vocab,
        "n_positions": c.max_positions,
        "n_embd": c.d_model,
        "n_layer": c.layers,
        "n_head": c.heads,
        "n_inner": c.d_ff,
        "layer_norm_epsilon": c.eps,
        "resid_pdrop": c.dropout,
        "embd_pdrop": c.dropout,
        "attn_pdrop": c.dropout,
        "tie_word_embeddings": True,
    }


def rules(model: GPT2) -> list[Rule]:
    """The table."""
    ours, theirs = "stack.{}.", "transformer.h.{}."
    thirds = (model.config.d_model,) * 3
    return [
        Rule("embed.weight", "transformer.wte.weight"),
        Rule("positions.weight", "transformer.wpe.weight"),
        *(
            rule
            for index, name in enumerate("qkv")
            for rule in (
                Rule(
                    f"{ours}attention.part.{name}.weight", theirs + "attn.c_attn.weight", Piece(index, thirds, 1, True)
                ),
                Rule(f"{ours}attention.part.{name}.bias", theirs + "attn.c_attn.bias", Piece(index, thirds)),
            )
        ),
        Rule(ours + "attention.part.out.weight", theirs + "attn.c_proj.weight", Transposed()),
        Rule(ours + "attention.part.out.bias", theirs + "attn.c_proj.bias"),
        Rule(ours + "feedforward.part.up.weight", theirs + "mlp.c_fc.weight", Transposed()),
        Rule(ours + "feedforward.part.up.bias", theirs + "mlp.c_fc.bias"),
        Rule(ours + "feedforward.part.down.weight", theirs + "mlp.c_proj.weight", Transposed()),
        Rule(ours + "feedforward.part.down.bias", theirs + "mlp.c_proj.bias"),
        *(
            Rule(f"{ours}{place}.norm.{kind}", f"{theirs}{norm}.{kind}")
            for place, norm in (("attention", "ln_1"), ("feedforward", "ln_2"))
            for kind in ("weight", "bias")
        ),
        Rule("norm.weight", "transformer.ln_f.weight"),
        Rule("norm.bias", "transformer.ln_f.bias"),
    ]


FAMILY = Family(
    "gpt2",
    config,
    lambda configuration, _: GPT2(configuration),
    settings,
    rules,
    skip=(r".*\.attn\.(masked_)?bias", r"lm_head\.weight"),
    prefixes=("", "transformer."),
)
