"""Group-relative policy optimization: sample several answers to each prompt, and learn from which did better.

The other answers of the group say what was to be expected, so there is no critic. Legend: B rows, T tokens, V vocab.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from glassformer.objectives.batch import Batch, average
from glassformer.objectives.ppo import chosen, clipped, held, k3, movement

HELD: Final = ("old", "reference", "advantages")
"""What a batch holds beside ``ids``, ``targets`` and ``answer``: see ``train.experience.group_experience``.

``old``, ``reference``, ``[B, T]``: the log-probabilities of the sampled tokens under the policy that chose them and
under the reference; ``advantages``, ``[B]``: how much better than its group each answer was.
"""

Mean = Callable[[Tensor, Batch], Tensor]
"""How the losses of the tokens, ``[B, T]``, become one."""


def per_answer(losses_BT: Tensor, batch: Batch) -> Tensor:
    """Each answer counts alike, ``1/B Σ_b 1/|b| Σ_t``: as published. A token of a long answer counts less."""
    answer_BT = batch["answer"]
    return average(torch.where(answer_BT, losses_BT, 0.0).sum(-1) / answer_BT.sum(-1).clamp(min=1), batch)


def per_token(losses_BT: Tensor, batch: Batch) -> Tensor:
    """Each token counts alike. Source: Yu et al. (2025), DAPO, section 3.3."""
    return average(losses_BT, batch, "answer")


def loss(
    model: nn.Module, batch: Batch, *, clip: float = 0.2, beta: float = 0.04, mean: Mean = per_answer
) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean over answers of the mean over their tokens of ``−min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) + β k3``.

    ``ρ = π(token) / π_old(token)``, A the advantage of the answer, and k3 the estimate of the KL divergence from the
    reference, ``π_ref/π − log(π_ref/π) − 1``, through which the gradient flows. Metrics: as for PPO.

    Args:
        model: the policy.
        batch: sampled answers, with all of ``HELD``.
        clip: ε.
        beta: β, 0 or more.
        mean: ``per_answer`` or ``per_token``.

    Raises ``ValueError`` if ``clip`` is not between 0 and 1, ``beta`` is negative, or the batch lacks something.
    Source: Shao et al. (2024), equations 3 and 4. Taught in ``transformers``, section 13.
    """
    held(batch, HELD)
    if not beta >= 0:
        raise ValueError(f"beta must be 0 or more, not {beta}.")
    logits_BTV = model(batch["ids"])
    logs_BT = chosen(logits_BTV, batch)
    policy = mean(clipped(logs_BT, batch, batch["advantages"][:, None], clip), batch)
    away = mean(k3(logs_BT - batch["reference"].detach()), batch)
    value = policy + beta * away
    said = {"loss": value.detach(), "policy": policy.detach()}
    return value, said | movement(logits_BTV, logs_BT, batch, clip)
