"""BERT: an encoder with post-LayerNorm layers, learned positions, and an embedding of the segment.

Legend: see ``glassformer.parts``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from glassformer.models.heads import MaskedHead, PretrainingHead
from glassformer.models.trunk import Encoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.norm import LayerNorm
from glassformer.parts.position import LearnedPositions
from glassformer.parts.residual import PostNorm
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class BertConfig:
    """The sizes of a BERT. The defaults are those of BERT base, uncased."""

    vocab: int = 30522
    max_positions: int = 512
    types: int = 2
    d_model: int = 768
    layers: int = 12
    heads: int = 12
    d_ff: int = 3072
    eps: float = 1e-12
    dropout: float = 0.1
    attention_dropout: float = 0.1
    activation: Callable[[], nn.Module] = nn.GELU


def layer(
    d_model: int, heads: int, feedforward: FeedForward, eps: float, dropout: float, attention_dropout: float
) -> Layer:
    """A layer of BERT and its descendants: attention, then a feed-forward network, a LayerNorm after each addition."""
    attention = Attention(d_model, heads, kernel=Fused((d_model // heads) ** -0.5, attention_dropout))
    return Layer(
        PostNorm(LayerNorm(d_model, eps), attention, dropout),
        PostNorm(LayerNorm(d_model, eps), feedforward, dropout),
    )


def tied_decoder(head: nn.Module) -> tuple[tuple[str, str], ...]:
    """Where the head has a decoder over the vocabulary, whose weight is the embedding."""
    if isinstance(head, PretrainingHead):
        return (("head.masked.decoder.weight", "embed.weight"),)
    return (("head.decoder.weight", "embed.weight"),) if isinstance(head, MaskedHead) else ()


@torch.no_grad()
def truncated_normal(model: nn.Module, std: float) -> None:
    """Every matrix and table from N(0, ``std``²), drawn again beyond 2 ``std``; biases 0. What is left spreads by 0.88
    ``std``.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding | LearnedPositions):
            nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


class Bert(Encoder):
    """BERT: token, position and segment are added and normalized, then post-LayerNorm layers with GELU (the erf form).

    ``Bert(config)`` predicts masked tokens; ``Bert(config, head)`` does what the head does. With pads on the left it
    answers as without pads: positions count real tokens.

    Initialization: all matrices and tables from N(0, 0.02²) truncated at two standard deviations, biases 0, norms 1
    and 0 (the released code; the reference library's normal distribution is not truncated). Dropout: after the
    embedding's norm, on the attention weights, and on what each sublayer adds.

    Source: Devlin et al. (2019), section 3. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: BertConfig, head: nn.Module | None = None) -> None:
        c = config
        head = head or MaskedHead(c.d_model, c.vocab, c.activation(), c.eps)

        def feedforward() -> FeedForward:
            return FeedForward(c.d_model, c.d_ff, c.activation())

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            types=nn.Embedding(c.types, c.d_model),
            positions=LearnedPositions(c.max_positions, c.d_model),
            embed_norm=LayerNorm(c.d_model, c.eps),
            stack=Stack(
                layer(c.d_model, c.heads, feedforward(), c.eps, c.dropout, c.attention_dropout) for _ in range(c.layers)
            ),
            head=head,
            dropout=c.dropout,
            tied=tied_decoder(head),
            max_positions=c.max_positions,
        )

    def init_weights(self) -> None:
        """N(0, 0.02²), truncated at two standard deviations."""
        truncated_normal(self, 0.02)
