"""Mixtral: Mistral's layer with eight feed-forward networks instead of one, two of which each token uses.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass, field

from torch import nn

from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import GatedFeedForward, MixtureOfExperts
from glassformer.parts.kernel import Fused
from glassformer.parts.mask import Everything, Window
from glassformer.parts.norm import RMSNorm
from glassformer.parts.residual import PreNorm
from glassformer.parts.rotary import Rotary
from glassformer.parts.rotary_scaling import Scaling, Unscaled
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class MixtralConfig:
    """The sizes of a Mixtral. The defaults are those of Mixtral 8x7B. ``window`` none means that all is seen."""

    vocab: int = 32000
    max_positions: int = 32768
    d_model: int = 4096
    layers: int = 32
    heads: int = 32
    kv_heads: int = 8
    d_k: int = 128
    d_ff: int = 14336
    experts: int = 8
    chosen: int = 2
    eps: float = 1e-5
    rope_base: float = 1000000.0
    rope_scaling: Scaling = field(default_factory=Unscaled)
    window: int | None = None
    attention_dropout: float = 0.0
    tied: bool = False


class Mixtral(Decoder):
    """Mixtral: a router gives each token to ``chosen`` of the ``experts``; their answers are added up by its weights.

    Initialization: weights N(0, 0.02²), norms 1; the paper states none, so it is the reference library's. There is no
    dropout, but on the attention weights if asked for.

    Source: Jiang et al. (2024), Mixtral of Experts, section 2. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: MixtralConfig) -> None:
        c = config
        mask = Everything() if c.window is None else Window(c.window)

        def expert() -> nn.Module:
            return GatedFeedForward(c.d_model, c.d_ff, nn.SiLU(), bias=False)

        def layer() -> Layer:
            attention = Attention(
                c.d_model,
                c.heads,
                c.kv_heads,
                d_k=c.d_k,
                bias=False,
                rotate=Rotary(c.d_k, c.rope_base, c.rope_scaling),
                mask=mask,
                kernel=Fused(c.d_k**-0.5, c.attention_dropout),
            )
            mixture = MixtureOfExperts(c.d_model, [expert() for _ in range(c.experts)], c.chosen)
            return Layer(
                PreNorm(RMSNorm(c.d_model, c.eps), attention),
                PreNorm(RMSNorm(c.d_model, c.eps), mixture),
            )

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(layer() for _ in range(c.layers)),
            norm=RMSNorm(c.d_model, c.eps),
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            tied=(("head.weight", "embed.weight"),) if c.tied else (),
        )

    def init_weights(self) -> None:
        """N(0, 0.02²) everywhere."""
        normal(self, 0.02)
