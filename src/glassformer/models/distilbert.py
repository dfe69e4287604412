"""DistilBERT: half of BERT's layers, taught by BERT, without segments.

Legend: see ``glassformer.parts``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from glassformer.models.bert import layer, tied_decoder
from glassformer.models.heads import MaskedHead
from glassformer.models.initialize import normal
from glassformer.models.trunk import Encoder
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.norm import LayerNorm
from glassformer.parts.position import LearnedPositions
from glassformer.parts.stack import Stack


@dataclass(frozen=True)
class DistilBertConfig:
    """The sizes of a DistilBERT. The defaults are those of DistilBERT base, uncased."""

    vocab: int = 30522
    max_positions: int = 512
    d_model: int = 768
    layers: int = 6
    heads: int = 12
    d_ff: int = 3072
    dropout: float = 0.1
    attention_dropout: float = 0.1
    activation: Callable[[], nn.Module] = nn.GELU


class DistilBert(Encoder):
    """DistilBERT: BERT's layers; no embedding of the segment and no pooler.

    Initialization: matrices and tables N(0, 0.02²), biases 0, norms 1 and 0 (the released code); the published model
    began with every other layer of BERT. Dropout as in ``Bert``.

    Source: Sanh et al. (2019), section 3. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: DistilBertConfig, head: nn.Module | None = None) -> None:
        c = config
        eps = 1e-12
        head = head or MaskedHead(c.d_model, c.vocab, c.activation(), eps)

        def feedforward() -> FeedForward:
            return FeedForward(c.d_model, c.d_ff, c.activation())

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            positions=LearnedPositions(c.max_positions, c.d_model),
            embed_norm=LayerNorm(c.d_model, eps),
            stack=Stack(
                layer(c.d_model, c.heads, feedforward(), eps, c.dropout, c.attention_dropout) for _ in range(c.layers)
            ),
            head=head,
            dropout=c.dropout,
            tied=tied_decoder(head),
            max_positions=c.max_positions,
        )

    def init_weights(self) -> None:
        """N(0, 0.02²) everywhere."""
        normal(self, 0.02)
