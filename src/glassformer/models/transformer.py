"""The transformer of 2017: the encoder-decoder with which it began.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass

import torch
from torch import nn

from glassformer.models.encoder_decoder import EncoderDecoder
from glassformer.models.trunk import Trunk
from glassformer.parts.attention import Attention, CrossAttention
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.kernel import Fused
from glassformer.parts.norm import LayerNorm
from glassformer.parts.position import SinusoidalPositions
from glassformer.parts.residual import PostNorm
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class TransformerConfig:
    """The sizes of the first transformer. The defaults are those of the base model, with 37,000 tokens.

    ``attention_bias`` gives q, k, v and out a bias. The paper writes none.
    """

    vocab: int = 37000
    d_model: int = 512
    encoder_layers: int = 6
    layers: int = 6
    heads: int = 8
    d_ff: int = 2048
    eps: float = 1e-6
    dropout: float = 0.1
    attention_dropout: float = 0.0
    attention_bias: bool = False


class Transformer(EncoderDecoder):
    """The 2017 transformer: post-LayerNorm layers with ReLU, sinusoids added to √D times the embedding, one matrix for
    source, target and head. There is no norm after the last layer.

    Initialization (the released code, tensor2tensor): the embedding N(0, 1/D); the matrices uniform with variance
    2 / (in + out), known as Glorot's or Xavier's; biases 0, norms 1 and 0. Dropout: on the sum of embedding and
    positions, and on what each sublayer adds; on the attention weights if asked for, as the released code does.

    Source: Vaswani et al. (2017), sections 3 and 5.4. Taught in ``transformers``, section 8.
    """

    def __init__(self, config: TransformerConfig) -> None:
        c = config

        def around(part: nn.Module) -> PostNorm:
            return PostNorm(LayerNorm(c.d_model, c.eps), part, c.dropout)

        def kernel() -> Fused:
            return Fused((c.d_model // c.heads) ** -0.5, c.attention_dropout)

        def attention() -> PostNorm:
            return around(Attention(c.d_model, c.heads, bias=c.attention_bias, kernel=kernel()))

        def cross() -> PostNorm:
            return around(CrossAttention(c.d_model, c.heads, bias=c.attention_bias, kernel=kernel()))

        def feedforward() -> PostNorm:
            return around(FeedForward(c.d_model, c.d_ff, nn.ReLU()))

        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            encoder=Trunk(
                Stack(Layer(attention(), feedforward()) for _ in range(c.encoder_layers)),
                positions=SinusoidalPositions(c.d_model),
                dropout=c.dropout,
            ),
            stack=Stack(Layer(attention(), cross(), feedforward()) for _ in range(c.layers)),
            positions=SinusoidalPositions(c.d_model),
            dropout=c.dropout,
            head=nn.Linear(c.d_model, c.vocab, bias=False),
            tied=(("head.weight", "embed.weight"),),
            scale=c.d_model**0.5,
        )

    @torch.no_grad()
    def init_weights(self) -> None:
        """The embedding N(0, 1/D), all other matrices uniform with variance 2 / (in + out)."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.embed.weight, std=self.config.d_model**-0.5)
