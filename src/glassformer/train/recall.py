"""Learning to recall: a cell, a head on its last hidden state, and the loop that trains both. See ``data.recall``."""

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from glassformer.data.recall import SYMBOLS, recall
from glassformer.parts.recurrent import Cell, GRUCell, LSTMCell, Recurrent
from glassformer.train.optimizer import Adam

C = TypeVar("C", bound=Cell)

CELL_INPUT = SYMBOLS + 1
"""How many numbers a cell for this task reads."""


@torch.no_grad()
def opened(cell: C, bias: float) -> C:
    """``cell``, changed so that the gate that keeps begins near σ(bias): the forget gate of an LSTM, the update gate of
    a GRU. The biases of its hidden part become 0, those of its input part ``bias``; all else stays as it was drawn.

    With ``bias = log T`` the gate begins near T/(T + 1), and what is kept over T steps near 1/e: the idea of Tallec and
    Ollivier (2018). Jozefowicz et al. (2015) advise 1 for an LSTM.

    Raises ``ValueError`` for a cell without such a gate or without biases. Taught in ``rnn_intro``, section 10.
    """
    gate = {LSTMCell: 1, GRUCell: 1}.get(type(cell))  # the second of i, f, g, o and of r, z, n
    if gate is None or cell.from_input.bias is None:
        raise ValueError(f"cell must be an LSTMCell or a GRUCell with biases, not {cell}.")
    rows = slice(gate * cell.d_hidden, (gate + 1) * cell.d_hidden)
    cell.from_input.bias[rows] = bias
    cell.from_hidden.bias[rows] = 0.0
    return cell


class Recaller(nn.Module):
    """``logits = Linear(the cell's hidden state after the last token)``.

    Args:
        cell: reads the 9 numbers of a token of ``data.recall``.

    Shapes: ``[B, T, 9]`` in, ``[B, 8]`` out.
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.recurrent = Recurrent(cell)
        self.head = nn.Linear(cell.d_hidden, SYMBOLS)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """The logits of the 8 symbols."""
        logits: Tensor = self.head(self.recurrent(x_BTD)[:, -1])
        return logits


def learn(model: Recaller, blanks: int, steps: int, lr: float = 0.01, clip: float = 1.0) -> list[tuple[float, float]]:
    """Train ``model`` on the recall task: each step on all 8 sequences, with Adam and gradients of length ``clip`` at
    most. Returns the loss in nats and the accuracy before each step and after the last, ``steps + 1`` pairs.

    The loss is that of the answer alone, at the end of each sequence. A model that only guesses has ``log 8 ≈ 2.08``.
    Raises ``ValueError`` if ``blanks`` is below 1.
    """
    inputs, answers = recall(blanks)
    optimizer = Adam(model.parameters(), lr=lr)
    told = []
    for step in range(steps + 1):
        with torch.set_grad_enabled(step < steps):
            logits = model(inputs)
            loss = cross_entropy(logits, answers)
        told.append((loss.item(), (logits.argmax(-1) == answers).float().mean().item()))
        if step < steps:
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
    return told
