"""Gemma 1: LLaMA's layer with a GELU gate, norms that store their distance from 1, and embeddings scaled up by √D.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import GatedFeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.mask import Mask
from glassformer.parts.residual import PreNorm
from glassformer.parts.rotary import Rotary
from glassformer.parts.rotary_scaling import Scaling, Unscaled
from glassformer.parts.stack import Layer, Stack
from glassformer.parts.state import State


@dataclass(frozen=True)
class GemmaConfig:
    """The sizes of a Gemma. The defaults are those of Gemma 7B."""

    vocab: int = 256000
    max_positions: int = 8192
    d_model: int = 3072
    layers: int = 28
    heads: int = 16
    kv_heads: int = 16
    d_k: int = 256
    d_ff: int = 24576
    eps: float = 1e-6
    rope_base: float = 10000.0
    rope_scaling: Scaling = field(default_factory=Unscaled)
    attention_bias: bool = False
    attention_dropout: float = 0.0
    tied: bool = True


class GemmaNorm(nn.Module):
    """RMSNorm whose weight is stored as its distance from 1: ``y = x / √(mean(x²) + eps) · (1 + weight)``.

    All of it in float32 (or float64), rounded to the dtype of ``x`` at the end. Shapes: ``[..., D]`` in and out.

    Source: the Gemma release; Gemma Team (2024), section 2. Taught in ``transformers``, section 11.
    """

    def __init__(self, d_model: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Tensor) -> Tensor:
        """The normalized vectors, in the dtype of ``x``."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        root = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (wide * root * (1 + self.weight.to(wide.dtype))).to(x.dtype)


class Gemma(Decoder):
    """Gemma: pre-RMSNorm, rotary positions, heads of 256 whatever the width, GeGLU (tanh form), one matrix for
    embedding and head. The 2B model has one key-value head.

    Initialization: weights N(0, 0.02²), norms 0, which is a factor of 1; the report states none, so it is the
    reference library's. There is no dropout, but on the attention weights if asked for.

    Source: Gemma Team (2024), section 2. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: GemmaConfig) -> None:
        c = config

        def layer() -> Layer:
            attention = Attention(
                c.d_model,
                c.heads,
                c.kv_heads,
                d_k=c.d_k,
                bias=c.attention_bias,
                rotate=Rotary(c.d_k, c.rope_base, c.rope_scaling),
                kernel=Fused(c.d_k**-0.5, c.attention_dropout),
            )
            feedforward = GatedFeedForward(c.d_model, c.d_ff, nn.GELU("tanh"), bias=False)
            return Layer(
                PreNorm(GemmaNorm(c.d_model, c.eps), attention),
                PreNorm(GemmaNorm(c.d_model, c.eps), feedforward),
            )

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(layer() for _ in range(c.layers)),
            norm=GemmaNorm(c.d_model, c.eps),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            tied=(("head.weight", "embed.weight"),) if c.tied else (),
            scale=c.d_model**0.5,
        )

    def hidden(self, ids: Tensor, *, mask: Mask | Tensor | None = None, state: State | None = None) -> Tensor:
        """The hidden states before the head, ``[B, T, D]``. √D is rounded to the dtype of the weights, as it was in
        training: √3072 is 55.5 in bfloat16.
        """
        step = self.begin(ids, mask, state)
        x_BTD = self.embed(ids)
        hidden_BTD = self.run(x_BTD * torch.tensor(self.scale, dtype=x_BTD.dtype), step)
        self.finish(step)
        return hidden_BTD

    def init_weights(self) -> None:
        """N(0, 0.02²) everywhere."""
        normal(self, 0.02)
