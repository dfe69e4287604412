"""Mamba: no attention. Each layer is one selective state space, which carries the past in a hidden state of fixed size.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.mask import Causal, Mask
from glassformer.parts.norm import RMSNorm
from glassformer.parts.residual import PreNorm
from glassformer.parts.ssm import SelectiveSSM
from glassformer.parts.stack import Layer, Stack
from glassformer.parts.state import State
from glassformer.parts.step import Memory, Step


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
    """``PreNorm`` whose stream stays in float32 where the weights are in fewer bits: ``x + part(norm(x))``.

    Taught in ``transformers``, section 20.
    """

    norm: RMSNorm

    def forward(self, x_BTD: Tensor, step: Step) -> Tensor:
        """``x + part(norm(x))``, added in float32 at least; the norm and the part read it as their weights are."""
        wide_BTD = x_BTD.to(torch.promote_types(x_BTD.dtype, torch.float32))
        y_BTD: Tensor = self.stream(wide_BTD + self.part(self.norm(x_BTD.to(self.norm.weight.dtype)), step))
        return y_BTD


class Mamba(Decoder):
    """Mamba: pre-RMSNorm layers of one selective state space each, a final RMSNorm, a tied head. There are no
    positions.

    Initialization: the embedding N(0, 0.02²); each mixer as ``SelectiveSSM`` says, its output matrix over √N, its outer
    biases, if any, 0. There is no dropout. A text may be of any length: time grows with it, memory does not.

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

    def begin(self, ids: Tensor, mask: Mask | Tensor | None, state: State | None, memory: Memory | None = None) -> Step:
        """As in every model. Raises ``ValueError`` for a ``Mask`` but ``Causal()``: a recurrence skips nothing."""
        if isinstance(mask, Mask) and mask != Causal():
            kind = type(mask).__name__
            raise ValueError(f"mask must be a tensor [B, T] or Causal(), not {kind}: a token hears of all before it.")
        return super().begin(ids, mask, state, memory)

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """What the head makes of hidden states, ``[B, T, vocab]``, in the dtype of the weights."""
        return super().logits(hidden_BTD.to(self.embed.weight.dtype))

    @torch.no_grad()
    def init_weights(self) -> None:
        """The embedding N(0, 0.02²); each mixer anew, its output matrix over √N, its outer biases 0."""
        normal(self, 0.02, "embed")
        for module in self.modules():
            if isinstance(module, SelectiveSSM):
                module.reset()
                module.out_proj.weight /= self.config.layers**0.5
                for bias in (module.in_proj.bias, module.out_proj.bias):
                    if bias is not None:
                        nn.init.zeros_(bias)
