"""Where the norm stands: the same decoder with the norm before each part or after each addition, and how it learns.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from glassformer.data.plays import plays, words
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import FeedForward
from glassformer.parts.norm import LayerNorm
from glassformer.parts.position import LearnedPositions
from glassformer.parts.residual import PostNorm, PreNorm
from glassformer.parts.stack import Layer, Stack

LETTERS = " abcdefghijklmnopqrstuvwxyz'"
"""The 28 signs of the task."""
LENGTH = 32
"""How many letters the model reads at once."""


@dataclass(frozen=True)
class PlacedConfig:
    """Sizes of a ``Placed``. ``pre`` says where the norm stands."""

    pre: bool = True
    layers: int = 12
    d_model: int = 64
    heads: int = 4
    vocab: int = len(LETTERS)
    max_positions: int = LENGTH


class Placed(Decoder):
    """A decoder that differs in the placement of its norms only: ``x + part(norm(x))`` and a last norm, or
    ``norm(x + part(x))``.

    Initialization as in Xiong et al. (2020), section 3.3: matrices by Xavier's rule, biases 0, norms 1 and 0; the
    embedding and the positions N(0, 0.5), so that their sum has entries of variance 1. There is no dropout.
    Taught in ``transformers``, section 7.
    """

    def __init__(self, config: PlacedConfig) -> None:
        c = config
        around = PreNorm if c.pre else PostNorm
        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            positions=LearnedPositions(c.max_positions, c.d_model),
            stack=Stack(
                Layer(
                    around(LayerNorm(c.d_model), Attention(c.d_model, c.heads)),
                    around(LayerNorm(c.d_model), FeedForward(c.d_model, 4 * c.d_model, nn.ReLU())),
                )
                for _ in range(c.layers)
            ),
            norm=LayerNorm(c.d_model) if c.pre else None,
            head=nn.Linear(c.d_model, c.vocab),
            max_positions=c.max_positions,
        )

    @torch.no_grad()
    def init_weights(self) -> None:
        """Xavier's rule for the matrices, N(0, 0.5) for the two tables."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
            if isinstance(module, nn.Embedding | LearnedPositions):
                nn.init.normal_(module.weight, std=0.5**0.5)


@cache
def letters() -> Tensor:
    """The comedies as numbers of ``LETTERS``, one after another."""
    text = " ".join(" ".join(words(passage)) for play in plays() if play.kind == "comedy" for passage in play.passages)
    return torch.tensor([LETTERS.index(letter) for letter in text])


def batch(draw: torch.Generator, rows: int = 16) -> tuple[Tensor, Tensor]:
    """``rows`` pieces of ``LENGTH`` letters, and for each letter the next one: twice ``[rows, LENGTH]``."""
    text = letters()
    at = torch.randint(0, len(text) - LENGTH, (rows, 1), generator=draw) + torch.arange(LENGTH + 1)
    return text[at[:, :-1]], text[at[:, 1:]]


def loss_of(model: nn.Module, ids: Tensor, following: Tensor) -> Tensor:
    """The mean cross-entropy of the next letter, in nats."""
    return cross_entropy(model(ids).flatten(0, 1), following.flatten())


def gradients(model: Placed, draw: torch.Generator, rows: int = 16) -> Tensor:
    """The length of the loss's gradient by each layer's ``down``, ``[N]``, as in Xiong et al. (2020), figure 3."""
    model.zero_grad()
    loss_of(model, *batch(draw, rows)).backward()  # type: ignore[no-untyped-call]
    lengths = [layer.feedforward.part.down.weight.grad.norm() for layer in model.stack]  # type: ignore
    model.zero_grad()
    return torch.stack(lengths)


def learn(model: nn.Module, steps: int, rate: float, warmup: int, draw: torch.Generator) -> list[float]:
    """Train with Adam, ``β₂`` = 0.98; the rate rises to ``rate`` over ``warmup`` steps and stays. Returns each step's
    loss.

    The gradient is not clipped: clipping would hide what is to be seen.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, betas=(0.9, 0.98))
    told = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / max(1, warmup))
        optimizer.zero_grad()
        loss = loss_of(model, *batch(draw))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        told.append(loss.item())
    return told
