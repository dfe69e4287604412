"""UL2: T5 1.1 with SiLU in its gates, trained on a mixture of denoising tasks.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass

from torch import nn

from glassformer.models.t5 import RelativeEncoderDecoder, T5Config
from glassformer.parts.feedforward import GatedFeedForward


@dataclass(frozen=True)
class UL2Config(T5Config):
    """The sizes of a UL2. The defaults are those of the model with 20 billion parameters."""

    d_model: int = 4096
    encoder_layers: int = 32
    layers: int = 32
    heads: int = 16
    d_k: int = 256
    d_ff: int = 16384


class UL2(RelativeEncoderDecoder):
    """UL2: T5 with a gated feed-forward network with SiLU, and a head of its own.

    What is new about UL2 is what it is trained on; see ``glassformer.objectives``. Initialization and dropout are those
    of ``RelativeEncoderDecoder``.

    Source: Tay et al. (2022), section 4.1. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: UL2Config) -> None:
        c = config
        super().__init__(
            config, lambda: GatedFeedForward(c.d_model, c.d_ff, nn.SiLU(), bias=False, dropout=c.dropout), ()
        )
