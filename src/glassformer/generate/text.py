"""From text to text: a tokenizer at both ends of the loop, stop strings, and text that appears as it is written."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from glassformer.generate.context import LanguageModel
from glassformer.generate.decode import generate
from glassformer.generate.sampling import GREEDY, Sampling
from glassformer.parts.state import State
from glassformer.parts.step import Memory


class TextStream(Protocol):
    """Turns ids into text one by one. A character may take several tokens: until it is whole, nothing comes."""

    def push(self, id: int, /) -> str:
        """The text that is certain now that this token came."""

    def end(self) -> str:
        """What is left."""


class Tokenizer(Protocol):
    """What is asked of a tokenizer. See ``glassformer.tokenize``."""

    @property
    def eos(self) -> int | None:
        """The token that ends a text, if there is one."""

    def encode(self, text: str, /) -> list[int]:
        """The ids of a text."""

    def stream(self) -> TextStream:
        """A new stream."""


@dataclass
class Statistics:
    """How much was read and written, and the seconds it took. The first new token comes out of the prompt's pass."""

    prompt_tokens: int = 0
    new_tokens: int = 0
    prompt_seconds: float = 0.0
    new_seconds: float = 0.0

    @property
    def prompt_rate(self) -> float:
        """Prompt tokens per second."""
        return self.prompt_tokens / self.prompt_seconds if self.prompt_seconds else 0.0

    @property
    def new_rate(self) -> float:
        """New tokens per second, not counting the first, which the prompt's pass has paid for."""
        return (self.new_tokens - 1) / self.new_seconds if self.new_seconds else 0.0


class StopStrings:
    """Lets text pass up to the first stop string. What may be the beginning of one is held back until that is settled.

    The stop string that is complete first counts; of two that end together, the longer one. Empty ones are refused.
    Taught in ``transformers``, section 12.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        if isinstance(stops, str):
            raise ValueError(f"stop must be a sequence of strings, such as ({stops!r},), not one string.")
        if "" in stops:
            raise ValueError("stop must not have the empty string '' in it: it would stop at once.")
        self.stops = sorted(stops, key=len, reverse=True)
        self.held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """The part of what is held and of ``text`` that is certain to come before any stop string."""
        certain = ""
        for character in text:
            if self.stopped:
                break
            self.held += character
            for stop in self.stops:
                if self.held.endswith(stop):
                    certain += self.held[: -len(stop)]
                    self.held, self.stopped = "", True
                    return certain
            # What may still become a stop string is a suffix that one of them begins with.
            free = next(i for i in range(len(self.held) + 1) if self._begins(self.held[i:]))
            certain, self.held = certain + self.held[:free], self.held[free:]
        return certain

    def _begins(self, text: str) -> bool:
        return any(stop.startswith(text) for stop in self.stops) or not text

    def end(self) -> str:
        """What is still held: no more text comes, so it is no stop string."""
        held, self.held = self.held, ""
        return held


def stream(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str | Sequence[int],
    *,
    max_new: int,
    sampling: Sampling = GREEDY,
    stop: Sequence[str] = (),
    memory: Memory | None = None,
    generator: torch.Generator | None = None,
    state: State | None = None,
    step: Callable[..., Tensor] | None = None,
    chunk: int | None = None,
    statistics: Statistics | None = None,
) -> Iterator[str]:
    """Yields the continuation of ``prompt`` piece by piece, each as soon as it is certain.

    It ends after ``max_new`` tokens, at the tokenizer's ``eos``, or before the first of the ``stop`` strings, none of
    which is ever yielded, however the tokens cut it. Only new text counts: a stop string that begins in the prompt is
    none.

    Args:
        prompt: text, or ids; for an encoder-decoder the start ids of the answer, with the ``memory`` of its source.
        max_new, sampling, memory, generator, state, step, chunk: as for ``generate``.
        stop: strings at which to stop, such as ``("\\n\\n", "User:")``.
        statistics: is filled as text comes.

    Raises ``ValueError`` at once as ``generate`` does, if ``prompt`` has no tokens, or if a stop string is empty.
    Taught in ``transformers``, section 12.
    """
    ids = tokenizer.encode(prompt) if isinstance(prompt, str) else list(prompt)
    if not ids:
        raise ValueError(f"prompt must have at least one token, but {prompt!r} has none.")
    device = model.embed.weight.device
    eos = tokenizer.eos
    statistics = statistics or Statistics()
    statistics.prompt_tokens = len(ids)
    columns = generate(
        model,
        torch.tensor([ids], device=device),
        max_new=max_new,
        memory=memory,
        sampling=sampling,
        stop_ids=() if eos is None else (eos,),
        generator=generator,
        state=state,
        step=step,
        chunk=chunk,
    )
    return pieces(columns, tokenizer.stream(), StopStrings(stop), eos, statistics)


def pieces(
    columns: Iterable[Tensor], characters: TextStream, stop: StopStrings, eos: int | None, statistics: Statistics
) -> Iterator[str]:
    """The text of the tokens of one row, as they come, up to ``eos`` or a stop string; ``statistics`` are filled."""
    began = time.perf_counter()
    for column in columns:
        token = int(column)
        now = time.perf_counter()
        statistics.new_tokens += 1
        if statistics.new_tokens == 1:
            statistics.prompt_seconds = now - began
        else:
            statistics.new_seconds += now - began
        if token == eos:
            break
        if piece := stop.push(characters.push(token)):
            yield piece
        if stop.stopped:
            return
        began = time.perf_counter()  # the reader's own time does not count
    if piece := stop.push(characters.end()) + ("" if stop.stopped else stop.end()):
        yield piece
