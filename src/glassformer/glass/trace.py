"""The trace: one pass of any model with every tensor that has a name.

Legend: B batch, T queries, S keys, H heads, N layers, D d_model.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from glassformer.glass.explicit import Pattern, explicit, nearest, resting
from glassformer.glass.recording import Record, recording

__all__ = ["Record", "Trace", "explicit", "recording", "trace"]

Side = Literal["", "encoder"]
"""Which stack of an encoder-decoder: its decoder, which is the model itself, or its encoder."""


class Trace(Mapping[str, Record]):
    """What one pass of a model over one text left behind: records by name, and the views that are asked for most.

    ``trace[name]`` takes a path or a title. Layers count from 0; a view is of the model's own stack, or with
    ``side="encoder"`` of the encoder of an encoder-decoder.

    Attributes:
        ids, tokens: the text ``[1, T]`` and its T tokens as strings.
        source: the tokens that the encoder of an encoder-decoder read.
        output: what the model returned.
        decode: what gives the string of a token's id.
        vocab: the size of the vocabulary.
    """

    def __init__(
        self,
        records: Mapping[str, Record],
        ids: Tensor,
        output: Any,
        decode: Callable[[int], str] = str,
        source: Sequence[str] = (),
        vocab: int = 0,
    ) -> None:
        self.records, self.ids, self.output, self.vocab = dict(records), ids, output, vocab
        self.decode, self.source = decode, list(source)
        self.tokens = [decode(int(i)) for i in ids[0]]

    def __getitem__(self, name: str) -> Record:
        """The record of that path or title. Raises ``KeyError`` with the nearest names."""
        if name in self.records:
            return self.records[name]
        for record in self.records.values():
            if record.title == name:
                return record
        raise KeyError(f"{name!r} is no tensor of this trace. {nearest(name, self.records)}")

    def __iter__(self) -> Iterator[str]:
        """The paths, in the order of the flow."""
        return iter(self.records)

    def __len__(self) -> int:
        """How many tensors were recorded."""
        return len(self.records)

    def __repr__(self) -> str:
        """Its size in words."""
        kept = sum(record.kept is not None for record in self.values())
        return f"<Trace of {len(self.tokens)} tokens: {len(self)} tensors, {kept} of them with values>"

    @property
    def logits(self) -> Tensor:
        """The logits ``[T, vocab]``. Raises ``ValueError`` if the model returned something else than one tensor."""
        if not isinstance(self.output, Tensor):
            raise ValueError(f"logits must be a tensor, but the model returned {type(self.output).__name__}.")
        logits: Tensor = self.output[0]
        return logits

    @property
    def predicts(self) -> bool:
        """Whether the output is logits of the vocabulary, ``[1, T, vocab]``, and not vectors or labels."""
        return isinstance(self.output, Tensor) and self.output.shape == (1, len(self.tokens), self.vocab)

    @property
    def causal(self) -> bool:
        """Whether no token of the model's own stack reads from a later one, as far as the kept weights show it."""
        weights = (r.kept for n, r in self.items() if re.fullmatch(r"stack\.\d+\.(?!cross\.).*kernel\.weights", n))
        return not any(bool(kept.triu(1).any()) for kept in weights if kept is not None)

    def layers(self, side: Side = "") -> int:
        """The number of layers N."""
        found = [int(m[1]) for name in self if (m := re.match(_stack(side) + r"(\d+)\.", name))]
        return max(found, default=-1) + 1

    def attention(self, layer: int, *, cross: bool = False, side: Side = "") -> Tensor:
        """The attention weights of a layer, ``[H, T, S]``: row t says from where token t reads, and adds up to 1.

        ``cross`` asks for those of cross-attention. Raises ``ValueError`` if the layer has none.
        """
        inner = r"cross\." if cross else r"(?!cross\.)"
        record = self._last(layer, rf"{inner}.*kernel\.weights", "attention weights", side)
        return record.value[0]

    def stream(self, layer: int, *, side: Side = "") -> Tensor:
        """The residual stream after a layer, ``[T, D]``; layer −1 is what enters the first one."""
        if layer == -1:
            return self[f"{side}.embedded" if side else "embedded"].value[0]
        return self._last(layer, r"(.*\.)?stream", "stream", side).value[0]

    def streams(self, side: Side = "") -> Tensor:
        """The residual stream before the first and after every layer, ``[N + 1, T, D]``."""
        return torch.stack([self.stream(layer, side=side) for layer in range(-1, self.layers(side))])

    def norms(self, side: Side = "") -> Tensor:
        """The length of each token's stream, ``√Σ x²``, before the first and after every layer: ``[N + 1, T]``."""
        streams = self.streams(side)
        return streams.to(torch.promote_types(streams.dtype, torch.float32)).square().sum(-1).sqrt()

    def likely(self, count: int = 5, at: int = -1) -> list[tuple[str, float]]:
        """The ``count`` most likely tokens after token ``at``, with their probabilities."""
        chances = self.logits[at].float().softmax(-1).topk(min(count, self.logits.shape[-1]))
        return [(self.decode(int(i)), float(p)) for p, i in zip(*chances, strict=True)]

    def _last(self, layer: int, inner: str, what: str, side: Side) -> Record:
        layers = self.layers(side)
        if not 0 <= layer < layers:
            raise ValueError(f"layer must be one of 0 to {layers - 1}, not {layer}.")
        found = [r for name, r in self.items() if re.fullmatch(rf"{_stack(side)}{layer}\.{inner}", name)]
        if not found:
            raise ValueError(f"layer {layer} has no {what} in this trace.")
        return found[-1]


