"""The encoder-decoder: one stack reads the source both ways, another writes the answer and looks at what the first one
made.

Legend: B batch, T target tokens, S source tokens, D d_model.
"""

from typing import ClassVar

from torch import Tensor

from glassformer.models.checks import check_ids, check_length, real_tokens
from glassformer.models.trunk import Model
from glassformer.parts.mask import Causal, Everything, Mask
from glassformer.parts.state import State
from glassformer.parts.step import Memory, Step


class EncoderDecoder(Model):
    """An encoder-decoder with one embedding for both sides. The model itself is the decoder; ``encoder`` reads the
    source.

    Call it as ``memory = model.encode(source)`` and then ``model(ids, memory=memory)``.

    The arguments of ``Model`` are those of the decoder.

    Source: Vaswani et al. (2017), section 3.1. Taught in ``transformers``, section 8.
    """

    mask: ClassVar[Mask] = Causal()

    def encode(self, ids: Tensor, mask: Tensor | None = None) -> Memory:
        """Read the source ``ids`` ``[B, S]``; ``mask`` ``[B, S]`` is true at real tokens."""
        check_ids(ids, self.embed.num_embeddings)
        check_length(ids.shape[1], self.max_positions)
        assert self.encoder is not None
        real = None if mask is None else real_tokens(ids, mask)
        step = Step(ids.shape[0], ids.shape[1], ids.device, Everything(), real)
        return Memory(self.encoder.run(self.embed(ids) * self.scale, step), real)

    def hidden(
        self,
        ids: Tensor,
        *,
        memory: Memory | None = None,
        mask: Mask | Tensor | None = None,
        state: State | None = None,
    ) -> Tensor:
        """The decoder's hidden states before the head, ``[B, T, D]``."""
        step = self.begin(ids, mask, state, memory)
        hidden_BTD = self.run(self.embed(ids) * self.scale, step)
        self.finish(step)
        return hidden_BTD

    def forward(
        self,
        ids: Tensor,
        *,
        memory: Memory | None = None,
        mask: Mask | Tensor | None = None,
        state: State | None = None,
    ) -> Tensor:
        """The logits of the next target token after each token of ``ids``, ``[B, T, vocab]``."""
        return self.logits(self.hidden(ids, memory=memory, mask=mask, state=state))
