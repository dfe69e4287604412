"""The trunk that every architecture shares: embedded tokens in, hidden states out.

Legend: B batch, T tokens, D d_model.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from glassformer.models.checks import check_ids, check_length, check_mask, real_tokens
from glassformer.models.tying import tie
from glassformer.parts.dropout import Dropout
from glassformer.parts.mask import Causal, Everything, Mask
from glassformer.parts.stack import Stack
from glassformer.parts.state import State, new_state
from glassformer.parts.step import Memory, Step
from glassformer.parts.tap import Tap


class Trunk(nn.Module):
    """Positions are added, layers are run, the result is normalized: ``norm(stack(dropout(embed_norm(x +
    positions))))``.

    Args:
        stack: the layers.
        positions: a part that turns positions into vectors to add; ``None`` where positions enter elsewhere.
        embed_norm: what follows the embedding, such as BERT's LayerNorm.
        norm: what follows the last layer, such as GPT-2's final LayerNorm.
        score_bias: a part that biases the attention scores by distance: ``ALiBi`` or ``RelativeBias``.
        dropout: the share of the embedding that is dropped in training.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        positions: nn.Module | None = None,
        embed_norm: nn.Module | None = None,
        norm: nn.Module | None = None,
        score_bias: nn.Module | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.positions = positions
        self.embed_norm = embed_norm or nn.Identity()
        self.dropout = Dropout(dropout)
        self.embedded = Tap("B T D", 6)
        self.score_bias = score_bias
        self.stack = stack
        self.norm = norm or nn.Identity()

    def run(self, x_BTD: Tensor, step: Step) -> Tensor:
        """From the tokens' own vectors to the hidden states after the last norm."""
        if self.positions is not None:
            x_BTD = x_BTD + self.positions(step.positions).to(x_BTD.dtype)
        x_BTD = self.embedded(self.dropout(self.embed_norm(x_BTD)))
        if self.score_bias is not None:
            step.bias = self.score_bias(step.queries, step.keys).to(x_BTD.dtype)
        hidden_BTD: Tensor = self.norm(self.stack(x_BTD, step))
        return hidden_BTD


class Model(Trunk):
    """What a decoder and an encoder have in common: an embedding, a trunk, a head. See ``glassformer.models``.

    Args:
        config: the frozen data class of the model file.
        embed: the token embedding, ``nn.Embedding(vocab, d_model)``.
        head: what turns hidden states into logits.
        tied: pairs of parameter names that are one tensor.
        scale: what the embedding is multiplied by; √d_model in Gemma.
        max_positions: the longest text for which there are positions; ``None`` if there is no such limit.
        types: an embedding of the segment to which a token belongs, as in BERT.
        encoder: the trunk that reads the source, in an encoder-decoder.
        and the arguments of ``Trunk``.
    """

    mask: ClassVar[Mask] = Everything()

    def __init__(
        self,
        config: Any,
        *,
        embed: nn.Embedding,
        stack: Stack,
        head: nn.Module,
        positions: nn.Module | None = None,
        embed_norm: nn.Module | None = None,
        norm: nn.Module | None = None,
        score_bias: nn.Module | None = None,
        dropout: float = 0.0,
        tied: tuple[tuple[str, str], ...] = (),
        scale: float = 1.0,
        max_positions: int | None = None,
        types: nn.Embedding | None = None,
        encoder: Trunk | None = None,
    ) -> None:
        super().__init__(
            stack, positions=positions, embed_norm=embed_norm, norm=norm, score_bias=score_bias, dropout=dropout
        )
        self.config, self.tied, self.scale, self.max_positions = config, tied, scale, max_positions
        self.embed = embed
        self.types, self.encoder = types, encoder
        self.head = head
        self.predictions = Tap("B T vocab", 12)
        if embed.weight.device.type != "meta":  # there are no numbers there, and asking for them takes most of the time
            self.init_weights()
        tie(self)

    @property
    def context(self) -> int | None:
        """The longest text that the model is made for. Rotary positions reach further, and the answers get worse."""
        return getattr(self.config, "max_positions", None) or self.max_positions

    def init_weights(self) -> None:
        """The published initialization. Each model file says its own."""
        raise NotImplementedError

    def begin(self, ids: Tensor, mask: Mask | Tensor | None, state: State | None, memory: Memory | None = None) -> Step:
        """Check this call's input and gather what its layers may need to know."""
        check_ids(ids, self.embed.num_embeddings)
        real = real_tokens(ids, mask) if isinstance(mask, Tensor) else None
        if isinstance(mask, Mask):
            check_mask(mask, type(self).mask, state)
        check_length(ids.shape[1] + (0 if state is None else state.length), self.max_positions)
        rule = mask if isinstance(mask, Mask) else self.mask
        return Step(ids.shape[0], ids.shape[1], ids.device, rule, real, state, memory)

    def finish(self, step: Step) -> None:
        """The call is done: its tokens are part of the caller's state."""
        if step.state is not None:
            step.state.close(step.tokens)

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """What the head makes of hidden states, ``[B, T, vocab]``."""
        logits: Tensor = self.predictions(self.head(hidden_BTD))
        return logits

    def new_state(
        self, batch: int, max_len: int, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        """Room for ``max_len`` tokens of ``batch`` texts. An encoder keeps nothing; its stack is left out."""
        return new_state(self.stack, batch, max_len, device, dtype)


class Decoder(Model):
    """A decoder: each token sees itself and what came before, and predicts the next.

    Taught in ``transformers``, section 8.
    """

    mask: ClassVar[Mask] = Causal()

    def hidden(self, ids: Tensor, *, mask: Mask | Tensor | None = None, state: State | None = None) -> Tensor:
        """The hidden states before the head, ``[B, T, D]``."""
        step = self.begin(ids, mask, state)
        hidden_BTD = self.run(self.embed(ids) * self.scale, step)
        self.finish(step)
        return hidden_BTD

    def forward(self, ids: Tensor, *, mask: Mask | Tensor | None = None, state: State | None = None) -> Tensor:
        """The logits of the next token after each token, ``[B, T, vocab]``."""
        return self.logits(self.hidden(ids, mask=mask, state=state))


class Encoder(Model):
    """An encoder: each token sees all others. Its head says what is made of the hidden states.

    Taught in ``transformers``, section 8.
    """

    def hidden(self, ids: Tensor, *, types: Tensor | None = None, mask: Mask | Tensor | None = None) -> Tensor:
        """The hidden states of all tokens, ``[B, T, D]``."""
        if self.types is None and types is not None:
            raise ValueError("types must be None: this model does not tell segments apart.")
        x_BTD = self.embed(ids) * self.scale
        if self.types is not None:
            x_BTD = x_BTD + self.types(torch.zeros_like(ids) if types is None else types)
        return self.run(x_BTD, self.begin(ids, mask, None))

    def encode(self, ids: Tensor, *, types: Tensor | None = None, mask: Tensor | None = None) -> Memory:
        """The hidden states with the mask that goes with them."""
        real = None if mask is None else real_tokens(ids, mask)
        return Memory(self.hidden(ids, types=types, mask=real), real)

    def forward(self, ids: Tensor, *, types: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """What the head makes of the hidden states."""
        logits: Tensor = self.predictions(self.head(*self.encode(ids, types=types, mask=mask)))
        return logits
