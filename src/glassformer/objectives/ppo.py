"""Proximal policy optimization: make the sampled tokens that turned out well likelier, but not by too much at once.

Legend: B rows, T tokens, V vocab. A place t is where a token was chosen, having read t + 1 tokens.
"""

from typing import Any, Final

import torch
from torch import Tensor, nn

from glassformer.objectives.batch import Batch, average
from glassformer.objectives.logprobs import entropy, log_probs

HELD: Final = ("old", "reference", "advantages", "values", "returns")
"""What a batch holds beside ``ids``, ``targets`` and ``answer``, each ``[B, T]``: see ``train.experience.experience``.

``old``, ``reference``: the log-probabilities of the sampled tokens under the policy that chose them and the reference;
``advantages``: how much better than expected each turned out; ``values``: what was expected; ``returns``: what came.
"""


class ActorCritic(nn.Module):
    """The two networks that PPO trains.

    Args:
        policy: a decoder: logits ``[B, T, V]``.
        critic: a decoder whose head is ``glassformer.models.heads.Score``: what it expects, ``[B, T]``.
    """

    def __init__(self, policy: Any, critic: Any) -> None:
        super().__init__()
        self.policy: Any = policy
        self.critic: Any = critic

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The logits, and the expected rewards."""
        return self.policy(ids), self.critic(ids)


def loss(
    model: nn.Module, batch: Batch, *, clip: float = 0.2, clip_value: float = 0.2, value_weight: float = 0.1
) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean over tokens of the answers of ``−min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) + c · value loss``.

    ``ρ = π(token) / π_old(token)``, A the advantage. Where ρ has moved by more than ε in the direction that A asks for,
    there is no gradient. The value loss is ``½ max((V − R)², (V_clipped − R)²)``, V being held within ``clip_value`` of
    what it was. The KL penalty is part of the rewards, from which A and R are made.

    At the first step ρ is 1 and the gradient that of ``−A log π``. Metrics beside the losses: the mean ``ratio``;
    ``clipped``, the share of tokens where ρ is outside; ``entropy``; ``kl`` and ``kl3``, estimates of the KL divergence
    from the reference per token; ``moved``, one from the policy that sampled.

    Args:
        model: an ``ActorCritic``.
        batch: sampled answers, with all of ``HELD``.
        clip: ε.
        clip_value: how far V may move.
        value_weight: c.

    The defaults are those of TRL. Source: Schulman et al. (2017), equations 7 and 9; the clipped value: OpenAI's
    ``lm-human-preferences``. Taught in ``transformers``, section 13.
    """
    held(batch, HELD)
    logits_BTV, values_BT = model(batch["ids"])
    logs_BT = chosen(logits_BTV, batch)
    returns_BT, before_BT = batch["returns"], batch["values"]
    near_BT = before_BT + (values_BT - before_BT).clamp(-clip_value, clip_value)
    value_BT = 0.5 * torch.maximum((values_BT - returns_BT).square(), (near_BT - returns_BT).square())
    policy = average(clipped(logs_BT, batch, batch["advantages"], clip), batch, "answer")
    value = average(value_BT, batch, "answer")
    whole = policy + value_weight * value
    said = {"loss": whole.detach(), "policy": policy.detach(), "value": value.detach()}
    return whole, said | movement(logits_BTV, logs_BT, batch, clip)


def chosen(logits_BTV: Tensor, batch: Batch) -> Tensor:
    """The log-probabilities of the tokens that were sampled, 0 where none was, ``[B, T]``."""
    return torch.where(batch["answer"], log_probs(logits_BTV, batch["targets"]), 0.0)


def clipped(logs_BT: Tensor, batch: Batch, advantages: Tensor, clip: float) -> Tensor:
    """``−min(ρ A, clip(ρ, 1 − ε, 1 + ε) A)`` at each place, ``[B, T]``.

    ``advantages`` is ``[B, T]``, or ``[B, 1]`` for one of the whole answer. Raises ``ValueError`` unless 0 < ε < 1.
    """
    if not 0 < clip < 1:
        raise ValueError(f"clip must be between 0 and 1, not {clip}.")
    ratio_BT, advantages = (logs_BT - batch["old"].detach()).exp(), advantages.detach()
    return -torch.minimum(ratio_BT * advantages, ratio_BT.clamp(1 - clip, 1 + clip) * advantages)


@torch.no_grad()
def movement(logits_BTV: Tensor, logs_BT: Tensor, batch: Batch, clip: float) -> dict[str, Tensor]:
    """How far the policy is from the one that sampled, and from the reference: means over the tokens of the answers."""
    change_BT, more_BT = logs_BT - batch["old"], logs_BT - batch["reference"]
    places = {
        "ratio": change_BT.exp(),
        "clipped": (change_BT.expm1().abs() > clip).to(change_BT.dtype),
        "entropy": entropy(logits_BTV),
        "kl": k1(more_BT),
        "kl3": k3(more_BT),
        "moved": k3(-change_BT),
    }
    return {name: average(each, batch, "answer") for name, each in places.items()}


def k1(more: Tensor) -> Tensor:
    """The plain estimate of ``KL(π ‖ π_ref)`` from a token sampled from π: ``m = log π − log π_ref``.

    Its mean is the divergence; a single one may be negative. Source: Schulman (2020), *Approximating KL divergence*.
    """
    return more


def k3(more: Tensor) -> Tensor:
    """The estimate ``exp(−m) − 1 + m``: the same mean, never negative, and mostly a smaller spread.

    Source: Schulman (2020), *Approximating KL divergence*.
    """
    return torch.expm1(-more) + more


def held(batch: Batch, names: Any) -> None:
    """Raises ``ValueError`` if the batch lacks one of ``names``."""
    if missing := [name for name in names if name not in batch]:
        raise ValueError(f"batch must hold {', '.join(names)}, and lacks {', '.join(missing)}: see train.experience.")
