"""ELECTRA: a discriminator that says of every token whether a small generator put it there.

Legend: see ``glassformer.parts``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import nn

from glassformer.models.bert import layer, tied_decoder, truncated_normal
from glassformer.models.heads import MaskedHead, ReplacedToken
from glassformer.models.trunk import Encoder
from glassformer.models.tying import tie
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.norm import LayerNorm
from glassformer.parts.position import LearnedPositions
from glassformer.parts.stack import Stack


@dataclass(frozen=True)
class ElectraConfig:
    """The sizes of an ELECTRA. The defaults are those of the small discriminator, whose embedding is narrower than its
    layers.
    """

    vocab: int = 30522
    max_positions: int = 512
    types: int = 2
    d_embed: int = 128
    d_model: int = 256
    layers: int = 12
    heads: int = 4
    d_ff: int = 1024
    eps: float = 1e-12
    dropout: float = 0.1
    attention_dropout: float = 0.1
    activation: Callable[[], nn.Module] = nn.GELU


def generator_head(config: ElectraConfig) -> MaskedHead:
    """The generator's head, which predicts masked tokens: ``Electra(config, generator_head(config))``."""
    return MaskedHead(config.d_model, config.vocab, nn.GELU(), config.eps, config.d_embed)


class Electra(Encoder):
    """ELECTRA: BERT's layers over an embedding of its own width, which a linear layer widens where it must.

    ``Electra(config)`` is the discriminator, with one logit a token.

    Initialization: as in ``Bert`` (the released code). Dropout: as in ``Bert``; that of the embedding comes before it
    is widened.

    Source: Clark et al. (2020), sections 2 and 3.1. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: ElectraConfig, head: nn.Module | None = None) -> None:
        c = config
        head = head or ReplacedToken(c.d_model, c.activation())
        wider = nn.Identity() if c.d_embed == c.d_model else nn.Linear(c.d_embed, c.d_model)

        def feedforward() -> FeedForward:
            return FeedForward(c.d_model, c.d_ff, c.activation())

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_embed),
            types=nn.Embedding(c.types, c.d_embed),
            positions=LearnedPositions(c.max_positions, c.d_embed),
            embed_norm=nn.Sequential(LayerNorm(c.d_embed, c.eps), nn.Dropout(c.dropout), wider),
            stack=Stack(
                layer(c.d_model, c.heads, feedforward(), c.eps, c.dropout, c.attention_dropout) for _ in range(c.layers)
            ),
            head=head,
            tied=tied_decoder(head),
            max_positions=c.max_positions,
        )

    def init_weights(self) -> None:
        """N(0, 0.02²), truncated at two standard deviations."""
        truncated_normal(self, 0.02)


class ElectraPair(nn.Module):
    """The two networks that are trained together: a small ``generator`` and the ``discriminator``, which is kept.

    They share the embeddings of tokens, positions and segments, which have the discriminator's width; the generator's
    head has them too.

    Args:
        config: the discriminator.
        share: how wide the generator's layers are, as a share of the discriminator's: width, heads and ``d_ff``. A
            quarter to a half works best (section 3.2); there is always one head.

    Source: Clark et al. (2020), sections 3.1 and 3.2. Taught in ``transformers``, section 13.
    """

    def __init__(self, config: ElectraConfig, share: float = 0.5) -> None:
        super().__init__()
        heads = max(1, round(config.heads * share))
        small = replace(
            config, d_model=config.d_model // config.heads * heads, heads=heads, d_ff=round(config.d_ff * share)
        )
        self.config = config
        self.discriminator = Electra(config)
        self.generator = Electra(small, generator_head(small))
        self.generator.embed = self.discriminator.embed
        self.generator.positions = self.discriminator.positions
        self.generator.types = self.discriminator.types
        tie(self.generator)

    @property
    def context(self) -> int | None:
        """The longest text."""
        return self.discriminator.context
