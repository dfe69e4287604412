"""From the reward of an answer to the advantage of each of its tokens: how much better it turned out than expected.

Legend: B rows, T tokens, G answers to one prompt. ``answer`` is true at the places where a token was chosen; in a row
these stand side by side, so that the place after one of them is the next choice, or the end.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def penalized(scores_B: Tensor, old_BT: Tensor, reference_BT: Tensor, answer_BT: Tensor, kl: float) -> Tensor:
    """The reward of each token, ``[B, T]``: ``−β (log π − log π_ref)``, and the answer's score at its last token.

    Summed over an answer it is ``score − β · (log π(answer) − log π_ref(answer))``: what RLHF makes greater.

    Args:
        scores_B: the scores of the answers.
        old_BT, reference_BT: log-probabilities of the sampled tokens, under the policy and under the reference.
        answer_BT: where they were chosen.
        kl: β, 0 or more.

    Raises ``ValueError`` if ``kl`` is negative. Source: Ziegler et al. (2019), equation 2; Ouyang et al. (2022),
    equation 2. Taught in ``transformers``, section 13.
    """
    if not kl >= 0:
        raise ValueError(f"kl must be 0 or more, not {kl}.")
    last_BT = answer_BT & ~following(answer_BT)
    penalty_BT = torch.where(answer_BT, kl * (old_BT - reference_BT), 0.0)
    return torch.where(last_BT, scores_B[:, None], 0.0) - penalty_BT


def following(answer_BT: Tensor) -> Tensor:
    """Whether the next place is a choice as well, ``[B, T]``."""
    return torch.nn.functional.pad(answer_BT[:, 1:], (0, 1))


def gae(
    rewards_BT: Tensor, values_BT: Tensor, answer_BT: Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Generalized advantage estimation: advantages and returns, ``[B, T]``, both 0 outside the answers.

    ``δ_t = r_t + γ V_{t+1} − V_t``, ``A_t = δ_t + γ λ A_{t+1}``, ``R_t = A_t + V_t``; after the last token V and A are
    0. With λ = 1 the advantage is the sum of what came less what was expected, unbiased and noisy; with λ = 0 it looks
    one token ahead and trusts V for the rest.

    Args:
        rewards_BT: what each choice brought.
        values_BT: what was expected before it, V.
        answer_BT: where there were choices.
        gamma, lam: γ and λ, from 0 to 1.

    Raises ``ValueError`` for γ or λ outside 0 to 1.
    Source: Schulman et al. (2016), equation 16. Taught in ``transformers``, section 13.
    """
    for name, value in (("gamma", gamma), ("lam", lam)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 to 1, not {value}.")
    values_BT = torch.where(answer_BT, values_BT, 0.0)
    next_BT = torch.nn.functional.pad(values_BT[:, 1:], (0, 1))
    deltas_BT = torch.where(answer_BT, rewards_BT + gamma * next_BT - values_BT, 0.0)
    advantage_B, backward = torch.zeros_like(values_BT[:, 0]), []
    for delta_B in deltas_BT.unbind(1)[::-1]:
        advantage_B = delta_B + gamma * lam * advantage_B
        backward.append(advantage_B)
    advantages_BT = torch.where(answer_BT, torch.stack(backward[::-1], 1), 0.0)
    return advantages_BT, advantages_BT + values_BT


def whiten(values_BT: Tensor, places_BT: Tensor, eps: float = 1e-8) -> Tensor:
    """``(x − mean) / √(variance + ε)`` over the true places, 0 elsewhere: mean 0 and variance 1.

    It keeps the size of the steps when rewards are of another size. All of a batch is whitened at once, before it is
    cut. Source: OpenAI's ``lm-human-preferences``; Huang et al. (2022), detail 7.
    """
    chosen = values_BT[places_BT]
    spread = (chosen.var(correction=0) + eps).sqrt()
    return torch.where(places_BT, (values_BT - chosen.mean()) / spread, 0.0)


Scale = Callable[[Tensor], Tensor]
"""By what the advantages of groups, ``[B/G, G]``, are divided, ``[B/G, 1]``."""


def by_spread(away_NG: Tensor) -> Tensor:
    """The standard deviation of the group, as published; 1e-4 keeps it from 0 where all answers did equally well."""
    return away_NG.std(-1, keepdim=True) + 1e-4


def by_nothing(away_NG: Tensor) -> Tensor:
    """1: a group in which almost all did equally well does not weigh more. Source: Liu et al. (2025), Dr. GRPO."""
    return torch.ones_like(away_NG[:, :1])


def group_relative(scores_B: Tensor, group: int, scale: Scale = by_spread) -> Tensor:
    """GRPO's advantages, ``[B]``: ``(r − mean of its group) / scale``. In each group they sum to 0.

    Args:
        scores_B: rewards; each ``group`` rows in sequence answer one prompt.
        group: G, at least 2.
        scale: ``by_spread`` or ``by_nothing``.

    Raises ``ValueError`` if ``group`` is below 2 or does not divide the number of rows.
    Source: Shao et al. (2024), section 4.1.2. Taught in ``transformers``, section 13.
    """
    if group < 2 or len(scores_B) % group:
        raise ValueError(f"group must be at least 2 and divide the number of answers, {len(scores_B)}, not {group}.")
    scores_NG = scores_B.view(-1, group)
    away_NG = scores_NG - scores_NG.mean(-1, keepdim=True)
    return (away_NG / scale(away_NG)).flatten()
