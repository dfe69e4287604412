"""Denoising: what BART is trained on. A text is spoiled in one of five ways, or several, and the model writes it whole.

Each way is a function of a row's ids and a generator. Legend: B rows, L tokens of text.
"""

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from glassformer.objectives import seq2seq
from glassformer.objectives.batch import Batch

Spoil = Callable[[Tensor, torch.Generator], Tensor]
"""A way to spoil a text: ``spoil(ids, generator) -> ids``, from ``[L]`` to any length above 0."""

loss = seq2seq.loss


def infill(mask: int, share: float = 0.3, mean: float = 3.0, inserted: int = 8) -> Spoil:
    """Spans of lengths from Poisson's distribution are each replaced by one ``mask``, until ``share`` of the tokens are
    gone; the last span ends there. A span of length 0 puts a mask between two tokens, ``inserted`` times at most.

    Source: Lewis et al. (2020), section 2.2, text infilling, λ = 3 and 30 % of section 4.
    """
    _checked(share, mean)

    def spoil(ids: Tensor, generator: torch.Generator) -> Tensor:
        gone = round(len(ids) * share)
        spans = _lengths(gone, mean, inserted, generator)
        # Spans and kept tokens in an order that chance decides: spans do not overlap.
        order = torch.randperm(len(spans) + len(ids) - gone, generator=generator)
        sizes = torch.cat([spans, torch.ones(len(ids) - gone, dtype=torch.long)])[order]
        firsts = sizes.cumsum(0) - sizes
        return torch.where(order < len(spans), mask, ids[firsts.clamp(max=len(ids) - 1)])

    return spoil


def _lengths(total: int, mean: float, zeros: int, generator: torch.Generator) -> Tensor:
    """Lengths from Poisson's distribution that add up to ``total``, with at most so many ``zeros``."""
    if total == 0:
        return torch.zeros(0, dtype=torch.long)
    drawn = torch.zeros(0)
    while drawn.sum() < total:
        drawn = torch.cat([drawn, torch.poisson(torch.full((total,), mean), generator)])
    drawn = drawn[(drawn > 0) | ((drawn == 0).cumsum(0) <= zeros)].long()
    ends = drawn.cumsum(0)
    last = int((ends < total).sum())
    drawn[last] -= ends[last] - total
    return drawn[: last + 1]


def mask_tokens(mask: int, share: float = 0.3) -> Spoil:
    """``share`` of the tokens become the mask, as in BERT. Source: section 2.2, token masking."""
    _checked(share)

    def spoil(ids: Tensor, generator: torch.Generator) -> Tensor:
        gone = torch.randperm(len(ids), generator=generator)[: round(len(ids) * share)]
        return ids.index_fill(0, gone, mask)

    return spoil


def delete(share: float = 0.3) -> Spoil:
    """``share`` of the tokens are left out, never all; the model must find where. Source: section 2.2, deletion."""
    _checked(share)

    def spoil(ids: Tensor, generator: torch.Generator) -> Tensor:
        number = max(len(ids) - round(len(ids) * share), 1)
        return ids[torch.randperm(len(ids), generator=generator)[:number].sort().values]

    return spoil


def permute(ends: Collection[int]) -> Spoil:
    """Sentences in another order; one ends with each token in ``ends``. Source: section 2.2, sentence permutation."""
    last = torch.tensor(sorted(ends), dtype=torch.long)

    def spoil(ids: Tensor, generator: torch.Generator) -> Tensor:
        starts = torch.isin(ids[:-1], last).nonzero().flatten() + 1
        sentences = ids.tensor_split(starts)
        return torch.cat([sentences[one] for one in torch.randperm(len(sentences), generator=generator).tolist()])

    return spoil


def rotate() -> Spoil:
    """The text begins at a token that chance picks, and goes on from its own beginning. Source: section 2.2."""

    def spoil(ids: Tensor, generator: torch.Generator) -> Tensor:
        return ids.roll(-int(torch.randint(len(ids), (1,), generator=generator)))

    return spoil


def batch(
    ids: Tensor,
    generator: torch.Generator,
    *,
    ways: Sequence[Spoil],
    eos: int,
    start: int,
    pad: int,
    length: int | None = None,
) -> Batch:
    """Spoil every row in all of the ``ways``, one after the other; the target is the row as it was.

    Args:
        ids: ``[B, L]``.
        generator: all chance comes from it.
        ways: BART itself has ``[permute(ends), infill(mask)]``.
        eos: ends source and target.
        start: what the decoder begins with; BART's is its ``eos``.
        pad: fills the sources.
        length: how long they are; by default as long as the longest.

    Source: Lewis et al. (2020), section 2.2. Taught in ``transformers``, section 13.
    """
    sources = []
    for row in ids:
        spoiled = row
        for way in ways:
            spoiled = way(spoiled, generator)
        sources.append([*spoiled.tolist(), eos])
    targets = [[*row, eos] for row in ids.tolist()]
    return seq2seq.batch(sources, targets, start=start, pad=pad, source_length=length)


def _checked(share: float, mean: float = 1.0) -> None:
    if not 0 <= share < 1:
        raise ValueError(f"share must be from 0 to below 1, not {share}.")
    if mean < 0.1:
        raise ValueError(f"mean must be at least 0.1, or spans are hardly ever longer than 0, not {mean}.")
