"""GPT-1 and GPT-2: a stack of decoder layers with learned positions. GPT-2 moves the norm in front and adds a last one.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass

from torch import nn

from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.norm import LayerNorm
from glassformer.parts.position import LearnedPositions
from glassformer.parts.residual import PostNorm, PreNorm
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class GPTConfig:
    """The sizes of a GPT-2 or GPT-3. The defaults are GPT-2 small's.

    ``embed_dropout`` and ``attention_dropout``: none means as ``dropout``. ``bias``: whether linear layers and norms
    have one; the published models do.
    """

    vocab: int = 50257
    max_positions: int = 1024
    d_model: int = 768
    layers: int = 12
    heads: int = 12
    d_ff: int = 3072
    eps: float = 1e-5
    dropout: float = 0.1
    embed_dropout: float | None = None
    attention_dropout: float | None = None
    bias: bool = True

    def share(self, own: float | None) -> float:
        """A dropout of its own, or ``dropout``."""
        return self.dropout if own is None else own


@dataclass(frozen=True)
class GPT1Config(GPTConfig):
    """The sizes of a GPT-1. The defaults are the published ones."""

    vocab: int = 40478
    max_positions: int = 512


class GPT2(Decoder):
    """GPT-2: pre-LayerNorm layers with the tanh form of GELU, learned positions, a final LayerNorm, a tied head.

    Initialization: weights N(0, 0.02²), those that write to the stream N(0, 0.02² / 2N), biases 0, norms 1 and 0.
    Dropout: after the embedding, on the attention weights, and on what each sublayer adds.

    Source: Radford et al. (2019), section 2.3. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: GPTConfig) -> None:
        c = config

        def layer() -> Layer:
            kernel = Fused((c.d_model // c.heads) ** -0.5, c.share(c.attention_dropout))
            return Layer(
                PreNorm(
                    LayerNorm(c.d_model, c.eps, c.bias),
                    Attention(c.d_model, c.heads, bias=c.bias, kernel=kernel),
                    c.dropout,
                ),
                PreNorm(
                    LayerNorm(c.d_model, c.eps, c.bias),
                    FeedForward(c.d_model, c.d_ff, nn.GELU("tanh"), c.bias),
                    c.dropout,
                ),
            )

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            positions=LearnedPositions(c.max_positions, c.d_model),
            stack=Stack(layer() for _ in range(c.layers)),
            norm=LayerNorm(c.d_model, c.eps, c.bias),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            dropout=c.share(c.embed_dropout),
            tied=(("head.weight", "embed.weight"),),
            max_positions=c.max_positions,
        )

    def init_weights(self) -> None:
        """N(0, 0.02²), and N(0, 0.02² / 2N) for the 2N matrices that write to the stream."""
        normal(self, 0.02)
        normal(self, 0.02 * (2 * self.config.layers) ** -0.5, r".*\.(out|down)")


class GPT1(Decoder):
    """GPT-1: as GPT-2, with the norm after each addition instead of before, and none at the end.

    Initialization: weights N(0, 0.02²), biases 0, norms 1 and 0. Dropout as in GPT-2.

    Source: Radford et al. (2018), section 4.1. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: GPT1Config) -> None:
        c = config

        def layer() -> Layer:
            kernel = Fused((c.d_model // c.heads) ** -0.5, c.share(c.attention_dropout))
            return Layer(
                PostNorm(
                    LayerNorm(c.d_model, c.eps, c.bias),
                    Attention(c.d_model, c.heads, bias=c.bias, kernel=kernel),
                    c.dropout,
                ),
                PostNorm(
                    LayerNorm(c.d_model, c.eps, c.bias),
                    FeedForward(c.d_model, c.d_ff, nn.GELU("tanh"), c.bias),
                    c.dropout,
                ),
            )

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            positions=LearnedPositions(c.max_positions, c.d_model),
            stack=Stack(layer() for _ in range(c.layers)),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            dropout=c.share(c.embed_dropout),
            tied=(("head.weight", "embed.weight"),),
            max_positions=c.max_positions,
        )

    def init_weights(self) -> None:
        """N(0, 0.02²) everywhere."""
        normal(self, 0.02)
