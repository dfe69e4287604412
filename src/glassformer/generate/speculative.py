"""Speculative decoding: a small draft model guesses some tokens ahead, the large one reads all guesses in one call.

Reading several tokens takes a large model hardly longer than reading one, as its weights pass through memory once for
either. Accepting a guess with the right probability, and drawing from what is missing otherwise, gives exactly the
distribution of the large model alone. Legend: B batch, T tokens, V vocab.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glassformer.generate.checks import check, check_logits
from glassformer.generate.context import Context, Ends, LanguageModel
from glassformer.generate.sampling import GREEDY, Sampling
from glassformer.parts.step import Memory


@dataclass
class Counts:
    """What became of the guesses, over all rows: how many were ``proposed`` and judged, how many ``accepted``.

    ``rounds`` counts the calls of the large model. ``accepted / proposed`` is the paper's α.
    """

    proposed: int = 0
    accepted: int = 0
    rounds: int = 0


def residual(p_BV: Tensor, q_BV: Tensor) -> Tensor:
    """What ``p`` has and ``q`` lacks, ``max(0, p − q)``, as a distribution: drawn from after a rejection.

    A guess ``x ~ q`` is accepted with probability ``min(1, p(x) / q(x))``; then
    ``q · min(1, p/q) + P(rejection) · residual = p``. Where nothing is missing, ``p``.

    Source: Leviathan, Kalman and Matias (2023), section 2.3 and appendix A.1; Chen et al. (2023), theorem 1.
    Taught in ``transformers``, section 12.
    """
    missing_BV = (p_BV - q_BV).clamp(min=0)
    total_B1 = missing_BV.sum(-1, keepdim=True)
    return torch.where(total_B1 > 0, missing_BV / total_B1, p_BV)


def accept(
    guess_B: Tensor, p_BV: Tensor, q_BV: Tensor, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Each row's token, and whether it is the guess: with probability ``min(1, p/q)``, else drawn from ``residual``.

    Args:
        guess_B: a token that was drawn from ``q``.
        p_BV, q_BV: the distributions of the model and of the draft.

    Source: Leviathan, Kalman and Matias (2023), section 2.3. Taught in ``transformers``, section 12.
    """
    p_B, q_B = (each_BV.gather(1, guess_B[:, None])[:, 0] for each_BV in (p_BV, q_BV))
    accepted_B = torch.rand(q_B.shape, generator=generator, device=q_B.device) * q_B < p_B
    return torch.where(accepted_B, guess_B, _draw(residual(p_BV, q_BV), generator)), accepted_B


def speculate(
    model: LanguageModel,
    draft: LanguageModel,
    ids: Tensor,
    *,
    max_new: int,
    lookahead: int = 4,
    mask: Tensor | None = None,
    memory: Memory | None = None,
    draft_memory: Memory | None = None,
    sampling: Sampling = GREEDY,
    stop_ids: Sequence[int] = (),
    pad: int | None = None,
    generator: torch.Generator | None = None,
    counts: Counts | None = None,
) -> Iterator[Tensor]:
    """Yields the next token of every row, ``[B]``, distributed as in ``generate(model, …)``: greedy, the same tokens.

    All rows advance together, so a round ends at the first guess that any row rejects. It pays for small batches.

    Args:
        model, ids, max_new, mask, memory, sampling, stop_ids, pad, generator: as for ``generate``.
        draft: a quicker model with the same vocabulary.
        lookahead: how many tokens the draft guesses before the model looks at them.
        draft_memory: what the draft's own encoder made of the source, if it has one.
        counts: is filled with what became of the guesses.

    Raises ``ValueError`` as ``generate`` does, for either model, and if the vocabularies differ or ``lookahead`` is
    below 1.

    Source: Leviathan, Kalman and Matias (2023), algorithm 1; Chen et al. (2023), algorithm 2.
    Taught in ``transformers``, section 12.
    """
    check(model, ids, max_new, mask=mask, memory=memory, stop_ids=stop_ids, pad=pad)
    check(draft, ids, max_new, mask=mask, memory=draft_memory)
    vocab, other = model.embed.num_embeddings, draft.embed.num_embeddings
    if vocab != other:
        raise ValueError(f"draft must have the model's vocabulary of {vocab} tokens, not one of {other}.")
    if lookahead < 1:
        raise ValueError(f"lookahead must be at least 1, not {lookahead}.")
    ends = Ends(ids.shape[0], stop_ids, pad, ids.device)
    models = (model, memory), (draft, draft_memory)
    return _speculate(*models, ids, mask, max_new, lookahead, sampling, ends, generator, counts or Counts())


@torch.inference_mode()
def _speculate(
    target: tuple[LanguageModel, Memory | None],
    helper: tuple[LanguageModel, Memory | None],
    text: Tensor,
    mask: Tensor | None,
    max_new: int,
    lookahead: int,
    sampling: Sampling,
    ends: Ends,
    generator: torch.Generator | None,
    counts: Counts,
) -> Iterator[Tensor]:
    batch, prompt = text.shape
    large, small = (Context(model, batch, prompt + max_new, memory=memory) for model, memory in (target, helper))
    real = torch.ones_like(text, dtype=torch.bool) if mask is None else mask.bool()
    if prompt > 1:  # from here on, each has read all but the last token or two
        for context in (large, small):
            context.hidden(text[:, :-1], None if mask is None else real[:, :-1])
    while text.shape[1] < prompt + max_new and not ends.all:
        known = text.shape[1]
        number = min(lookahead, prompt + max_new - known - 1)
        moments = large.state.snapshot(), small.state.snapshot()
        guesses, q = _guess(small, text, real, number, sampling, generator)
        logits_BTV = large.model.logits(large.hidden(guesses[:, large.state.length :]))
        counts.rounds += 1
        for index in range(number + 1):
            logits_BV = check_logits(logits_BTV[:, index], known - prompt + index + 1)
            p_BV = sampling.probabilities(logits_BV, text, real)
            if index < number:
                chosen_B, accepted_B = accept(guesses[:, known + index], p_BV, q[index], generator)
                counts.proposed += int((~ends.rows).sum())
                counts.accepted += int((~ends.rows & accepted_B).sum())
            else:  # all guesses stand, and the model has said what follows the last one
                chosen_B, accepted_B = _draw(p_BV, generator), torch.ones_like(ends.rows)
            rejected = bool((~ends.rows & ~accepted_B).any())
            chosen_B = ends.put(chosen_B)
            text, real = torch.cat((text, chosen_B[:, None]), 1), torch.cat((real, torch.ones_like(real[:, :1])), 1)
            yield chosen_B
            if rejected or ends.all:
                break
        for context, moment in zip((large, small), moments, strict=True):
            if context.state.length > text.shape[1] - 1:
                context.rewind(moment, text[:, :-1])


def _guess(
    small: Context, text: Tensor, real: Tensor, number: int, sampling: Sampling, generator: torch.Generator | None
) -> tuple[Tensor, list[Tensor]]:
    """``number`` tokens that the draft draws after ``text``: the longer text, and the distributions they came from."""
    q: list[Tensor] = []
    for _ in range(number):
        logits_BV = check_logits(small.read(text[:, small.state.length :]), len(q) + 1)
        q.append(sampling.probabilities(logits_BV, text, real))
        text = torch.cat((text, _draw(q[-1], generator)[:, None]), 1)
        real = torch.cat((real, torch.ones_like(real[:, :1])), 1)
    return text, q


def _draw(probabilities_BV: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.multinomial(probabilities_BV, 1, generator=generator)[:, 0]
