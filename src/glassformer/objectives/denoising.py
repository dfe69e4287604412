"""Denoising: what BART is trained on. A text is spoiled in one of five ways, or several, and the model writes it whole.

Each way is a function of a row's ids and a generator. Legend: B rows, L tokens of text.
"""

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from glassformer.objectives import seq2seq
from glassformer.objectives.batch import Batch

Spoil = Callable[[list[int], torch.Generator], list[int]]
"""A way to spoil a text: ``spoil(ids, generator) -> ids``."""

loss = seq2seq.loss


def infill(mask: int, share: float = 0.3, mean: float = 3.0, inserted: int = 8) -> Spoil:
    """Spans of lengths from Poisson's distribution are each replaced by one ``mask``, until ``share`` of the tokens are
    gone. A span of length 0 puts a mask between two tokens, ``inserted`` times at most.

    Source: Lewis et al. (2020), section 2.2, text infilling, λ = 3 and 30 % of section 4.
    """
    _checked(share, mean)

    def spoil(ids: list[int], generator: torch.Generator) -> list[int]:
        left = round(len(ids) * share)
        lengths: list[int] = []
        while left > 0:
            length = min(int(torch.poisson(torch.tensor(mean), generator)), left)
            if length == 0 and lengths.count(0) >= inserted:
                continue
            lengths.append(length)
            left -= length
        kept = len(ids) - sum(lengths)
        # Spans and kept tokens in an order that chance decides: spans do not overlap.
        order = torch.randperm(kept + len(lengths), generator=generator).tolist()
        found, place = [], 0
        for number in order:
            if number < len(lengths):
                found.append(mask)
                place += lengths[number]
            else:
                found.append(ids[place])
                place += 1
        return found

    return spoil


def mask_tokens(mask: int, share: float = 0.3) -> Spoil:
    """``share`` of the tokens become the mask, as in BERT. Source: section 2.2, token masking."""
    _checked(share)

    def spoil(ids: list[int], generator: torch.Generator) -> list[int]:
        gone = set(torch.randperm(len(ids), generator=generator)[: round(len(ids) * share)].tolist())
        return [mask if place in gone else token for place, token in enumerate(ids)]

    return spoil


def delete(share: float = 0.3) -> Spoil:
    """``share`` of the tokens are left out; the model must find where. Source: section 2.2, token deletion."""
    _checked(share)

    def spoil(ids: list[int], generator: torch.Generator) -> list[int]:
        number = min(round(len(ids) * share), len(ids) - 1)
        gone = set(torch.randperm(len(ids), generator=generator)[:number].tolist())
        return [token for place, token in enumerate(ids) if place not in gone]

    return spoil


def permute(ends: Collection[int]) -> Spoil:
    """Sentences in another order; one ends with each token in ``ends``. Source: section 2.2, sentence permutation."""

    def spoil(ids: list[int], generator: torch.Generator) -> list[int]:
        sentences: list[list[int]] = [[]]
        for token in ids:
            sentences[-1].append(token)
            if token in ends:
                sentences.append([])
        whole = [sentence for sentence in sentences if sentence]
        return [token for number in torch.randperm(len(whole), generator=generator).tolist() for token in whole[number]]

    return spoil


def rotate() -> Spoil:
    """The text begins at a token that chance picks, and goes on from its own beginning. Source: section 2.2."""

    def spoil(ids: list[int], generator: torch.Generator) -> list[int]:
        first = int(torch.randint(len(ids), (1,), generator=generator))
        return ids[first:] + ids[:first]

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
    rows: list[list[int]] = ids.tolist()
    sources = []
    for row in rows:
        spoiled = row
        for way in ways:
            spoiled = way(spoiled, generator)
        sources.append([*spoiled, eos])
    return seq2seq.batch(sources, [[*row, eos] for row in rows], start=start, pad=pad, source_length=length)


def _checked(share: float, mean: float = 1.0) -> None:
    if not 0 <= share < 1 or mean <= 0:
        raise ValueError(f"share must be from 0 to below 1 and mean above 0, not {share} and {mean}.")
