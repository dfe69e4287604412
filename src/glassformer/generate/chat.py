"""A conversation: the model reads what is new in each turn, and remembers the rest.

What the tokenizer makes of the whole conversation is compared with what has been read; the state goes back to where the
two part, and on from there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from glassformer.generate.context import Context, LanguageModel
from glassformer.generate.decode import generate
from glassformer.generate.sampling import GREEDY, Sampling
from glassformer.generate.text import Statistics, StopStrings, Tokenizer, pieces


class ChatTokenizer(Tokenizer, Protocol):
    """A tokenizer with a chat template, which brings its own special tokens."""

    def encode(self, text: str, /, add_special: bool = True) -> list[int]:
        """The ids of a text; ``add_special`` puts a beginning or an end where the tokenizer usually has one."""

    def chat(self, messages: Sequence[Mapping[str, Any]], /) -> str:
        """The conversation as one text, up to where the model is to answer."""


class Chat:
    """A conversation with a model. It grows with every ``say``, and only what is new has to be read.

    Args:
        model: a decoder that was trained to answer.
        tokenizer: its tokenizer, with a chat template.
        system: what the model is told about its part; ``None`` leaves that to the template.
        room: how many tokens the conversation may have, answers included; the model's positions if they are fewer.
        step: stands in for the model when a new token is read, such as a compiled step.

    Attributes:
        messages: what was said, as ``{"role": …, "content": …}``.
        statistics: of the last answer. ``prompt_tokens`` are those that had to be read for it.

    Taught in ``transformers``, section 12.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: ChatTokenizer,
        *,
        system: str | None = None,
        room: int = 4096,
        step: Callable[..., Tensor] | None = None,
    ) -> None:
        self.model, self.tokenizer, self.step = model, tokenizer, step
        self.room = min(room, model.context or room)
        self.messages: list[dict[str, str]] = [] if system is None else [{"role": "system", "content": system}]
        self.statistics = Statistics()
        self._forget()

    def _forget(self) -> None:
        self._context = Context(self.model, 1, self.room)
        self._read: list[int] = []  # the ids that the state holds
        self._moment = self._context.state.snapshot()  # when the last answer began

    def say(
        self,
        text: str,
        max_new: int = 512,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[str]:
        """Say ``text``; yields the answer piece by piece. As far as it came, it is part of the conversation.

        Raises ``ValueError`` if the conversation and ``max_new`` tokens do not fit into the room, and as ``stream``
        does.
        """
        messages = [*self.messages, {"role": "user", "content": text}]
        ids = self.tokenizer.encode(self.tokenizer.chat(messages), add_special=False)
        self._go_back(ids)
        state, eos = self._context.state, self.tokenizer.eos
        self.statistics = Statistics(prompt_tokens=len(ids) - state.length)
        columns = generate(
            self.model,
            torch.tensor([ids[state.length :]], device=self.model.embed.weight.device),
            max_new=max_new,
            sampling=sampling,
            stop_ids=() if eos is None else (eos,),
            generator=generator,
            state=state,
            step=self.step,
        )
        self.messages = messages
        stops = StopStrings(stop)
        return self._kept(pieces(self._noted(columns, ids), self.tokenizer.stream(), stops, eos, self.statistics))

    @torch.inference_mode()
    def _go_back(self, ids: list[int]) -> None:
        """Let the state hold the beginning that ``ids`` share with what was read; one id at least is left to read."""
        shared = 0
        while shared < min(len(self._read), len(ids) - 1) and self._read[shared] == ids[shared]:
            shared += 1
        if shared < self._moment[0]:
            self._forget()
        elif shared < len(self._read):
            self._context.rewind(self._moment, torch.tensor([ids[:shared]], device=self.model.embed.weight.device))
            self._read = ids[:shared]

    def _noted(self, columns: Iterator[Tensor], ids: list[int]) -> Iterator[Tensor]:
        """The columns, and a note of what the state holds by now."""
        state, ids = self._context.state, list(ids)
        try:
            for count, column in enumerate(columns):
                if count == 0:
                    self._moment = state.snapshot()
                ids.append(int(column))
                self._read = ids[: state.length]
                yield column
        except KeyboardInterrupt:  # some layers may have read the token, others not
            self._forget()
            raise

    def _kept(self, answer: Iterator[str]) -> Iterator[str]:
        """The answer, noted as said."""
        said = {"role": "assistant", "content": ""}
        self.messages.append(said)
        for piece in answer:
            said["content"] += piece
            yield piece
