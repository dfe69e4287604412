"""Span corruption: what T5 is trained on. Stretches of text are cut out, and the model writes them down.

Legend: B rows, L tokens of text.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from glassformer.objectives import seq2seq
from glassformer.objectives.batch import Batch

loss = seq2seq.loss


def noise(tokens: int, share: float = 0.15, mean: float = 3.0) -> tuple[int, int]:
    """How many of ``tokens`` are cut out, and in how many spans: ``round(tokens · share)``, and that by ``mean``.

    At least one, and never all. Source: Raffel et al. (2020), section 3.3.4, and its code.
    """
    if tokens < 2 or not 0 < share < 1 or mean < 1:
        raise ValueError(
            f"There must be at least 2 tokens, a share between 0 and 1, a mean from 1: {tokens}, {share}, {mean}."
        )
    cut = min(max(round(tokens * share), 1), tokens - 1)
    return cut, min(max(round(cut / mean), 1), cut, tokens - cut)


def sizes(tokens: int, share: float = 0.15, mean: float = 3.0) -> tuple[int, int]:
    """How long source and target become, their ends included."""
    cut, spans = noise(tokens, share, mean)
    return tokens - cut + spans + 1, cut + spans + 1


def raw_tokens(source: int, share: float = 0.15, mean: float = 3.0) -> tuple[int, int]:
    """How many tokens of text just fill a ``source``, and how long the target then is: 512 tokens hold 568, and 114."""
    tokens = source
    while sizes(tokens + 1, share, mean)[0] <= source:
        tokens += 1
    return tokens, sizes(tokens, share, mean)[1]


def spans(tokens: int, generator: torch.Generator, share: float = 0.15, mean: float = 3.0) -> list[tuple[int, int]]:
    """Where the spans begin and end. The text begins with what is kept, and ends with a span.

    All ways to part the cut tokens, and the kept ones, into as many pieces as there are spans are equally likely.
    """
    cut, number = noise(tokens, share, mean)
    places, found = 0, []
    for kept, gone in zip(_parted(tokens - cut, number, generator), _parted(cut, number, generator), strict=True):
        found.append((places + kept, places + kept + gone))
        places += kept + gone
    return found


def corrupted(
    ids: Sequence[int], cut: Sequence[tuple[int, int]], sentinels: Sequence[int], eos: int
) -> tuple[list[int], list[int]]:
    """Source and target: in the source a sentinel stands for each span, in the target before it. Both end with ``eos``.

    ``the cat sat on a mat`` → ``the <0> on <1>`` and ``<0> cat sat <1> a mat``. Where text follows the last span, one
    more sentinel stands for it in the target, as in the paper's figure 2; after ``spans`` none does.

    Raises ``ValueError`` if there are too few sentinels.
    """
    needed = len(cut) + (max((end for _, end in cut), default=0) < len(ids))
    if needed > len(sentinels):
        raise ValueError(f"sentinels must be at least {needed}, one for each span, not {len(sentinels)}.")
    source, target, last = [], [], 0
    for sentinel, (first, end) in zip(sentinels, cut, strict=False):
        source += [*ids[last:first], sentinel]
        target += [sentinel, *ids[first:end]]
        last = end
    return [*source, *ids[last:], eos], [*target, *sentinels[len(cut) : needed], eos]


def batch(
    ids: Tensor,
    generator: torch.Generator,
    *,
    sentinels: Sequence[int],
    eos: int,
    start: int = 0,
    share: float = 0.15,
    mean: float = 3.0,
) -> Batch:
    """Cut spans out of every row; all sources have one length, and so have all targets.

    Args:
        ids: ``[B, L]``.
        generator: all chance comes from it.
        sentinels: the ids that stand for the first span, the second, and so on; T5's descend from the last id.
        eos: ends source and target.
        start: what the decoder begins with; T5's is its pad.
        share, mean: which share of the tokens is cut out, and how long spans are on average.

    Raises ``ValueError`` for fewer than 2 tokens, shares that are none, and too few sentinels.
    Source: Raffel et al. (2020), section 3.1.4. Taught in ``transformers``, section 13.
    """
    pairs = [corrupted(row, spans(len(row), generator, share, mean), sentinels, eos) for row in ids.tolist()]
    return seq2seq.batch([source for source, _ in pairs], [target for _, target in pairs], start=start)


def _parted(total: int, number: int, generator: torch.Generator) -> list[int]:
    """``number`` whole numbers above 0 that add up to ``total``."""
    borders = torch.randperm(total - 1, generator=generator)[: number - 1].sort().values + 1
    edges = [0, *borders.tolist(), total]
    return [end - first for first, end in pairwise(edges)]
