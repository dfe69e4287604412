"""PaLM: attention and feed-forward network side by side from one norm, one key-value head, SwiGLU, no bias anywhere.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import GatedFeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.norm import LayerNorm
from glassformer.parts.residual import Parallel
from glassformer.parts.rotary import Rotary
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class PalmConfig:
    """The sizes of a PaLM. The defaults are those of PaLM 8B. ``logit_scale`` multiplies the logits; 1/√D there."""

    vocab: int = 256000
    max_positions: int = 2048
    d_model: int = 4096
    layers: int = 32
    heads: int = 16
    d_k: int = 256
    d_ff: int = 16384
    eps: float = 1e-5
    rope_base: float = 10000.0
    logit_scale: float = 1 / 64
    dropout: float = 0.0
    attention_dropout: float = 0.0


class Palm(Decoder):
    """PaLM: ``x + attention(norm(x)) + feedforward(norm(x))`` with a LayerNorm that does not shift; multi-query
    attention with rotary positions; one matrix for embedding and head, whose logits are scaled down.

    Initialization: embedding N(0, 1), other weights N(0, 1/n) with n their inputs, norms 1. Dropout, none in
    pre-training: on the attention weights, and on the inner values of the feed-forward network.

    Source: Chowdhery et al. (2022), sections 2 and 5. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: PalmConfig) -> None:
        c = config

        def layer() -> Layer:
            attention = Attention(
                c.d_model,
                c.heads,
                kv_heads=1,
                d_k=c.d_k,
                bias=False,
                rotate=Rotary(c.d_k, c.rope_base),
                kernel=Fused(c.d_k**-0.5, c.attention_dropout),
            )
            feedforward = GatedFeedForward(c.d_model, c.d_ff, nn.SiLU(), bias=False, dropout=c.dropout)
            return Layer(Parallel(attention, feedforward, LayerNorm(c.d_model, c.eps, bias=False)))

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(layer() for _ in range(c.layers)),
            norm=LayerNorm(c.d_model, c.eps, bias=False),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            tied=(("head.weight", "embed.weight"),),
        )

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """What the head makes of hidden states, ``[B, T, vocab]``, times ``logit_scale``."""
        return super().logits(hidden_BTD * self.config.logit_scale)

    def init_weights(self) -> None:
        """N(0, 1) for the embedding, N(0, 1/n) for what has n inputs."""
        c = self.config
        normal(self, 1.0, "embed")
        normal(self, c.d_model**-0.5, r".*\.(q|k|v|gate|up)")
        normal(self, (c.heads * c.d_k) ** -0.5, r".*\.out")
        normal(self, c.d_ff**-0.5, r".*\.down")
