"""How a recurrent decoder hears of the source: one vector for all of it, or a look at every place of it.

Legend: B batch, T target time, S source time, D d_in, H d_hidden, M d_memory.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glassformer.parts.recurrent import Carried, CarriedEntry, Cell, Recurrent
from glassformer.parts.step import Memory, Step
from glassformer.parts.tap import Tap


def summary(memory: Memory) -> Tensor:
    """One vector for the whole source, ``[B, M]``: what the cell from the left says at the last real token beside what
    the one from the right says at the first. ``M = 2H``, from a ``Bidirectional``.
    """
    hidden_BSM = memory.hidden
    half = hidden_BSM.shape[-1] // 2
    last_B = torch.full_like(hidden_BSM[:, 0, 0], hidden_BSM.shape[1] - 1, dtype=torch.long)
    first_B = torch.zeros_like(last_B)
    if memory.real is not None:
        places_BS = torch.arange(memory.real.shape[1], device=memory.real.device).expand_as(memory.real)
        last_B = torch.where(memory.real, places_BS, 0).amax(1)
        first_B = torch.where(memory.real, places_BS, memory.real.shape[1] - 1).amin(1)
    rows_B = torch.arange(len(hidden_BSM), device=hidden_BSM.device)
    return torch.cat([hidden_BSM[rows_B, last_B, :half], hidden_BSM[rows_B, first_B, half:]], -1)


class Score(nn.Module):
    """How well a state of the decoder fits each place of the source: ``score(queries, keys)``."""

    def keys(self, memory_BSM: Tensor) -> Tensor:
        """What is computed of the source once, ``[B, S, …]``."""
        raise NotImplementedError

    def forward(self, q_BTH: Tensor, keys_BS: Tensor) -> Tensor:
        """The scores, ``[B, T, S]``."""
        raise NotImplementedError


class Additive(Score):
    """``v · tanh(q W + k U)``: a small network compares the two.

    Source: Bahdanau, Cho and Bengio (2015), appendix A.1.2. Taught in ``rnn_intro``, section 10.
    """

    def __init__(self, d_hidden: int, d_memory: int, d_inner: int) -> None:
        super().__init__()
        self.query = nn.Linear(d_hidden, d_inner, bias=False)
        self.key = nn.Linear(d_memory, d_inner, bias=False)
        self.v = nn.Linear(d_inner, 1, bias=False)

    def keys(self, memory_BSM: Tensor) -> Tensor:
        """``k U``."""
        return cast(Tensor, self.key(memory_BSM))

    def forward(self, q_BTH: Tensor, keys_BS: Tensor) -> Tensor:
        """The scores, ``[B, T, S]``."""
        return cast(Tensor, self.v(torch.tanh(self.query(q_BTH)[:, :, None] + keys_BS[:, None]))).squeeze(-1)


class General(Score):
    """``q · (k W)``: a product, as in the transformer, but without the division by a root.

    Source: Luong, Pham and Manning (2015), equation 8, *general*. Taught in ``rnn_intro``, section 10.
    """

    def __init__(self, d_hidden: int, d_memory: int) -> None:
        super().__init__()
        self.key = nn.Linear(d_memory, d_hidden, bias=False)

    def keys(self, memory_BSM: Tensor) -> Tensor:
        """``k W``."""
        return cast(Tensor, self.key(memory_BSM))

    def forward(self, q_BTH: Tensor, keys_BS: Tensor) -> Tensor:
        """The scores, ``[B, T, S]``."""
        return q_BTH @ keys_BS.mT


class Look(nn.Module):
    """Attention of a recurrent decoder: ``α = softmax(score(q, memory))`` over the real places, ``context = α memory``.

    Args:
        score: ``Additive`` or ``General``.
    """

    def __init__(self, score: Score) -> None:
        super().__init__()
        self.score = score
        self.weights = Tap("B T S", 20)

    def forward(self, q_BTH: Tensor, memory: Memory, keys_BS: Tensor) -> Tensor:
        """The contexts, ``[B, T, M]``."""
        scores_BTS = self.score(q_BTH, keys_BS)
        if memory.real is not None:
            scores_BTS = scores_BTS.masked_fill(~memory.real[:, None], -torch.inf)
        context_BTM: Tensor = self.weights(scores_BTS.softmax(-1)) @ memory.hidden
        return context_BTM


class Conditioned(Recurrent):
    """A cell that reads each token beside a summary of the source, always the same: the bottleneck of seq2seq.

    Args:
        cell: reads ``d_in + d_memory`` numbers.
        dropout: as for ``Recurrent``.

    Source: Cho et al. (2014), section 2.2. Taught in ``rnn_intro``, section 10.
    """

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """The hidden state after each token, ``[B, T, H]``."""
        said_BTM = summary(_memory(step))[:, None].expand(-1, x_BTD.shape[1], -1)
        return super().forward(torch.cat([x_BTD, said_BTM], -1), step)


class Attentive(Recurrent):
    """A cell that looks at the source before each token: ``c_t = look(h_{t−1})``, then it reads ``[x_t, c_t]``.

    Args:
        cell: reads ``d_in + d_memory`` numbers.
        score: compares a hidden state with a place of the source.
        dropout: as for ``Recurrent``.

    Shapes: ``[B, T, D]`` in, ``[B, T, H + M]`` out: the hidden state, and what it looked at. The decoder begins from 0.
    Source: Bahdanau, Cho and Bengio (2015), section 3.1. Taught in ``rnn_intro``, section 10.
    """

    def __init__(self, cell: Cell, score: Score, dropout: float = 0.0) -> None:
        super().__init__(cell, dropout)
        self.look = Look(score)

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """The hidden state after each token beside its context."""
        memory, keys_BS = _memory(step), self.look.score.keys(_memory(step).hidden)
        assert step is not None
        entry = cast(CarriedEntry | None, step.entry(self))
        carried: Carried = self.cell.start(len(x_BTD), x_BTD) if entry is None else entry.snapshot(0)
        found = []
        for time in range(x_BTD.shape[1]):
            context_BM = self.look(carried[0][:, None], memory, keys_BS)[:, 0]
            new = self.cell(torch.cat([x_BTD[:, time], context_BM], -1), carried)
            if step.real is not None:
                real_B1 = step.real[:, time, None]
                new = tuple(torch.where(real_B1, one, before) for one, before in zip(new, carried, strict=True))
            carried = new
            found.append(torch.cat([carried[0], context_BM], -1))
        if entry is not None:
            entry.keep(carried)
        dropped: Tensor = self.dropout(self.hidden(torch.stack(found, 1)))
        return dropped


class LookAfter(nn.Module):
    """Attention after the recurrence: ``tanh(W [look(h_t), h_t])``. All tokens of a known target look at once.

    Args:
        score: compares a hidden state with a place of the source.
        d_hidden, d_memory: the widths H and M.

    Shapes: ``[B, T, H]`` in and out.
    Source: Luong, Pham and Manning (2015), equation 5. Taught in ``rnn_intro``, section 10.
    """

    role = "attention"

    def __init__(self, score: Score, d_hidden: int, d_memory: int) -> None:
        super().__init__()
        self.look = Look(score)
        self.join = nn.Linear(d_memory + d_hidden, d_hidden, bias=False)

    def forward(self, h_BTH: Tensor, step: Step | None = None) -> Tensor:
        """What is said of each token."""
        memory = _memory(step)
        context_BTM = self.look(h_BTH, memory, self.look.score.keys(memory.hidden))
        return torch.tanh(self.join(torch.cat([context_BTM, h_BTH], -1)))


def _memory(step: Step | None) -> Memory:
    if step is None or step.memory is None:
        raise ValueError("memory must be given: this decoder reads a source. See model.encode.")
    return step.memory
