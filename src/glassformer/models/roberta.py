"""RoBERTa: BERT trained longer, on more text, and only to fill in masked tokens.

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
class RobertaConfig:
    """The sizes of a RoBERTa. The defaults are those of RoBERTa base: 512 positions, in a table of 514 rows."""

    vocab: int = 50265
    max_positions: int = 512
    types: int = 1
    d_model: int = 768
    layers: int = 12
    heads: int = 12
    d_ff: int = 3072
    eps: float = 1e-5
    dropout: float = 0.1
    attention_dropout: float = 0.1
    activation: Callable[[], nn.Module] = nn.GELU


class Roberta(Encoder):
    """RoBERTa: BERT's layers; one segment only, and a table of positions that starts with two unused rows.

    The pad token is 1, and its row in the table of positions is row 1: a text begins at row 2. Pass ``mask`` where
    there are pads; the reference library finds them by their number as well.

    Initialization: matrices and tables N(0, 0.02²), biases 0, norms 1 and 0 (the released code). Dropout as in
    ``Bert``.

    Source: Liu et al. (2019), section 3. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: RobertaConfig, head: nn.Module | None = None) -> None:
        c = config
        head = head or MaskedHead(c.d_model, c.vocab, nn.GELU(), c.eps)

        def feedforward() -> FeedForward:
            return FeedForward(c.d_model, c.d_ff, c.activation())

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            types=nn.Embedding(c.types, c.d_model),
            positions=LearnedPositions(c.max_positions, c.d_model, offset=2),
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
        """N(0, 0.02²) everywhere."""
        normal(self, 0.02)