def _stack(side: Side) -> str:
    return r"encoder\.stack\." if side else r"stack\."


def trace(
    model: Any,
    text: str | Tensor | Sequence[int],
    *,
    tokenizer: Any = None,
    taps: Pattern | Iterable[Pattern] = "*",
    source: str | Tensor | Sequence[int] | None = None,
    memory: Any = None,
    inputs: Mapping[str, Any] | None = None,
) -> Trace:
    """Run ``model`` once over one text and record every tap: name, shape in the guide's notation, section, values.

    The pass is uncompiled, with explicit attention kernels, without dropout and without gradients; the model is left as
    it was. The logits are those of the model with explicit kernels, bit for bit.

    Args:
        model: any model of ``glassformer.models``, compiled or not.
        text: a text, or ids as ``[1, T]``, ``[T]`` or a list.
        tokenizer: with ``encode(text) -> ids`` and ``decode(ids) -> text``; needed for a text.
        taps: keep the values of what matches: a name, a glob, a regular expression, or several of them. The names and
            shapes of all taps are recorded anyway. What is no tap can be asked for too: ``"stack.0.attention.part.q"``.
        source, memory: what the encoder of an encoder-decoder reads, or has read.
        inputs: what else the model's call takes, such as ``{"mask": …}``.

    Raises ``ValueError`` if the text is not one row, a tokenizer or source is missing, or a filter matches nothing.
    Taught in ``transformers``, section 7.
    """
    given: dict[str, Any] = dict(inputs or {})
    with recording(model, taps) as records, explicit(model) as plain, resting(plain):
        ids = as_ids("text", text, tokenizer, plain)
        read = None if source is None else as_ids("source", source, tokenizer, plain)
        if getattr(plain, "encoder", None) is not None:
            if memory is None and read is None:
                raise ValueError(
                    "source must be given: this model is an encoder-decoder, and its encoder reads a text."
                )
            given["memory"] = plain.encode(read) if memory is None else memory
        elif read is not None or memory is not None:
            raise ValueError("source and memory must be left out: this model has no encoder beside it.")
        output = plain(ids, **given)
    decode = str if tokenizer is None else lambda i: str(tokenizer.decode([i]))
    read_tokens = [] if read is None else [decode(int(i)) for i in read[0]]
    return Trace(records, ids, output, decode, read_tokens, plain.embed.num_embeddings)


def as_ids(name: str, text: str | Tensor | Sequence[int], tokenizer: Any, model: nn.Module) -> Tensor:
    """``text`` as ids ``[1, T]`` where the model is."""
    if isinstance(text, str):
        if tokenizer is None:
            raise ValueError(f"tokenizer must be given when {name} is a text: {text!r}.")
        text = tokenizer.encode(text)
    ids = torch.as_tensor(getattr(text, "ids", text), device=next(model.parameters()).device)
    ids = ids[None] if ids.ndim == 1 else ids
    if ids.ndim != 2 or ids.shape[0] != 1 or ids.shape[1] == 0:
        raise ValueError(f"{name} must be one row of at least one token, [1, T], but its shape is {list(ids.shape)}.")
    return ids
