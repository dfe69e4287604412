"""Mamba: no attention. Each layer is one selective state space, which carries the past in a hidden state of fixed size.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.norm import RMSNorm
from glassformer.parts.residual import PreNorm
from glassformer.parts.ssm import SelectiveSSM
from glassformer.parts.stack import Layer, Stack
from glassformer.parts.step import Step


@dataclass(frozen=True)
class MambaConfig:
    """The sizes of a Mamba. The defaults are those of mamba-130m."""

    vocab: int = 50280
    d_model: int = 768
    layers: int = 24
    d_inner: int = 1536
    d_state: int = 16
    d_conv: int = 4
    dt_rank: int = 48
    eps: float = 1e-5
    bias: bool = False
    conv_bias: bool = True
    tied: bool = True


class WideStream(PreNorm):
    """``PreNorm`` whose stream stays in float32 where the weights are in fewer bits: ``x + part(norm(x))``."""

    def forward(self, x_BTD: Tensor, step: Step) -> Tensor:
        """``x + part(norm(x))``, added in float32 at least."""
        read_BTD = self.norm(x_BTD.to(self.norm.get_parameter("weight").dtype))
        y_BTD: Tensor = self.stream(
            x_BTD.to(torch.promote_types(x_BTD.dtype, torch.float32)) + self.part(read_BTD, step)
        )
        return y_BTD


class Mamba(Decoder):
    """Mamba: pre-RMSNorm layers of one selective state space each, a final RMSNorm, a tied head. There are no
    positions.

    Initialization: the embedding N(0, 0.02²); of each layer what ``SelectiveSSM`` says, its output matrix over √N.
    There is no dropout. A text may be of any length: time grows with it, memory does not.

    Source: Gu and Dao (2023), section 3.4; initialization and the float32 stream as in the published code.
    Taught in ``transformers``, section 20.
    """

    def __init__(self, config: MambaConfig) -> None:
        c = config

        def layer() -> Layer:
            mixer = SelectiveSSM(c.d_model, c.d_inner, c.d_state, c.d_conv, c.dt_rank, c.bias, c.conv_bias)
            return Layer(WideStream(RMSNorm(c.d_model, c.eps), mixer))

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(layer() for _ in range(c.layers)),
            norm=RMSNorm(c.d_model, c.eps),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            tied=(("head.weight", "embed.weight"),) if c.tied else (),
        )

    def init_weights(self) -> None:
        """The embedding N(0, 0.02²), output matrices over √N."""
        normal(self, 0.02, "embed|head")
        with torch.no_grad():
            for layer in self.stack:
                layer.get_parameter("mixer.part.out_proj.weight").div_(len(self.stack) ** 0.5)

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """The head, in its own dtype."""
        return super().logits(hidden_BTD.to(self.get_parameter("head.weight").dtype))
