"""Recurrence: a text is read token by token, and what was read is kept in a hidden state.

Three cells, from the plain one to those with gates, and what runs a cell over a text. Legend: B batch, T time, D d_in,
H d_hidden.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from glassformer.parts.step import Step
from glassformer.parts.tap import Tap

Carried = tuple[Tensor, ...]
"""What a cell hands to its next step: ``(h,)``, or ``(h, c)`` for an LSTM, each ``[B, H]``."""


class Cell(nn.Module):
    """What all cells have: a matrix that reads the input and one that reads the hidden state, for all gates at once.

    Args:
        d_in, d_hidden: the widths D and H.
        bias: whether both sums have a bias. Two are one too many, but PyTorch and cuDNN keep two.

    Initialization: all from the uniform distribution between ±1/√H, as in PyTorch.
    """

    gates = 1
    carried = 1

    def __init__(self, d_in: int, d_hidden: int, bias: bool = True) -> None:
        super().__init__()
        for name, size in {"d_in": d_in, "d_hidden": d_hidden}.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, not {size}.")
        self.d_hidden = d_hidden
        self.from_input = nn.Linear(d_in, self.gates * d_hidden, bias=bias)
        self.from_hidden = nn.Linear(d_hidden, self.gates * d_hidden, bias=bias)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Draw the weights anew."""
        for weight in self.parameters():
            nn.init.uniform_(weight, -(self.d_hidden**-0.5), self.d_hidden**-0.5)

    def start(self, batch: int, like: Tensor) -> Carried:
        """Nothing has been read: zeros."""
        return tuple(like.new_zeros(batch, self.d_hidden) for _ in range(self.carried))

    def step(self, read: Tensor, carried: Carried) -> Carried:
        """One token. ``read`` is ``from_input`` of it, ``[B, gates · H]``."""
        raise NotImplementedError

    def forward(self, x_BD: Tensor, carried: Carried) -> Carried:
        """One token, from its vector."""
        return self.step(self.from_input(x_BD), carried)


class RNNCell(Cell):
    """The plain recurrence: ``h ← tanh(x W_x + b_x + h W_h + b_h)``.

    Source: Elman (1990). Taught in ``rnn_intro``, section 3.
    """

    def step(self, read: Tensor, carried: Carried) -> Carried:
        """The new hidden state."""
        (h_BH,) = carried
        return (torch.tanh(read + self.from_hidden(h_BH)),)


class LSTMCell(Cell):
    """A memory cell c behind gates; what is kept in it is neither squashed nor multiplied by a matrix at each step.

    ``i, f, o = σ(…)`` and ``g = tanh(…)``, each its own ``x W_x + b_x + h W_h + b_h``; ``c ← f · c + i · g``;
    ``h ← o · tanh(c)``. The order of the gates in the matrices is i, f, g, o, as in PyTorch.

    Source: Hochreiter and Schmidhuber (1997); the forget gate f: Gers et al. (2000).
    Taught in ``rnn_intro``, section 10.
    """

    gates = 4
    carried = 2

    def __init__(self, d_in: int, d_hidden: int, bias: bool = True) -> None:
        super().__init__(d_in, d_hidden, bias)
        self.input_gate, self.forget_gate, self.output_gate = (Tap("B H", 20) for _ in range(3))

    def step(self, read: Tensor, carried: Carried) -> Carried:
        """The new hidden state and the new memory cell."""
        h_BH, c_BH = carried
        i, f, g, o = (read + self.from_hidden(h_BH)).chunk(4, -1)
        i, f, o = self.input_gate(i.sigmoid()), self.forget_gate(f.sigmoid()), self.output_gate(o.sigmoid())
        c_BH = f * c_BH + i * g.tanh()
        return o * c_BH.tanh(), c_BH


class GRUCell(Cell):
    """Two gates and no cell: how much of the old state to look at, and how much of it to keep.

    ``r, z = σ(…)``; ``n = tanh(x W_xn + b_xn + r · (h W_hn + b_hn))``; ``h ← (1 − z) · n + z · h``. The order in the
    matrices is r, z, n, as in PyTorch; r multiplies after the matrix, which is where the paper has it before.

    Source: Cho et al. (2014), section 2.3. Taught in ``rnn_intro``, section 10.
    """

    gates = 3

    def __init__(self, d_in: int, d_hidden: int, bias: bool = True) -> None:
        super().__init__(d_in, d_hidden, bias)
        self.reset_gate, self.update_gate = Tap("B H", 20), Tap("B H", 20)

    def step(self, read: Tensor, carried: Carried) -> Carried:
        """The new hidden state."""
        (h_BH,) = carried
        read_r, read_z, read_n = read.chunk(3, -1)
        told_r, told_z, told_n = self.from_hidden(h_BH).chunk(3, -1)
        r, z = self.reset_gate((read_r + told_r).sigmoid()), self.update_gate((read_z + told_z).sigmoid())
        n = torch.tanh(read_n + r * told_n)
        return ((1 - z) * n + z * h_BH,)


