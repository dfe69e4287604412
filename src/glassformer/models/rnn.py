"""Recurrent language models: an embedding, layers of one kind of cell, a head.

Legend: see ``glassformer.parts``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from glassformer.models.trunk import Decoder
from glassformer.parts.mask import Causal, Mask
from glassformer.parts.recurrent import Cell, LSTMCell, Recurrent
from glassformer.parts.stack import Layer, Stack
from glassformer.parts.state import State
from glassformer.parts.step import Memory, Step


@dataclass(frozen=True)
class RecurrentConfig:
    """The sizes of a recurrent language model. ``dropout`` acts on what goes from one layer to the next.

    ``cell``: ``RNNCell``, ``LSTMCell`` or ``GRUCell``.
    """

    vocab: int = 256
    d_model: int = 128
    d_hidden: int = 256
    layers: int = 2
    dropout: float = 0.0
    cell: Callable[[int, int], Cell] = LSTMCell


class RecurrentLM(Decoder):
    """A recurrent language model: each token hears of those before it through the hidden states, and of nothing else.

    It has no positions, and a text may be of any length: time grows with it, memory between calls does not.

    Initialization: embedding N(0, 1), cells as ``Cell`` says, the head as PyTorch's ``Linear``: PyTorch's defaults.
    Dropout: between layers and before the head.

    Source: Mikolov et al. (2010); with LSTM cells Sundermeyer et al. (2012). Taught in ``rnn_intro``, section 10.
    """

    def __init__(self, config: RecurrentConfig) -> None:
        c = config
        widths = [c.d_model, *[c.d_hidden] * c.layers]
        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            stack=Stack(Layer(Recurrent(c.cell(width, c.d_hidden), c.dropout)) for width in widths[:-1]),
            head=nn.Linear(c.d_hidden, c.vocab),
        )

    def begin(self, ids: Tensor, mask: Mask | Tensor | None, state: State | None, memory: Memory | None = None) -> Step:
        """As in every model. Raises ``ValueError`` for a ``Mask`` but ``Causal()``: a recurrence skips nothing."""
        if isinstance(mask, Mask) and mask != Causal():
            kind = type(mask).__name__
            raise ValueError(f"mask must be a tensor [B, T] or Causal(), not {kind}: a token hears of all before it.")
        return super().begin(ids, mask, state, memory)

    def init_weights(self) -> None:
        """PyTorch's defaults, which the modules have drawn already; cells are drawn by themselves."""
