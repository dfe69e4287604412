"""GPT-NeoX and Pythia: attention and feed-forward network side by side; a quarter of each head is rotated.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass, field

from torch import nn

from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.norm import LayerNorm
from glassformer.parts.residual import Normed, Parallel, PreNorm
from glassformer.parts.rotary import Rotary
from glassformer.parts.rotary_scaling import Scaling, Unscaled
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class GPTNeoXConfig:
    """The sizes of a GPT-NeoX. The defaults are those of Pythia 1.4B. ``gelu`` is ``"none"`` (exact) or ``"tanh"``."""

    vocab: int = 50304
    max_positions: int = 2048
    d_model: int = 2048
    layers: int = 24
    heads: int = 16
    d_ff: int = 8192
    eps: float = 1e-5
    rope_base: float = 10000.0
    rope_scaling: Scaling = field(default_factory=Unscaled)
    rotary_share: float = 0.25
    gelu: str = "none"
    attention_bias: bool = True
    dropout: float = 0.0
    attention_dropout: float = 0.0
    tied: bool = False


@dataclass(frozen=True)
class SequentialGPTNeoXConfig(GPTNeoXConfig):
    """The same sizes, for the model whose parts come one after the other."""


class GPTNeoX(Decoder):
    """GPT-NeoX: ``x + attention(norm₁(x)) + feedforward(norm₂(x))``, two LayerNorms, rotary positions in part, biases.

    Initialization: weights N(0, 2 / 5D) ("small init"), those that write to the stream N(0, 4 / N²D), biases 0, norms
    1 and 0. Dropout, if any: after the embedding, on the attention weights, and on what each part adds.

    Source: Black et al. (2022), section 2.1; Biderman et al. (2023), Pythia. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: GPTNeoXConfig) -> None:
        c = config

        def layer() -> Layer:
            return Layer(
                Parallel(
                    Normed(LayerNorm(c.d_model, c.eps), _attention(c)),
                    Normed(LayerNorm(c.d_model, c.eps), FeedForward(c.d_model, c.d_ff, nn.GELU(c.gelu))),
                    dropout=c.dropout,
                )
            )

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(layer() for _ in range(c.layers)),
            norm=LayerNorm(c.d_model, c.eps),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            dropout=c.dropout,
            tied=(("head.weight", "embed.weight"),) if c.tied else (),
        )

    def init_weights(self) -> None:
        """N(0, 2 / 5D), and N(0, 4 / N²D) for the 2N matrices that write to the stream."""
        _small(self, self.config)


class SequentialGPTNeoX(Decoder):
    """GPT-NeoX with one part after the other, as in RedPajama-INCITE 3B: ``x + attention(norm₁(x))``, then the rest.

    Initialization and dropout as in GPT-NeoX. Source: as there. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: SequentialGPTNeoXConfig) -> None:
        c = config

        def layer() -> Layer:
            feedforward = FeedForward(c.d_model, c.d_ff, nn.GELU(c.gelu))
            return Layer(
                PreNorm(LayerNorm(c.d_model, c.eps), _attention(c), c.dropout),
                PreNorm(LayerNorm(c.d_model, c.eps), feedforward, c.dropout),
            )

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(layer() for _ in range(c.layers)),
            norm=LayerNorm(c.d_model, c.eps),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            dropout=c.dropout,
            tied=(("head.weight", "embed.weight"),) if c.tied else (),
        )

    def init_weights(self) -> None:
        """N(0, 2 / 5D), and N(0, 4 / N²D) for the 2N matrices that write to the stream."""
        _small(self, self.config)


def _attention(c: GPTNeoXConfig) -> Attention:
    d_k = c.d_model // c.heads
    return Attention(
        c.d_model,
        c.heads,
        bias=c.attention_bias,
        rotate=Rotary(d_k, c.rope_base, c.rope_scaling, int(d_k * c.rotary_share)),
        kernel=Fused(d_k**-0.5, c.attention_dropout),
    )


def _small(model: nn.Module, c: GPTNeoXConfig) -> None:
    normal(model, (2 / (5 * c.d_model)) ** 0.5)
    normal(model, 2 / (c.layers * c.d_model**0.5), r".*\.(out|down)")
