"""A reward model: a number for an answer, learned from which of two answers people preferred.

Legend: B rows, T tokens. Pairs have an axis of 2: the better answer first.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from glassformer.objectives import supervised
from glassformer.objectives.batch import Batch, average
from glassformer.objectives.supervised import Texts


def batch(prompts: Texts, better: Texts, worse: Texts, *, eos: int | None = None, pad: int = 0) -> Batch:
    """A row for each prompt with its two answers, the better first: ``ids``, ``targets`` and ``answer``, ``[B, 2, T]``.

    ``targets`` and ``answer`` are as in ``supervised.batch``. DPO learns from the same batch.
    Errors: as for ``supervised.batch``.
    """
    answers = {"better": better, "worse": worse}
    length = max(len(text) for each in answers.values() for text in supervised.joined(prompts, each, eos)) - 1
    sides = [supervised.batch(prompts, each, eos=eos, pad=pad, length=length) for each in answers.values()]
    return {name: torch.stack([side[name] for side in sides], 1) for name in sides[0]}


def loss(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Bradley–Terry: the mean over pairs of ``−log σ(r_better − r_worse)``.

    σ of the difference of two scores is the probability that the first is preferred. The loss is ln 2 where both
    scores are equal. Only the difference is learned: a constant may be added to all scores.

    Metrics: ``accuracy``, the share of pairs whose better answer has the higher score, and ``margin``, the mean
    difference.

    Source: Bradley and Terry (1952); Ouyang et al. (2022), equation 1. Taught in ``transformers``, section 13.
    """
    better_B, worse_B = scores(model, batch).unbind(-1)
    margin_B = better_B - worse_B
    value = average(-functional.logsigmoid(margin_B), batch)
    said = {"accuracy": (margin_B > 0).to(margin_B.dtype), "margin": margin_B}
    return value, {"loss": value.detach()} | {name: average(each.detach(), batch) for name, each in said.items()}


def scores(model: Any, batch: Batch) -> Tensor:
    """The scores of whole answers, ``[B]``, or ``[B, 2]`` for pairs.

    Args:
        model: a decoder whose head is ``glassformer.models.heads.Score``: a number after each token.
        batch: holds ``ids``, ``targets`` and ``answer``.
    """
    ids, last = complete(batch)
    each = model(ids.flatten(0, -2)).view(ids.shape)
    found: Tensor = each.gather(-1, last[..., None])[..., 0]
    return found


def complete(batch: Batch) -> tuple[Tensor, Tensor]:
    """The texts up to their very last token, ``[…, T + 1]``, and where that token stands, ``[…]``.

    ``ids`` lacks the last target, since nothing is predicted after it; a score is of the answer as a whole.
    """
    ids, targets, answer = batch["ids"], batch["targets"], batch["answer"]
    places = torch.arange(1, ids.shape[-1] + 1, device=ids.device)
    return torch.cat((ids[..., :1], targets), -1), torch.where(answer, places, 0).amax(-1)
