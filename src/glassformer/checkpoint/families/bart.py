"""BART's checkpoints."""

from typing import Any

from glassformer.checkpoint.families.shared import activation, activation_name, both
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rules import Reshaped, Rule
from glassformer.models.bart import Bart, BartConfig

ARCHITECTURES = ("BartForConditionalGeneration", "BartModel")


def config(settings: Settings) -> BartConfig:
    """From ``config.json``. Layers are never skipped in training, whatever ``encoder_layerdrop`` says."""
    refuse(
        settings,
        is_encoder_decoder=(True,),
        is_decoder=(False,),
        tie_word_embeddings=(True,),
        # Switches of the first releases, for other models under the same name.
        normalize_before=(False,),
        normalize_embedding=(True,),
        add_final_layer_norm=(False,),
        add_bias_logits=(False,),
        static_position_embeddings=(False,),
        extra_pos_embeddings=(2,),
    )
    d_model = settings["d_model"]
    return BartConfig(
        vocab=settings["vocab_size"],
        max_positions=settings["max_position_embeddings"],
        d_model=d_model,
        encoder_layers=settings["encoder_layers"],
        layers=settings["decoder_layers"],
        encoder_heads=settings["encoder_attention_heads"],
        heads=settings["decoder_attention_heads"],
        encoder_d_ff=settings["encoder_ffn_dim"],
        d_ff=settings["decoder_ffn_dim"],
        dropout=settings.get("dropout", 0.1),
        attention_dropout=settings.get("attention_dropout", 0.0),
        inner_dropout=settings.get("activation_dropout", 0.0),
        scale=d_model**0.5 if settings.get("scale_embedding") else 1.0,
        start=settings.get("decoder_start_token_id", 2),
        activation=activation(settings.get("activation_function", "gelu")),
    )


def build(configuration: BartConfig, settings: Settings) -> Bart:
    """With the tied head, for ``BartModel`` too: its checkpoints are loaded to write text."""
    named = (settings.get("architectures") or ARCHITECTURES)[0]
    if named not in ARCHITECTURES:
        raise ValueError(f"architectures must name one of {', '.join(ARCHITECTURES)}, not {named!r}.")
    return Bart(configuration)


def settings(model: Bart) -> dict[str, Any]:
    """What the reference library reads. Raises ``ValueError`` for a scale that it cannot express."""
    c = model.config
    if c.scale not in (1.0, c.d_model**0.5):
        raise ValueError(f"scale ({c.scale}) must be 1 or √d_model ({c.d_model**0.5}) to be published.")
    return {
        "model_type": "bart",
        "architectures": ["BartForConditionalGeneration"],
        "vocab_size": c.vocab,
        "max_position_embeddings": c.max_positions,
        "d_model": c.d_model,
        "encoder_layers": c.encoder_layers,
        "decoder_layers": c.layers,
        "encoder_attention_heads": c.encoder_heads,
        "decoder_attention_heads": c.heads,
        "encoder_ffn_dim": c.encoder_d_ff,
        "decoder_ffn_dim": c.d_ff,
        "dropout": c.dropout,
        "attention_dropout": c.attention_dropout,
        "activation_dropout": c.inner_dropout,
        "scale_embedding": c.scale != 1.0,
        "decoder_start_token_id": c.start,
        "activation_function": activation_name(c.activation),
        "is_encoder_decoder": True,
        "tie_word_embeddings": True,
    }


def _side(ours: str, theirs: str) -> list[Rule]:
    """The encoder or the decoder. The encoder has no cross-attention, so those rules find nothing there."""
    mine, other = ours + "stack.{}.", theirs + "layers.{}."
    table = [
        Rule(ours + "positions.weight", theirs + "embed_positions.weight"),
        *both(ours + "embed_norm", theirs + "layernorm_embedding"),
    ]
    for sublayer, published in (("attention", "self_attn"), ("cross", "encoder_attn")):
        for name, projection in (("q", "q_proj"), ("k", "k_proj"), ("v", "v_proj"), ("out", "out_proj")):
            table += both(f"{mine}{sublayer}.part.{name}", f"{other}{published}.{projection}")
        table += both(f"{mine}{sublayer}.norm", f"{other}{published}_layer_norm")
    table += both(mine + "feedforward.part.up", other + "fc1")
    table += both(mine + "feedforward.part.down", other + "fc2")
    return table + both(mine + "feedforward.norm", other + "final_layer_norm")


def rules(model: Bart) -> list[Rule]:
    """The table. A checkpoint of the bare ``BartModel`` has no bias for the logits: it is 0."""
    vocab = model.config.vocab
    copies = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight")
    return [
        Rule("embed.weight", "model.shared.weight", older=copies),
        Rule("head.weight", "lm_head.weight"),
        Rule("head.bias", "final_logits_bias", Reshaped((vocab,), (1, vocab)), absent=0.0),
        *_side("encoder.", "model.encoder."),
        *_side("", "model.decoder."),
    ]


FAMILY = Family(
    "bart",
    config,
    build,
    settings,
    rules,
    # Copies of the embedding, and notes on versions.
    skip=(
        r"(model\.)?(encoder|decoder)\.embed_tokens\.weight",
        r"lm_head\.weight",
        r"(model\.)?(encoder|decoder)\.version",
    ),
    prefixes=("", "model."),
    models=(Bart,),
)
