"""Qwen 2 and 3: LLaMA's layer, with biases on q, k and v in Qwen 2, and with normalized queries and keys in Qwen 3.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass, field

from torch import nn

from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import GatedFeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.mask import Everything, Mask, Window
from glassformer.parts.norm import RMSNorm
from glassformer.parts.residual import PreNorm
from glassformer.parts.rotary import Rotary
from glassformer.parts.rotary_scaling import Scaling, Unscaled
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class Qwen2Config:
    """The sizes of a Qwen 2. The defaults are those of Qwen2 7B.

    ``window`` holds in the layers from number ``full_layers`` on; none means that all is seen in all layers.
    """

    vocab: int = 152064
    max_positions: int = 131072
    d_model: int = 3584
    layers: int = 28
    heads: int = 28
    kv_heads: int = 4
    d_k: int = 128
    d_ff: int = 18944
    eps: float = 1e-6
    rope_base: float = 1000000.0
    rope_scaling: Scaling = field(default_factory=Unscaled)
    window: int | None = None
    full_layers: int = 28
    attention_dropout: float = 0.0
    tied: bool = False

    def mask(self, layer: int) -> Mask:
        """What a token sees in a layer."""
        return Everything() if self.window is None or layer < self.full_layers else Window(self.window)


@dataclass(frozen=True)
class Qwen3Config(Qwen2Config):
    """The sizes of a Qwen 3. The defaults are those of Qwen3 8B. ``attention_bias``: whether q, k, v, out have one."""

    vocab: int = 151936
    max_positions: int = 40960
    d_model: int = 4096
    layers: int = 36
    heads: int = 32
    kv_heads: int = 8
    d_ff: int = 12288
    full_layers: int = 36
    attention_bias: bool = False


class Qwen2(Decoder):
    """Qwen 2: pre-RMSNorm, rotary positions, grouped queries, SwiGLU; q, k and v with biases, nothing else.

    Initialization: weights N(0, 0.02²), biases 0, norms 1; the report states none, so it is the reference library's.
    There is no dropout, but on the attention weights if asked for.

    Source: Yang et al. (2024), Qwen2 technical report, section 2.2.1. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: Qwen2Config) -> None:
        c = config

        def layer(number: int) -> Layer:
            attention = Attention(
                c.d_model,
                c.heads,
                c.kv_heads,
                d_k=c.d_k,
                bias=True,
                out_bias=False,
                rotate=Rotary(c.d_k, c.rope_base, c.rope_scaling),
                mask=c.mask(number),
                kernel=Fused(c.d_k**-0.5, c.attention_dropout),
            )
            return _layer(c, attention)

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(layer(number) for number in range(c.layers)),
            norm=RMSNorm(c.d_model, c.eps),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            tied=(("head.weight", "embed.weight"),) if c.tied else (),
        )

    def init_weights(self) -> None:
        """N(0, 0.02²) everywhere."""
        normal(self, 0.02)


class Qwen3(Decoder):
    """Qwen 3: as Qwen 2 without biases; each head's query and key is normalized before it is turned.

    Initialization and dropout as in Qwen 2.

    Source: Yang et al. (2025), Qwen3 technical report, section 2. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: Qwen3Config) -> None:
        c = config

        def layer(number: int) -> Layer:
            attention = Attention(
                c.d_model,
                c.heads,
                c.kv_heads,
                d_k=c.d_k,
                bias=c.attention_bias,
                rotate=Rotary(c.d_k, c.rope_base, c.rope_scaling),
                mask=c.mask(number),
                kernel=Fused(c.d_k**-0.5, c.attention_dropout),
                q_norm=RMSNorm(c.d_k, c.eps),
                k_norm=RMSNorm(c.d_k, c.eps),
            )
            return _layer(c, attention)

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(layer(number) for number in range(c.layers)),
            norm=RMSNorm(c.d_model, c.eps),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            tied=(("head.weight", "embed.weight"),) if c.tied else (),
        )

    def init_weights(self) -> None:
        """N(0, 0.02²) everywhere."""
        normal(self, 0.02)


def _layer(c: Qwen2Config, attention: Attention) -> Layer:
    return Layer(
        PreNorm(RMSNorm(c.d_model, c.eps), attention),
        PreNorm(RMSNorm(c.d_model, c.eps), GatedFeedForward(c.d_model, c.d_ff, nn.SiLU(), bias=False)),
    )
