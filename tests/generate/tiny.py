"""Tiny random models of every kind, and the slow way to do what the package does with a state.

Legend: B batch, T tokens, V vocab.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from glassformer.models.bart import Bart, BartConfig
from glassformer.models.encoder_decoder import EncoderDecoder
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.models.mamba import Mamba, MambaConfig
from glassformer.models.rnn import RecurrentConfig, RecurrentLM
from glassformer.models.t5 import T5, T5Config
from glassformer.models.trunk import Decoder, Trunk
from glassformer.parts.attention import Attention, CrossAttention
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.norm import LayerNorm, RMSNorm
from glassformer.parts.position import LearnedPositions
from glassformer.parts.residual import PreNorm
from glassformer.parts.ssm import SelectiveSSM
from glassformer.parts.stack import Layer, Stack
from glassformer.parts.step import Memory

POSITIONS = 61


@dataclass(frozen=True)
class Config:
    vocab: int


class Mixer(SelectiveSSM):
    role = "ssm"


class Recurrent(Decoder):
    """Two layers of selective state spaces: its state is one moment's, and goes back only by copy."""

    def __init__(self, vocab: int) -> None:
        super().__init__(
            Config(vocab),
            embed=nn.Embedding(vocab, 11),
            stack=Stack(Layer(PreNorm(RMSNorm(11), Mixer(11, 23, 5, 3, 2))) for _ in range(2)),
            norm=RMSNorm(11),
            head=nn.Linear(11, vocab, bias=False),
        )

    def init_weights(self) -> None: ...


class Hybrid(Decoder):
    """One layer that keeps keys and values, one that keeps a hidden state."""

    def __init__(self, vocab: int) -> None:
        super().__init__(
            Config(vocab),
            embed=nn.Embedding(vocab, 10),
            stack=Stack([Layer(PreNorm(RMSNorm(10), Attention(10, 2))), Layer(PreNorm(RMSNorm(10), Mixer(10, 23, 5)))]),
            head=nn.Linear(10, vocab, bias=False),
        )

    def init_weights(self) -> None: ...


class Translator(EncoderDecoder):
    """An encoder-decoder from parts, so that these tests rest on no particular one."""

    def __init__(self, vocab: int) -> None:
        def layer(decoder: bool) -> Layer:
            cross = [PreNorm(LayerNorm(12), CrossAttention(12, 3))] if decoder else []
            feedforward = PreNorm(LayerNorm(12), FeedForward(12, 19, nn.ReLU()))
            return Layer(PreNorm(LayerNorm(12), Attention(12, 2)), *cross, feedforward)

        super().__init__(
            Config(vocab),
            embed=nn.Embedding(vocab, 12),
            positions=LearnedPositions(POSITIONS, 12),
            stack=Stack(layer(True) for _ in range(2)),
            norm=LayerNorm(12),
            head=nn.Linear(12, vocab),
            encoder=Trunk(Stack([layer(False)]), positions=LearnedPositions(POSITIONS, 12)),
            max_positions=POSITIONS,
        )

    def init_weights(self) -> None: ...


def gpt2(vocab: int) -> GPT2:
    return GPT2(GPTConfig(vocab=vocab, max_positions=POSITIONS, d_model=15, layers=2, heads=3, d_ff=29))


def llama(vocab: int) -> Llama:
    return Llama(
        LlamaConfig(vocab=vocab, max_positions=POSITIONS, d_model=17, layers=2, heads=6, kv_heads=2, d_k=4, d_ff=29)
    )


def t5(vocab: int) -> T5:
    return T5(
        T5Config(vocab, d_model=11, encoder_layers=1, layers=2, heads=3, d_k=5, d_ff=19, buckets=6, max_distance=7)
    )


def bart(vocab: int) -> Bart:
    heads, widths = {"encoder_heads": 3, "heads": 2}, {"d_model": 12, "encoder_d_ff": 19, "d_ff": 29}
    return Bart(BartConfig(vocab=vocab, max_positions=POSITIONS, encoder_layers=1, layers=2, **heads, **widths))


MAKERS: dict[str, Callable[[int], Any]] = {
    "gpt2": gpt2,
    "llama": llama,
    "t5": t5,
    "bart": bart,
    "encoder-decoder": Translator,
    "ssm": Recurrent,
    "hybrid": Hybrid,
    "mamba": lambda vocab: Mamba(MambaConfig(vocab=vocab, d_model=11, layers=2, d_inner=22, d_state=5, dt_rank=3)),
    "lstm": lambda vocab: RecurrentLM(RecurrentConfig(vocab=vocab, d_model=11, d_hidden=17, layers=2)),
}
KINDS = list(MAKERS)


def make(kind: str, vocab: int = 13, seed: int = 0) -> Any:
    """A model whose answers differ: at the usual initialization all tokens are about as likely."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MAKERS[kind](vocab).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.5 * torch.randn_like(parameter))
    return model


def source(model: Any, batch: int) -> Memory | None:
    """For an encoder-decoder a memory with pads; for a decoder none."""
    if not isinstance(model, EncoderDecoder):
        return None
    ids = numbers(batch, 7, model.config.vocab, seed=5)
    mask = torch.arange(7) < torch.tensor([7, 4, 5, 2, 3, 6, 7])[:batch, None]
    with torch.no_grad():
        return model.encode(ids, mask)


def numbers(batch: int, tokens: int, vocab: int = 13, seed: int = 3) -> Tensor:
    return torch.randint(0, vocab, (batch, tokens), generator=torch.Generator().manual_seed(seed))


def given(memory: Memory | None) -> dict[str, Any]:
    return {} if memory is None else {"memory": memory}


@torch.no_grad()
def last(model: Any, ids: Tensor, memory: Memory | None) -> Tensor:
    """The logits of the token after ``ids``, without a state: the whole text is read again."""
    logits: Tensor = model(ids, **given(memory))[:, -1]
    return logits


def slow_greedy(model: Any, ids: Tensor, memory: Memory | None, max_new: int) -> Tensor:
    start = ids.shape[1]
    for _ in range(max_new):
        ids = torch.cat((ids, last(model, ids, memory).argmax(-1, keepdim=True)), 1)
    return ids[:, start:]


def row(memory: Memory | None, number: int) -> Memory | None:
    """One row of a memory."""
    if memory is None:
        return None
    return Memory(*(None if each is None else each[number : number + 1] for each in memory))  # type: ignore[arg-type]
