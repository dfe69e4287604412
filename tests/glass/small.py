"""Small random models for the tests of the glass: a distinct size for every axis, and a tokenizer of letters."""

from types import SimpleNamespace

import torch
from torch import nn

from glassformer.models.encoder_decoder import EncoderDecoder
from glassformer.models.gpt import GPT1, GPT2, GPTConfig
from glassformer.models.initialize import normal
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.models.trunk import Trunk
from glassformer.parts.attention import Attention, CrossAttention
from glassformer.parts.feedforward import FeedForward, MixtureOfExperts
from glassformer.parts.norm import LayerNorm
from glassformer.parts.residual import Normed, Parallel, PreNorm
from glassformer.parts.stack import Layer, Stack

IDS = [71, 2, 53, 2, 29, 11, 90]
SOURCE = [5, 88, 40, 13, 61]


class Letters:
    """One token a letter; the id is the place in the alphabet."""

    alphabet = "".join(map(chr, range(32, 32 + 97)))

    def encode(self, text):
        return [self.alphabet.index(letter) for letter in text]

    def decode(self, ids):
        return "".join(self.alphabet[i] for i in ids)


class Translator(EncoderDecoder):
    """Pre-norm layers on both sides, three in the encoder and two in the decoder."""

    def __init__(self):
        d, heads = 33, 3

        def norm():
            return LayerNorm(d)

        super().__init__(
            SimpleNamespace(),
            embed=nn.Embedding(97, d),
            stack=Stack(
                Layer(
                    PreNorm(norm(), Attention(d, heads)),
                    PreNorm(norm(), CrossAttention(d, heads)),
                    PreNorm(norm(), FeedForward(d, 59, nn.ReLU())),
                )
                for _ in range(2)
            ),
            norm=norm(),
            encoder=Trunk(
                Stack(
                    Layer(PreNorm(norm(), Attention(d, heads)), PreNorm(norm(), FeedForward(d, 59, nn.ReLU())))
                    for _ in range(3)
                ),
                norm=norm(),
            ),
            head=nn.Linear(d, 97, bias=False),
        )

    def init_weights(self):
        normal(self, 0.3)


class Odd(GPT2):
    """What the others lack: sublayers in parallel, a mixture of experts, and one layer that stands in two places."""

    def __init__(self):
        super().__init__(GPTConfig(97, 61, 55, 1, 5, 59))
        norm, heads = LayerNorm(55), 5
        parallel = Layer(
            Parallel(Normed(norm, Attention(55, heads)), Normed(LayerNorm(55), FeedForward(55, 59, nn.ReLU())))
        )
        experts = [FeedForward(55, 23, nn.ReLU()) for _ in range(4)]
        shared = Layer(PreNorm(LayerNorm(55), Attention(55, heads)), PreNorm(norm, MixtureOfExperts(55, experts, 2)))
        self.stack = Stack([parallel, shared, shared])
        self.init_weights()


MODELS = {
    "gpt2": lambda: GPT2(GPTConfig(97, 61, 55, 3, 5, 59, dropout=0.1)),
    "gpt1": lambda: GPT1(GPTConfig(97, 61, 55, 3, 5, 59, dropout=0.1)),
    "llama": lambda: Llama(LlamaConfig(97, 61, 83, 2, 6, 3, 14, 59)),
    "translator": Translator,
    "odd": Odd,
}
SIZES = {
    "gpt2": {"D": 55, "H": 5, "G": 5, "K": 11, "F": 59},
    "gpt1": {"D": 55, "H": 5, "G": 5, "K": 11, "F": 59},
    "llama": {"D": 83, "H": 6, "G": 3, "K": 14, "F": 59},
    "translator": {"D": 33, "H": 3, "G": 3, "K": 11, "F": 59},
}


def small(name="gpt2", seed=20250131):
    """A model of that kind with random weights that are large enough to tell tokens apart."""
    torch.manual_seed(seed)
    model = MODELS[name]()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(8 if name != "translator" else 1)
    return model


def beside(name):
    """What a trace of that model needs beside the text."""
    return {"source": SOURCE} if name == "translator" else {}


def plainly(model, name, ids=None):
    """The logits of a call that nothing watches."""
    ids = torch.tensor([IDS if ids is None else ids])
    if name == "translator":
        return model(ids, memory=model.encode(torch.tensor([SOURCE])))
    return model(ids)
