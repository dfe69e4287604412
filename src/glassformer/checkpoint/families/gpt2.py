"""GPT-2's checkpoints: every matrix is stored transposed, and q, k and v as one."""

from typing import Any

from glassformer.checkpoint.families.llama import head
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rules import Piece, Rule, Transposed
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.nanogpt import NanoGPT

SKIP = (r".*\.attn\.(masked_)?bias", r"lm_head\.weight")  # stored masks; the head is the embedding


def sizes(settings: Settings) -> dict[str, Any]:
    """The fields that the configurations of GPT-1 and GPT-2 share."""
    dropout = settings.get("resid_pdrop", 0.1)
    own = {name: settings.get(name, 0.1) for name in ("embd_pdrop", "attn_pdrop")}
    return {
        "vocab": settings["vocab_size"],
        "max_positions": settings["n_positions"],
        "d_model": settings["n_embd"],
        "layers": settings["n_layer"],
        "heads": settings["n_head"],
        "d_ff": settings.get("n_inner") or 4 * settings["n_embd"],
        "eps": settings.get("layer_norm_epsilon", 1e-5),
        "dropout": dropout,
        "embed_dropout": None if own["embd_pdrop"] == dropout else own["embd_pdrop"],
        "attention_dropout": None if own["attn_pdrop"] == dropout else own["attn_pdrop"],
    }


def written(config: GPTConfig, model_type: str, architecture: str) -> dict[str, Any]:
    """What the reference library reads of those fields. Raises ``ValueError`` without biases: it has no such kind."""
    c = config
    if not c.bias:
        raise ValueError(f"bias must be true for a {model_type} to be saved: its published layout has no other kind.")
    return {
        "model_type": model_type,
        "architectures": [architecture],
        "vocab_size": c.vocab,
        "n_positions": c.max_positions,
        "n_embd": c.d_model,
        "n_layer": c.layers,
        "n_head": c.heads,
        "layer_norm_epsilon": c.eps,
        "resid_pdrop": c.dropout,
        "embd_pdrop": c.share(c.embed_dropout),
        "attn_pdrop": c.share(c.attention_dropout),
        "tie_word_embeddings": True,
    }


def config(settings: Settings) -> GPTConfig:
    """From ``config.json``; ``n_inner`` none means four times the width."""
    refuse(
        settings,
        activation_function=("gelu_new", "gelu_pytorch_tanh", "gelu"),
        scale_attn_weights=(True,),
        scale_attn_by_inverse_layer_idx=(False,),
        add_cross_attention=(False,),
        tie_word_embeddings=(True,),
    )
    return GPTConfig(**sizes(settings))


def build(config: GPTConfig, settings: Settings) -> GPT2:
    """The model. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "GPT2LMHeadModel", "GPT2Model")
    return (NanoGPT if settings.get("activation_function") == "gelu" else GPT2)(config)


def settings(model: GPT2) -> dict[str, Any]:
    """What the reference library reads."""
    return written(model.config, "gpt2", "GPT2LMHeadModel") | {
        "activation_function": "gelu" if isinstance(model, NanoGPT) else "gelu_new",
        "n_inner": model.config.d_ff,
    }


def layer_rules(d_model: int) -> list[Rule]:
    """The table of a layer, GPT-1's too: its norms have the same names, though they stand elsewhere."""
    ours, theirs = "stack.{}.", "transformer.h.{}."
    thirds = (d_model,) * 3
    matrices = {
        "attention.part.out": "attn.c_proj",
        "feedforward.part.up": "mlp.c_fc",
        "feedforward.part.down": "mlp.c_proj",
    }
    norms = {"attention.norm": "ln_1", "feedforward.norm": "ln_2"}
    return [
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
        *(Rule(f"{ours}{a}.weight", f"{theirs}{b}.weight", Transposed()) for a, b in matrices.items()),
        *(Rule(f"{ours}{a}.bias", f"{theirs}{b}.bias") for a, b in (matrices | norms).items()),
        *(Rule(f"{ours}{a}.weight", f"{theirs}{b}.weight") for a, b in norms.items()),
    ]


def rules(model: GPT2) -> list[Rule]:
    """The table."""
    return [
        Rule("embed.weight", "transformer.wte.weight"),
        Rule("positions.weight", "transformer.wpe.weight"),
        *layer_rules(model.config.d_model),
        Rule("norm.weight", "transformer.ln_f.weight"),
        Rule("norm.bias", "transformer.ln_f.bias"),
    ]


FAMILY = Family(
    "gpt2", config, build, settings, rules, skip=SKIP, prefixes=("", "transformer."), models=(GPT2, NanoGPT)
)
