"""The decoding loop: read the prompt, choose a token, read it, choose the next.

Legend: B batch, T prompt tokens, V vocab.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from glassformer.generate.checks import check, check_logits
from glassformer.generate.context import Context, Ends, LanguageModel
from glassformer.generate.sampling import GREEDY, Sampling
from glassformer.parts.state import State
from glassformer.parts.step import Memory


def generate(
    model: LanguageModel,
    ids: Tensor,
    *,
    max_new: int,
    mask: Tensor | None = None,
    memory: Memory | None = None,
    sampling: Sampling = GREEDY,
    stop_ids: Sequence[int] = (),
    pad: int | None = None,
    generator: torch.Generator | None = None,
    state: State | None = None,
    step: Callable[..., Tensor] | None = None,
    chunk: int | None = None,
) -> Iterator[Tensor]:
    """Yields the next token of every row, ``[B]``, as soon as it is chosen.

    Args:
        model: a decoder, or an encoder-decoder together with ``memory``.
        ids: the prompts ``[B, T]``; for an encoder-decoder the start tokens of the answers.
        max_new: at most so many new tokens. It ends sooner when all rows have met a stop token.
        mask: ``[B, T]``, false at pads. Prompts of different lengths are padded on the left: see ``pad_left``.
        memory: what ``model.encode(source)`` returned.
        sampling: how a token is chosen; greedy by default.
        stop_ids: a row ends with the first of these that it yields.
        pad: what a row yields after its end; the first of ``stop_ids`` by default.
        generator: the source of randomness, for a run that can be repeated.
        state: the state of an earlier call, to go on where it ended. The last token that was yielded has not been read:
            it comes first in the new ``ids``. The repetition penalty counts this call's tokens only.
        step: stands in for ``model`` when a new token is read: ``step(ids, state=state) -> logits [B, 1, V]``, with
            ``memory=`` if there is one; for a compiled step.
        chunk: reads the prompt so many tokens at a time, which bounds the memory that a long prompt takes.

    Raises ``ValueError`` at once if the prompt is empty, ``max_new`` is below 1 or reaches beyond the model's positions
    or the state's room, a shape does not match or a row ends in a pad; while running, if logits are not numbers.

    Taught in ``transformers``, sections 10 and 12.
    """
    check(model, ids, max_new, mask=mask, memory=memory, state=state, stop_ids=stop_ids, pad=pad, chunk=chunk)
    context = _context(model, ids, max_new, memory, state, step)
    ends = Ends(ids.shape[0], stop_ids, pad, ids.device)
    return _decode(context, ids, mask, max_new, sampling, ends, generator, chunk)


@torch.inference_mode()
def _context(
    model: LanguageModel,
    ids: Tensor,
    max_new: int,
    memory: Memory | None,
    state: State | None,
    step: Callable[..., Tensor] | None,
) -> Context:
    return Context(model, ids.shape[0], ids.shape[1] + max_new - 1, memory=memory, state=state, step=step)


@torch.inference_mode()
def _decode(
    context: Context,
    ids: Tensor,
    mask: Tensor | None,
    max_new: int,
    sampling: Sampling,
    ends: Ends,
    generator: torch.Generator | None,
    chunk: int | None,
) -> Iterator[Tensor]:
    text, real = ids, None if mask is None else mask.bool()
    logits_BV = context.read(ids, real, chunk)
    for count in range(1, max_new + 1):
        chosen_B = ends.put(sampling.choose(check_logits(logits_BV, count), text, generator, real))
        yield chosen_B
        if ends.all or count == max_new:
            return
        text = torch.cat((text, chosen_B[:, None]), 1)
        real = None if real is None else torch.cat((real, torch.ones_like(real[:, :1])), 1)
        logits_BV = context.next(chosen_B)


def complete(
    model: LanguageModel,
    ids: Tensor,
    *,
    max_new: int,
    mask: Tensor | None = None,
    memory: Memory | None = None,
    sampling: Sampling = GREEDY,
    stop_ids: Sequence[int] = (),
    pad: int | None = None,
    generator: torch.Generator | None = None,
    state: State | None = None,
    step: Callable[..., Tensor] | None = None,
    chunk: int | None = None,
) -> Tensor:
    """The new tokens of every row, ``[B, ≤ max_new]``: what ``generate`` yields, side by side. Same arguments.

    Rows that ended earlier are filled with ``pad`` after their stop token. Taught in ``transformers``, section 12.
    """
    columns = generate(
        model,
        ids,
        max_new=max_new,
        mask=mask,
        memory=memory,
        sampling=sampling,
        stop_ids=stop_ids,
        pad=pad,
        generator=generator,
        state=state,
        step=step,
        chunk=chunk,
    )
    return collect(columns)


def collect(columns: Iterable[Tensor]) -> Tensor:
    """Columns ``[B]``, as ``generate`` and the other ways to generate yield them, side by side: ``[B, tokens]``."""
    return torch.stack(list(columns), 1)  # outside inference mode, so that one may train on it


def pad_left(rows: Sequence[Sequence[int]], pad: int = 0, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Prompts of different lengths as one batch: ``ids`` and ``mask``, ``[B, T]``, with ``pad`` before shorter ones.

    On the left, because what comes next must stand right after the last real token. Raises ``ValueError`` if a row is
    empty. Taught in ``transformers``, section 12.
    """
    for number, row in enumerate(rows):
        if not row:
            raise ValueError(f"rows must have at least one token each, but row {number} has 0.")
    longest = max((len(row) for row in rows), default=0)
    ids = [[pad] * (longest - len(row)) + list(row) for row in rows]
    mask = [[False] * (longest - len(row)) + [True] * len(row) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)