class CarriedEntry:
    """What a recurrent layer keeps between calls: its hidden state. Its size does not grow with the text."""

    def __init__(self, carried: Carried) -> None:
        self.carried = carried

    def keep(self, carried: Carried) -> None:
        """Go on from here."""
        for mine, new in zip(self.carried, carried, strict=True):
            mine.copy_(new.detach())

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes what row ``rows[i]`` was."""
        for mine in self.carried:
            mine.copy_(mine[rows])

    def snapshot(self, position: int) -> Carried:
        """A copy: what was forgotten can not be computed back."""
        return tuple(mine.clone() for mine in self.carried)

    def restore(self, snapshot: Carried) -> None:
        """Come back to the moment of ``snapshot``."""
        self.keep(snapshot)


class Recurrent(nn.Module):
    """A cell over a text: it reads token after token and gives its hidden state after each.

    Args:
        cell: such as ``LSTMCell(8, 16)``.
        dropout: the share of the hidden states that is dropped in training, on the way to the next layer.

    Shapes: ``[B, T, D]`` in, ``[B, T, H]`` out. Time grows as T, one step after the other; memory between calls not at
    all. At a pad (``step.real`` false) the hidden state stays as it is, so rows of different lengths give what each
    gives alone. With a state of the caller, no gradient flows into what came before this call.

    Taught in ``rnn_intro``, section 3.
    """

    role = "recurrent"
    slot: int = -1  # a state numbers its modules

    def __init__(self, cell: Cell, dropout: float = 0.0) -> None:
        super().__init__()
        self.cell = cell
        self.dropout = nn.Dropout(dropout)
        self.hidden = Tap("B T H", 20)

    def new_entry(self, batch: int, max_len: int, device: torch.device, dtype: torch.dtype) -> CarriedEntry:
        """An empty entry for a state. ``max_len`` plays no part."""
        like = torch.empty(0, device=device, dtype=dtype)
        return CarriedEntry(self.cell.start(batch, like))

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """The hidden state after each token. Without a ``step`` the call stands alone and every token is real."""
        entry = None if step is None else cast(CarriedEntry | None, step.entry(self))
        start = self.cell.start(len(x_BTD), x_BTD) if entry is None else entry.snapshot(0)
        h_BTH, last = self.run(x_BTD, start, None if step is None else step.real)
        if entry is not None:
            entry.keep(last)
        dropped: Tensor = self.dropout(self.hidden(h_BTH))
        return dropped

    def run(
        self, x_BTD: Tensor, carried: Carried, real_BT: Tensor | None = None, backward: bool = False
    ) -> tuple[Tensor, Carried]:
        """The hidden states ``[B, T, H]`` and what is carried on, from any beginning; ``backward`` from the end."""
        read = self.cell.from_input(x_BTD)  # of all tokens at once: only the hidden state has to wait
        found: list[Tensor] = []
        order = range(x_BTD.shape[1])[:: -1 if backward else 1]
        for time in order:
            new = self.cell.step(read[:, time], carried)
            if real_BT is not None:
                real_B1 = real_BT[:, time, None]
                new = tuple(torch.where(real_B1, one, before) for one, before in zip(new, carried, strict=True))
            carried = new
            found.append(carried[0])
        return torch.stack(found[:: -1 if backward else 1], 1), carried


class Bidirectional(nn.Module):
    """Two cells, one from each end; every token gets both hidden states side by side, ``[B, T, 2H]``.

    It is for texts that are there as a whole, such as a source to translate; it keeps no state.

    Args:
        make: makes a cell, twice.
        dropout: as for ``Recurrent``.

    Source: Schuster and Paliwal (1997). Taught in ``rnn_intro``, section 10.
    """

    role = "recurrent"

    def __init__(self, make: Callable[[], Cell], dropout: float = 0.0) -> None:
        super().__init__()
        self.ahead, self.back = Recurrent(make(), dropout), Recurrent(make(), dropout)
        self.hidden = Tap("B T 2H", 20)

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """Both hidden states of each token."""
        real_BT = None if step is None else step.real
        both = []
        for one, backward in ((self.ahead, False), (self.back, True)):
            h_BTH, _ = one.run(x_BTD, one.cell.start(len(x_BTD), x_BTD), real_BT, backward)
            both.append(one.dropout(h_BTH))
        joined: Tensor = self.hidden(torch.cat(both, -1))
        return joined
