"""Mixture of denoisers: what UL2 is trained on. Short spans, long ones, many, and the end of the text.

Legend: B rows, L tokens of text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor

from glassformer.objectives import seq2seq, span_corruption
from glassformer.objectives.batch import Batch

Mode = Literal["R", "S", "X"]

loss = seq2seq.loss


@dataclass(frozen=True)
class Denoiser:
    """One task of the mixture.

    Attributes:
        mode: R, regular; S, sequential: the end of the text is cut off; X, extreme: much, or long spans.
        share: of the tokens, how many are cut out.
        mean: how long spans are; for S it does not count, there is one.
    """

    mode: Mode
    share: float
    mean: float = 0.0

    def spans(self, tokens: int, generator: torch.Generator) -> list[tuple[int, int]]:
        """Where a text of so many tokens is cut."""
        if self.mode != "S":
            return span_corruption.spans(tokens, generator, self.share, min(self.mean, tokens))
        most = min(max(2 * round(tokens * self.share), 1), tokens - 1)  # evenly from 1, so that the mean is the share
        return [(tokens - int(torch.randint(1, most + 1, (1,), generator=generator)), tokens)]

    def sizes(self, tokens: int) -> tuple[int, int]:
        """How long source and target become at most, without the token of the mode."""
        if self.mode != "S":
            return span_corruption.sizes(tokens, self.share, min(self.mean, tokens))
        most = min(max(2 * round(tokens * self.share), 1), tokens - 1)
        return tokens - 1 + 2, most + 2


PUBLISHED: Final = (
    Denoiser("R", 0.15, 3),
    Denoiser("R", 0.15, 8),
    Denoiser("S", 0.25),
    Denoiser("X", 0.5, 3),
    Denoiser("X", 0.5, 8),
    Denoiser("X", 0.15, 64),
    Denoiser("X", 0.5, 64),
)
"""The seven of UL2. Source: Tay et al. (2022), table 1."""


def batch(
    ids: Tensor,
    generator: torch.Generator,
    *,
    modes: Mapping[str, int],
    sentinels: Sequence[int],
    eos: int,
    start: int = 0,
    pad: int = 0,
    denoisers: Sequence[Denoiser] = PUBLISHED,
    weights: Sequence[float] = (),
) -> Batch:
    """Give every row to a denoiser that chance picks. The source begins with the token of its mode.

    All batches have one shape, whatever was picked.

    Args:
        ids: ``[B, L]``.
        generator: all chance comes from it.
        modes: the id of the token of each mode.
        sentinels, eos, start: as for ``span_corruption.batch``.
        pad: fills the rows.
        denoisers: the tasks.
        weights: how often each is picked; by default evenly.

    Raises ``ValueError`` if a mode has no token, or weights are not one for each denoiser.
    Source: Tay et al. (2022), section 3.1. Taught in ``transformers``, section 13.
    """
    if missing := sorted({one.mode for one in denoisers} - modes.keys()):
        raise ValueError(f"modes must have a token for {missing[0]!r}.")
    if weights and len(weights) != len(denoisers):
        raise ValueError(f"weights must be {len(denoisers)}, one for each denoiser, not {len(weights)}.")
    odds = torch.tensor(list(weights) or [1.0] * len(denoisers), dtype=torch.float32)
    picks = torch.multinomial(odds, len(ids), replacement=True, generator=generator).tolist()
    sources, targets = [], []
    for row, pick in zip(ids.tolist(), picks, strict=True):
        one = denoisers[pick]
        source, target = span_corruption.corrupted(row, one.spans(len(row), generator), sentinels, eos)
        sources.append([modes[one.mode], *source])
        targets.append(target)
    sizes = [one.sizes(ids.shape[1]) for one in denoisers]
    return seq2seq.batch(
        sources,
        targets,
        start=start,
        pad=pad,
        source_length=1 + max(source for source, _ in sizes),
        target_length=max(target for _, target in sizes),
    )
