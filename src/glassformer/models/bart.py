"""BART: an encoder-decoder with BERT's layers, learned positions on both sides, and a bias on the logits.

Legend: see ``glassformer.parts``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from glassformer.models.encoder_decoder import EncoderDecoder
from glassformer.models.initialize import normal
from glassformer.models.trunk import Trunk
from glassformer.parts.attention import Attention, CrossAttention
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.norm import LayerNorm
from glassformer.parts.position import LearnedPositions
from glassformer.parts.residual import PostNorm
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class BartConfig:
    """The sizes of a BART. The defaults are those of BART base.

    ``scale`` multiplies the embedding: 1, or √d_model in some descendants. ``start`` is the token that the decoder
    begins with. ``inner_dropout`` is that inside the feed-forward network.
    """

    vocab: int = 50265
    max_positions: int = 1024
    d_model: int = 768
    encoder_layers: int = 6
    layers: int = 6
    encoder_heads: int = 12
    heads: int = 12
    encoder_d_ff: int = 3072
    d_ff: int = 3072
    dropout: float = 0.1
    attention_dropout: float = 0.1
    inner_dropout: float = 0.1
    scale: float = 1.0
    start: int = 2
    activation: Callable[[], nn.Module] = nn.GELU


class Bart(EncoderDecoder):
    """BART: post-LayerNorm layers with GELU, a LayerNorm after the embedding, none at the end, learned positions.

    The table of positions starts with two rows that nobody uses. The head is the embedding, plus a bias that is not
    trained: 0 in the released checkpoints. With pads on the left it answers as without: positions count real tokens.

    Initialization: matrices and tables N(0, 0.02²), biases 0, norms 1 and 0 (the released code). Dropout: after the
    embedding's norm, on the attention weights, inside the feed-forward network, and on what each sublayer adds.

    Source: Lewis et al. (2020), section 2.1. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: BartConfig) -> None:
        c = config

        def around(part: nn.Module) -> PostNorm:
            return PostNorm(LayerNorm(c.d_model), part, c.dropout)

        def kernel(heads: int) -> Fused:
            return Fused((c.d_model // heads) ** -0.5, c.attention_dropout)

        def attention(heads: int) -> PostNorm:
            return around(Attention(c.d_model, heads, kernel=kernel(heads)))

        def cross() -> PostNorm:
            return around(CrossAttention(c.d_model, c.heads, kernel=kernel(c.heads)))

        def feedforward(d_ff: int) -> PostNorm:
            return around(FeedForward(c.d_model, d_ff, c.activation(), dropout=c.inner_dropout))

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            encoder=Trunk(
                Stack(Layer(attention(c.encoder_heads), feedforward(c.encoder_d_ff)) for _ in range(c.encoder_layers)),
                positions=LearnedPositions(c.max_positions, c.d_model, offset=2),
                embed_norm=LayerNorm(c.d_model),
                dropout=c.dropout,
            ),
            stack=Stack(Layer(attention(c.heads), cross(), feedforward(c.d_ff)) for _ in range(c.layers)),
            positions=LearnedPositions(c.max_positions, c.d_model, offset=2),
            embed_norm=LayerNorm(c.d_model),
            dropout=c.dropout,
            head=nn.Linear(c.d_model, c.vocab),
            tied=(("head.weight", "embed.weight"),),
            scale=c.scale,
            max_positions=c.max_positions,
        )
        del self.head.bias  # published, and never trained: a buffer
        self.head.register_buffer("bias", torch.zeros(c.vocab))

    def init_weights(self) -> None:
        """N(0, 0.02²) everywhere."""
        normal(self, 0.02)
