"""LLaMA 1 to 3: RMSNorm in front, rotary positions, grouped queries, SwiGLU, no biases.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass, field

from torch import nn

from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import GatedFeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.norm import RMSNorm
from glassformer.parts.residual import PreNorm
from glassformer.parts.rotary import Rotary
from glassformer.parts.rotary_scaling import Scaling, Unscaled
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class LlamaConfig:
    """The sizes of a LLaMA. The defaults are those of LLaMA 7B."""

    vocab: int = 32000
    max_positions: int = 2048
    d_model: int = 4096
    layers: int = 32
    heads: int = 32
    kv_heads: int = 32
    d_k: int = 128
    d_ff: int = 11008
    eps: float = 1e-6
    rope_base: float = 10000.0
    rope_scaling: Scaling = field(default_factory=Unscaled)
    attention_bias: bool = False
    mlp_bias: bool = False
    attention_dropout: float = 0.0
    tied: bool = False


class Llama(Decoder):
    """LLaMA: pre-RMSNorm layers with rotary positions and a gated feed-forward network; LLaMA 2 70B and LLaMA 3 share
    keys and values.

    Initialization: weights N(0, 0.02²), norms 1. There is no dropout, but on the attention weights if asked for.

    Source: Touvron et al. (2023), section 2.2; Grattafiori et al. (2024), section 3.2. Taught in ``transformers``,
        section 8.
    """

    def __init__(self, config: LlamaConfig) -> None:
        c = config

        def layer() -> Layer:
            attention = Attention(
                c.d_model,
                c.heads,
                c.kv_heads,
                d_k=c.d_k,
                bias=c.attention_bias,
                rotate=Rotary(c.d_k, c.rope_base, c.rope_scaling),
                kernel=Fused(c.d_k**-0.5, c.attention_dropout),
            )
            return Layer(
                PreNorm(RMSNorm(c.d_model, c.eps), attention),
                PreNorm(RMSNorm(c.d_model, c.eps), GatedFeedForward(c.d_model, c.d_ff, nn.SiLU(), c.mlp_bias)),
            )

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(layer() for _ in range(c.layers)),
            norm=RMSNorm(c.d_model, c.eps),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            tied=(("head.weight", "embed.weight"),) if c.tied else (),
        )

    def init_weights(self) -> None:
        """N(0, 0.02²) everywhere."""
        normal(self, 0.02)
