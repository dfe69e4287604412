"""T5: an encoder-decoder with RMSNorm in front, no biases at all, and a table of distances instead of positions.

Legend: B batch, T tokens, D d_model.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glassformer.models.encoder_decoder import EncoderDecoder
from glassformer.models.initialize import normal
from glassformer.models.trunk import Trunk
from glassformer.parts.attention import Attention, CrossAttention
from glassformer.parts.feedforward import FeedForward, GatedFeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.norm import RMSNorm
from glassformer.parts.residual import PreNorm
from glassformer.parts.score_bias import BidirectionalBuckets, CausalBuckets, RelativeBias
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class T5Config:
    """The sizes of a T5. The defaults are those of T5 1.0 small. ``start`` is the token that a decoder begins with."""

    vocab: int = 32128
    d_model: int = 512
    encoder_layers: int = 6
    layers: int = 6
    heads: int = 8
    d_k: int = 64
    d_ff: int = 2048
    buckets: int = 32
    max_distance: int = 128
    eps: float = 1e-6
    dropout: float = 0.1
    start: int = 0


@dataclass(frozen=True)
class T5v11Config(T5Config):
    """The sizes of a T5 1.1, Flan-T5 or mT5. The defaults are those of T5 1.1 small."""

    encoder_layers: int = 8
    layers: int = 8
    heads: int = 6
    d_ff: int = 1024


class WrittenGELU(nn.Module):
    """The tanh form of GELU, written out: ``x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))``.

    It differs from PyTorch's fused tanh form by rounding, and T5 1.1's published numbers come from this one.

    Source: Hendrycks and Gimpel (2016), section 2. Taught in ``transformers``, section 11.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The bent values, of the same shape."""
        return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class RelativeEncoderDecoder(EncoderDecoder):
    """What T5 1.0, T5 1.1 and UL2 have in common: all but the feed-forward network and the head.

    Pre-RMSNorm layers without biases. Scores are not scaled: the initialization makes up for it. Each stack has one
    table of distances, shared by its layers; the encoder's tells before from after, the decoder's looks back only, and
    cross-attention has none.

    Initialization (the released code): embedding N(0, 1), a head of its own N(0, 1/D), q N(0, 1 / (D · K)), k and v
    N(0, 1/D), out N(0, 1 / (H · K)), gate and up N(0, 1/D), down N(0, 1/F), the tables N(0, 1/D), norms 1. Dropout:
    after the embedding, on the attention weights, inside the feed-forward network, on what each sublayer adds, and
    after the last norm of each stack.

    In half precision the reference library keeps ``down`` in float32 and clamps infinite values; we do not.

    Args:
        feedforward: makes the feed-forward network of one layer.
        tied: whether head and embedding are one, as ``Model.tied`` says it.

    Source: Raffel et al. (2020), section 2.1. Taught in ``transformers``, section 8.
    """

    def __init__(
        self, config: T5Config, feedforward: Callable[[], nn.Module], tied: tuple[tuple[str, str], ...]
    ) -> None:
        c = config

        def around(part: nn.Module) -> PreNorm:
            return PreNorm(RMSNorm(c.d_model, c.eps), part, c.dropout)

        def self_attention() -> PreNorm:
            return around(Attention(c.d_model, c.heads, d_k=c.d_k, bias=False, kernel=Fused(1.0, c.dropout)))

        def cross_attention() -> PreNorm:
            return around(CrossAttention(c.d_model, c.heads, d_k=c.d_k, bias=False, kernel=Fused(1.0, c.dropout)))

        def last_norm() -> nn.Module:
            return nn.Sequential(RMSNorm(c.d_model, c.eps), nn.Dropout(c.dropout))

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            encoder=Trunk(
                Stack(Layer(self_attention(), around(feedforward())) for _ in range(c.encoder_layers)),
                score_bias=RelativeBias(c.heads, BidirectionalBuckets(c.buckets, c.max_distance)),
                norm=last_norm(),
                dropout=c.dropout,
            ),
            stack=Stack(Layer(self_attention(), cross_attention(), around(feedforward())) for _ in range(c.layers)),
            score_bias=RelativeBias(c.heads, CausalBuckets(c.buckets, c.max_distance)),
            norm=last_norm(),
            dropout=c.dropout,
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            tied=tied,
        )

    def init_weights(self) -> None:
        """Each matrix by what it reads: see the class."""
        c = self.config
        normal(self, 1.0, "embed")
        normal(self, (c.d_model * c.d_k) ** -0.5, r".*\.q")
        normal(self, c.d_model**-0.5, r"head|.*\.(k|v|gate|up)")
        normal(self, (c.heads * c.d_k) ** -0.5, r".*\.out")
        normal(self, c.d_ff**-0.5, r".*\.down")
        for module in self.modules():
            if isinstance(module, RelativeBias):
                nn.init.normal_(module.weight, std=c.d_model**-0.5)


class T5(RelativeEncoderDecoder):
    """T5 1.0: a feed-forward network with ReLU, and a head that is the embedding: ``logits = E (hidden / √D)``.

    Source: Raffel et al. (2020), section 2.1. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: T5Config) -> None:
        c = config
        super().__init__(
            config,
            lambda: FeedForward(c.d_model, c.d_ff, nn.ReLU(), bias=False, dropout=c.dropout),
            (("head.weight", "embed.weight"),),
        )

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """The head on ``hidden / √D``: the embedding's numbers are about 1, a head's should be smaller."""
        return super().logits(hidden_BTD * self.config.d_model**-0.5)


class T5v11(RelativeEncoderDecoder):
    """T5 1.1, Flan-T5 and mT5: a gated feed-forward network with GELU, and a head of its own, on ``hidden`` as it is.

    Source: Shazeer (2020), section 2; the released t5.1.1 checkpoints. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: T5v11Config) -> None:
        c = config
        super().__init__(
            config, lambda: GatedFeedForward(c.d_model, c.d_ff, WrittenGELU(), bias=False, dropout=c.dropout), ()
        )
