"""Experience: what the losses of alignment need of other models, as tensors in the batch. Nothing here has a gradient.

``reward(batch) -> [B]`` scores answers: a reward model (``partial(reward.scores, model)``), or a rule that can tell
right from wrong. Legend: B rows, T tokens, V vocab.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from glassformer.models import replace
from glassformer.models.heads import Score
from glassformer.objectives import Batch
from glassformer.objectives.logprobs import answer_log_probs, exact
from glassformer.objectives.ppo import ActorCritic
from glassformer.train.advantages import Scale, by_spread, gae, group_relative, penalized, whiten

Reward = Callable[[Batch], Tensor]
"""The scores of answers, ``[B]``."""


def scoring(model: Any) -> Any:
    """A copy of a decoder that gives a score after each token instead of logits: a reward model or a critic to train.

    The scores are 0 at first. The decoder itself is not touched.
    """
    made = deepcopy(model)
    replace(made, "head", lambda _: Score(model.embed.embedding_dim).to(model.embed.weight), untied=True)
    return made


@torch.no_grad()
def with_reference(batch: Batch, reference: nn.Module) -> Batch:
    """The batch with ``reference``: what a model that is not trained gives to each token of the answers."""
    return batch | {"reference": answer_log_probs(reference, batch)}


@torch.no_grad()
def experience(
    model: ActorCritic, reference: nn.Module, reward: Reward, batch: Batch, *, kl: float, gamma: float, lam: float
) -> Batch:
    """Sampled answers with all that PPO learns from: see ``objectives.ppo.HELD``; and their ``score``, ``[B]``."""
    answer_BT = batch["answer"]
    batch = with_reference(batch | {"old": answer_log_probs(model.policy, batch), "score": reward(batch)}, reference)
    rewards_BT = penalized(batch["score"], batch["old"], batch["reference"], answer_BT, kl)
    values_BT = torch.where(answer_BT, model.critic(batch["ids"]), 0.0)
    advantages_BT, returns_BT = gae(rewards_BT, values_BT, answer_BT, gamma, lam)
    return batch | {"advantages": whiten(advantages_BT, answer_BT), "values": values_BT, "returns": returns_BT}


@torch.no_grad()
def group_experience(
    policy: nn.Module, reference: nn.Module, reward: Reward, batch: Batch, *, group: int, scale: Scale = by_spread
) -> Batch:
    """Sampled answers, ``group`` to each prompt, with all that GRPO learns from; and their ``score``, ``[B]``."""
    batch = with_reference(batch | {"old": answer_log_probs(policy, batch), "score": reward(batch)}, reference)
    return batch | {"advantages": group_relative(batch["score"], group, scale)}


def of_answers(batch: Batch) -> dict[str, float]:
    """Means over the answers: ``score``; ``kl_answer``, ``log π(answer) − log π_ref(answer)``, an estimate of the KL
    divergence of whole answers; and ``answer_length``, in tokens.
    """
    return {
        "score": float(batch["score"].float().mean()),
        "kl_answer": float((batch["old"] - batch["reference"]).sum(-1).mean()),
        "answer_length": float(batch["answer"].sum(-1).float().mean()),
    }


@torch.no_grad()
def divergence(policy: nn.Module, reference: nn.Module, batch: Batch) -> Tensor:
    """``KL(π ‖ π_ref)`` of answers, ``[B]``, from answers that π gave: at each token exact over the vocabulary.

    ``Σ_t Σ_v π(v) log(π(v) / π_ref(v))``. Its mean over sampled answers is the divergence of whole answers, with a
    smaller spread than ``log π(answer) − log π_ref(answer)`` has.
    """
    ours, theirs = (exact(each(batch["ids"])).log_softmax(-1) for each in (policy, reference))
    return torch.where(batch["answer"], (ours.exp() * (ours - theirs)).sum(-1), 0.0).sum(-1)
