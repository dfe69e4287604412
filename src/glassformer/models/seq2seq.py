"""Recurrent encoder-decoders: without attention, and with the two kinds that came before the transformer.

Legend: see ``glassformer.parts``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from glassformer.models.encoder_decoder import EncoderDecoder
from glassformer.models.trunk import Trunk
from glassformer.parts.alignment import Additive, Attentive, Conditioned, General, LookAfter
from glassformer.parts.recurrent import Bidirectional, Cell, GRUCell
from glassformer.parts.stack import Layer, Stack


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The sizes of a recurrent encoder-decoder, with one layer on each side.

    ``cell``: ``GRUCell``, which all three papers but Luong's use in this form, or another.
    """

    vocab: int = 256
    d_model: int = 64
    d_hidden: int = 128
    dropout: float = 0.0
    cell: Callable[[int, int], Cell] = GRUCell


class RecurrentEncoderDecoder(EncoderDecoder):
    """A cell reads the source from each end; another writes the target. ``decoder`` says how it hears of the source.

    Initialization: PyTorch's defaults. The decoder's hidden state begins at 0. Dropout: on what each layer gives.
    """

    def __init__(self, config: Seq2SeqConfig, decoder: Layer, d_out: int) -> None:
        c = config
        super().__init__(
            config,
            embed=nn.Embedding(c.vocab, c.d_model),
            encoder=Trunk(Stack([Layer(Bidirectional(lambda: c.cell(c.d_model, c.d_hidden), c.dropout))])),
            stack=Stack([decoder]),
            head=nn.Linear(d_out, c.vocab),
        )

    def init_weights(self) -> None:
        """PyTorch's defaults, which the modules have drawn already; cells are drawn by themselves."""


class Seq2Seq(RecurrentEncoderDecoder):
    """Without attention: one vector has to hold the whole source.

    Source: Cho et al. (2014), section 2.2; Sutskever, Vinyals and Le (2014). Taught in ``rnn_intro``, section 10.
    """

    def __init__(self, config: Seq2SeqConfig) -> None:
        c = config
        cell = c.cell(c.d_model + 2 * c.d_hidden, c.d_hidden)
        super().__init__(config, Layer(Conditioned(cell, c.dropout)), c.d_hidden)


class BahdanauSeq2Seq(RecurrentEncoderDecoder):
    """Additive attention before each step: the decoder looks at the source, then reads the token and what it saw.

    Source: Bahdanau, Cho and Bengio (2015), section 3. Taught in ``rnn_intro``, section 10.
    """

    def __init__(self, config: Seq2SeqConfig) -> None:
        c = config
        cell = c.cell(c.d_model + 2 * c.d_hidden, c.d_hidden)
        look = Additive(c.d_hidden, 2 * c.d_hidden, c.d_hidden)
        super().__init__(config, Layer(Attentive(cell, look, c.dropout)), 3 * c.d_hidden)


class LuongSeq2Seq(RecurrentEncoderDecoder):
    """General attention after each step: the recurrence knows the source's summary, and looks before it speaks.

    Source: Luong, Pham and Manning (2015), section 3.1; without feeding what was said into the next step.
    Taught in ``rnn_intro``, section 10.
    """

    def __init__(self, config: Seq2SeqConfig) -> None:
        c = config
        cell = c.cell(c.d_model + 2 * c.d_hidden, c.d_hidden)
        look = LookAfter(General(c.d_hidden, 2 * c.d_hidden), c.d_hidden, 2 * c.d_hidden)
        super().__init__(config, Layer(Conditioned(cell, c.dropout), look), c.d_hidden)
