"""Beam search: not one continuation but the best few, kept side by side.

Legend: B batch, K beams, V vocab.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from glassformer.generate.checks import check, check_logits
from glassformer.generate.context import Context, LanguageModel
from glassformer.parts.step import Memory


class Beams(NamedTuple):
    """The best texts of each row, the best first: their new tokens ``[B, K, tokens]``, and their scores ``[B, K]``.

    Where there are fewer than K texts at all, the rest has the score −∞ and holds ``pad``.
    """

    ids: Tensor
    scores: Tensor


class Row:
    """The finished texts of one prompt: the ``beams`` best so far, as (score, tokens), the best first."""

    def __init__(
        self, beams: int, length_penalty: float, early_stopping: bool | Literal["never"], longest: int
    ) -> None:
        self.beams, self.length_penalty, self.longest = beams, length_penalty, longest
        self.early_stopping = early_stopping
        self.finished: list[tuple[float, list[int]]] = []
        self.done = False

    def score(self, log_probability: float, length: int) -> float:
        """``log P / length^penalty``."""
        return float(log_probability / length**self.length_penalty)

    def finish(self, log_probability: float, tokens: list[int]) -> None:
        """A text has ended. It stays if it is among the best."""
        self.finished.append((self.score(log_probability, len(tokens)), tokens))
        self.finished.sort(key=lambda text: -text[0])
        del self.finished[self.beams :]

    def close(self, best_running: float, length: int) -> None:
        """Note whether going on is of use: ``best_running`` is the log P of the best text that has not ended."""
        if best_running == -math.inf:  # every beam has ended
            self.done = True
        if len(self.finished) < self.beams:
            return
        if self.early_stopping == "never" and self.length_penalty > 0:
            length = self.longest  # the most that a running text could still make of its log P
        self.done |= self.early_stopping is True or self.score(best_running, length) <= self.finished[-1][0]


@torch.inference_mode()
def beam_search(
    model: LanguageModel,
    ids: Tensor,
    *,
    beams: int,
    max_new: int,
    mask: Tensor | None = None,
    memory: Memory | None = None,
    stop_ids: Sequence[int] = (),
    pad: int | None = None,
    length_penalty: float = 1.0,
    early_stopping: bool | Literal["never"] = False,
) -> Beams:
    """The texts of the highest ``log P(new tokens) / length^length_penalty`` that a search with ``beams`` beams finds.

    Each step extends every beam by every token and keeps the best K that go on; those of the best K that end are
    finished. With one beam it is greedy decoding.

    Args:
        model, ids, max_new, mask, memory, stop_ids, pad: as for ``generate``.
        beams: how many texts are kept, K.
        length_penalty: above 0 it favors longer texts, since log P is negative; 0 compares plain log P. The length
            counts new tokens, the stop token included.
        early_stopping: ``True`` ends a row as soon as K texts have finished; ``False`` when the best running text, at
            its present length, scores no better than the worst finished one; ``"never"`` only when it could not at any
            length.

    Raises ``ValueError`` as ``generate`` does, and if ``beams`` is below 1.

    Source: Graves (2012), section 3; the length penalty after Wu et al. (2016), eq. 14, in the simpler form of later
    implementations. Taught in ``transformers``, section 12.
    """
    check(model, ids, max_new, mask=mask, memory=memory, stop_ids=stop_ids, pad=pad)
    if beams < 1:
        raise ValueError(f"beams must be at least 1, not {beams}.")
    batch, prompt = ids.shape
    if memory is not None:
        memory = Memory(*(None if each is None else each.repeat_interleave(beams, 0) for each in memory))  # type: ignore[arg-type]
    context = Context(model, batch * beams, prompt + max_new - 1, memory=memory)
    rows = [Row(beams, length_penalty, early_stopping, max_new) for _ in range(batch)]
    first = torch.arange(batch, device=ids.device)[:, None] * beams  # where each row's beams begin
    texts = ids.new_empty(batch * beams, 0)
    # All beams begin alike, so only the first may be extended.
    running_BK = torch.full((batch, beams), -torch.inf, device=ids.device)
    running_BK[:, 0] = 0.0
    logits = context.read(
        ids.repeat_interleave(beams, 0), None if mask is None else mask.bool().repeat_interleave(beams, 0)
    )
    for length in range(1, max_new + 1):
        log_BKV = check_logits(logits, length).float().log_softmax(-1).view(batch, beams, -1)
        vocab = log_BKV.shape[-1]
        total = (log_BKV + running_BK[:, :, None]).flatten(1)
        # Each beam may lose one candidate to each stop token; so many that K are left all the same.
        best = total.topk(min(beams * (1 + len(stop_ids)), beams * vocab))
        source, token = first + best.indices // vocab, best.indices % vocab
        ends = torch.isin(token, torch.tensor(list(stop_ids), dtype=torch.long, device=ids.device))
        _finish(rows, best.values, texts[source], token, ends | (length == max_new))
        running_BK, kept = best.values.masked_fill(ends, -torch.inf).topk(beams)
        source, token = source.gather(1, kept).flatten(), token.gather(1, kept).flatten()
        texts = torch.cat((texts[source], token[:, None]), 1)
        for row, running in zip(rows, running_BK[:, 0].tolist(), strict=True):
            row.close(running, length)
        if length == max_new or all(row.done for row in rows):
            break
        context.state.reorder(source)
        logits = context.next(token)
    return _best(rows, beams, pad if pad is not None else next(iter(stop_ids), 0), ids.device)


def _finish(rows: list[Row], scores: Tensor, before: Tensor, token: Tensor, ends: Tensor) -> None:
    """Hand each row those of its K best candidates that end here. Lower ones only stand in for those that go on."""
    texts = torch.cat((before, token[:, :, None]), 2)
    for number, row in enumerate(rows):
        for rank in range(row.beams):
            if ends[number, rank] and not row.done and scores[number, rank] > -torch.inf:
                row.finish(float(scores[number, rank]), texts[number, rank].tolist())


def _best(rows: list[Row], beams: int, pad: int, device: torch.device) -> Beams:
    """What the rows have finished, as tensors."""
    longest = max(len(tokens) for row in rows for _, tokens in row.finished)
    ids = torch.full((len(rows), beams, longest), pad, device=device)
    scores = torch.full((len(rows), beams), -torch.inf, device=device)
    for number, row in enumerate(rows):
        for rank, (score, tokens) in enumerate(row.finished):
            ids[number, rank, : len(tokens)] = torch.tensor(tokens, device=device)
            scores[number, rank] = score
    return Beams(ids, scores)
