"""T5's checkpoints, with those of T5 1.1, Flan-T5 and UL2: all name their model ``t5``."""

from collections.abc import Callable, Sequence
from typing import Any

from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.checkpoint.rules import Rule
from glassformer.models.t5 import T5, RelativeEncoderDecoder, T5Config, T5v11, T5v11Config
from glassformer.models.ul2 import UL2, UL2Config

# The feed-forward network, and whether the head is the embedding, on hidden / √D.
KINDS: dict[tuple[str, bool], type[T5Config]] = {
    ("relu", True): T5Config,
    ("gated-gelu", False): T5v11Config,
    ("gated-silu", False): UL2Config,
}
MODELS: dict[type[T5Config], Callable[[Any], RelativeEncoderDecoder]] = {
    T5Config: T5,
    T5v11Config: T5v11,
    UL2Config: UL2,
}
ARCHITECTURES = ("T5ForConditionalGeneration", "T5WithLMHeadModel", "T5Model")


def scaled(settings: Settings) -> bool:
    """Whether the head is the embedding, on hidden / √D. New files say it outright; old ones only by how they tie."""
    said = settings.get("scale_decoder_outputs")
    return settings.get("tie_word_embeddings") is not False if said is None else bool(said)


def config(settings: Settings) -> T5Config:
    """From ``config.json``, for T5 1.0, T5 1.1 or UL2. Raises ``ValueError`` for a mixture of them."""
    refuse(settings, is_encoder_decoder=(True,), is_decoder=(False,))
    kind = settings.get("feed_forward_proj", "relu"), scaled(settings)
    if kind not in KINDS:
        allowed = ", ".join(f"{name} with {is_scaled}" for name, is_scaled in KINDS)
        raise ValueError(
            f"feed_forward_proj with scale_decoder_outputs (or tie_word_embeddings) must be one of {allowed}, "
            f"not {kind[0]} with {kind[1]}."
        )
    return KINDS[kind](
        vocab=settings["vocab_size"],
        d_model=settings["d_model"],
        encoder_layers=settings["num_layers"],
        layers=settings.get("num_decoder_layers") or settings["num_layers"],
        heads=settings["num_heads"],
        d_k=settings["d_kv"],
        d_ff=settings["d_ff"],
        buckets=settings.get("relative_attention_num_buckets", 32),
        max_distance=settings.get("relative_attention_max_distance", 128),
        eps=settings.get("layer_norm_epsilon", 1e-6),
        dropout=settings.get("dropout_rate", 0.1),
        start=settings.get("decoder_start_token_id") or 0,
    )


def build(configuration: T5Config, settings: Settings) -> RelativeEncoderDecoder:
    """With the head, for ``T5Model`` too. Raises ``ValueError`` for other heads."""
    architectures: Sequence[str] = settings.get("architectures") or ARCHITECTURES[:1]
    if architectures[0] not in ARCHITECTURES:
        raise ValueError(f"architectures must name one of {', '.join(ARCHITECTURES)}, not {architectures[0]!r}.")
    return MODELS[type(configuration)](configuration)


def settings(model: RelativeEncoderDecoder) -> dict[str, Any]:
    """What the reference library reads, in its present and its older versions."""
    c = model.config
    proj, is_scaled = next(kind for kind, made in KINDS.items() if made is type(c))
    return {
        "model_type": "t5",
        "architectures": ["T5ForConditionalGeneration"],
        "vocab_size": c.vocab,
        "d_model": c.d_model,
        "num_layers": c.encoder_layers,
        "num_decoder_layers": c.layers,
        "num_heads": c.heads,
        "d_kv": c.d_k,
        "d_ff": c.d_ff,
        "relative_attention_num_buckets": c.buckets,
        "relative_attention_max_distance": c.max_distance,
        "layer_norm_epsilon": c.eps,
        "dropout_rate": c.dropout,
        "decoder_start_token_id": c.start,
        "feed_forward_proj": proj,
        "is_encoder_decoder": True,
        "scale_decoder_outputs": is_scaled,
        "tie_word_embeddings": is_scaled,
    }


def _stack(ours: str, theirs: str, sublayers: Sequence[tuple[str, str]]) -> list[Rule]:
    """One side: ``sublayers`` are our name and theirs, in their order."""
    names = (("q", "q"), ("k", "k"), ("v", "v"), ("out", "o"), ("gate", "wi_0"), ("down", "wo"))
    table = [
        Rule(ours + "score_bias.weight", theirs + "block.0.layer.0.SelfAttention.relative_attention_bias.weight"),
        Rule(ours + "norm.0.weight", theirs + "final_layer_norm.weight"),
    ]
    for place, (sublayer, published) in enumerate(sublayers):
        mine, other = f"{ours}stack.{{}}.{sublayer}.", f"{theirs}block.{{}}.layer.{place}."
        table.append(Rule(mine + "norm.weight", other + "layer_norm.weight"))
        table += [Rule(f"{mine}part.{our}.weight", f"{other}{published}.{their}.weight") for our, their in names]
    return table


def rules(model: RelativeEncoderDecoder) -> list[Rule]:
    """The table. What T5 1.0 calls ``wi`` is ``wi_1`` where there is a gate."""
    up = "wi" if isinstance(model, T5) else "wi_1"
    attention, cross = ("attention", "SelfAttention"), ("cross", "EncDecAttention")
    feedforward = ("feedforward", "DenseReluDense")
    return [
        Rule("embed.weight", "shared.weight", older=("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")),
        Rule("head.weight", "lm_head.weight", older=("shared.weight",)),
        Rule("encoder.stack.{}.feedforward.part.up.weight", f"encoder.block.{{}}.layer.1.DenseReluDense.{up}.weight"),
        Rule("stack.{}.feedforward.part.up.weight", f"decoder.block.{{}}.layer.2.DenseReluDense.{up}.weight"),
        *_stack("encoder.", "encoder.", [attention, feedforward]),
        *_stack("", "decoder.", [attention, cross, feedforward]),
    ]


FAMILY = Family(
    "t5",
    config,
    build,
    settings,
    rules,
    # Copies of the embedding, and a table for cross-attention that the first releases held and never used.
    skip=(
        r"(encoder|decoder)\.embed_tokens\.weight",
        r"lm_head\.weight",
        r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",
    ),
    models=(
        T5,
        T5v11,
        UL2,
    ),
)
