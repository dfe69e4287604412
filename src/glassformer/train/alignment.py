"""A round of PPO, of GRPO and of DPO, each on a page.

PPO and GRPO answer prompts, score the answers, work out what they teach, and take some steps. DPO is given pairs of
answers, of which one is preferred, and takes the steps at once.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from glassformer.objectives import Batch, Loss, dpo, grpo, ppo
from glassformer.objectives.ppo import ActorCritic
from glassformer.objectives.supervised import Texts
from glassformer.train.advantages import Scale, by_spread
from glassformer.train.experience import Reward, experience, group_experience, of_answers, with_reference
from glassformer.train.groups import AnyOptimizer
from glassformer.train.rollout import repeated, rollout
from glassformer.train.step import Objective, train_step


def ppo_round(
    model: ActorCritic,
    reference: nn.Module,
    reward: Reward,
    prompts: Texts,
    optimizer: AnyOptimizer,
    generator: torch.Generator,
    *,
    max_new: int,
    eos: int,
    pad: int = 0,
    kl: float = 0.05,
    gamma: float = 1.0,
    lam: float = 0.95,
    epochs: int = 4,
    minibatches: int = 1,
    loss: Loss = ppo.loss,
    clip: float | None = 1.0,
) -> dict[str, float]:
    """One round of PPO. Returns the metrics of its last step, and of its answers what ``of_answers`` says.

    Args:
        model: what is trained.
        reference: what the policy shall stay near to; not trained.
        reward: scores answers, ``reward(batch) -> [B]``.
        prompts: tokens, of any lengths; each is answered once.
        optimizer: holds the weights of ``model``.
        generator: the source of chance.
        max_new, eos, pad: as for ``rollout``.
        kl: β, the price of leaving the reference, per nat.
        gamma, lam: as for ``gae``.
        epochs: how often the answers are gone through.
        minibatches: in how many steps each time.
        loss: ``objectives.ppo.loss``, or a ``partial`` of it.
        clip: the longest gradient that is taken as it is.

    Defaults: TRL's. Source: Ouyang et al. (2022), section 3.5, RL. Taught in ``transformers``, section 13.
    """
    sampled = rollout(model.policy, prompts, max_new=max_new, eos=eos, pad=pad, generator=generator)
    batch = experience(model, reference, reward, sampled, kl=kl, gamma=gamma, lam=lam)
    said = learn(model, loss, batch, optimizer, generator, epochs=epochs, minibatches=minibatches, clip=clip)
    return said | of_answers(batch)


def grpo_round(
    policy: Any,
    reference: nn.Module,
    reward: Reward,
    prompts: Texts,
    optimizer: AnyOptimizer,
    generator: torch.Generator,
    *,
    max_new: int,
    eos: int,
    pad: int = 0,
    group: int = 8,
    scale: Scale = by_spread,
    epochs: int = 1,
    minibatches: int = 1,
    loss: Loss = grpo.loss,
    clip: float | None = 1.0,
) -> dict[str, float]:
    """One round of GRPO. Returns what ``ppo_round`` returns.

    Args:
        policy: what is trained.
        group: how many answers to each prompt, at least 2.
        scale: by what the advantages of a group are divided: ``by_spread`` or ``by_nothing``.
        loss: ``objectives.grpo.loss``, or a ``partial`` of it.
        and the arguments of ``ppo_round``.

    Source: Shao et al. (2024), algorithm 1. Taught in ``transformers``, section 13.
    """
    asked = repeated(prompts, group)
    sampled = rollout(policy, asked, max_new=max_new, eos=eos, pad=pad, generator=generator)
    batch = group_experience(policy, reference, reward, sampled, group=group, scale=scale)
    said = learn(policy, loss, batch, optimizer, generator, epochs=epochs, minibatches=minibatches, clip=clip)
    return said | of_answers(batch)


def dpo_round(
    policy: nn.Module,
    reference: nn.Module,
    pairs: Batch,
    optimizer: AnyOptimizer,
    generator: torch.Generator,
    *,
    epochs: int = 1,
    minibatches: int = 1,
    loss: Loss = dpo.loss,
    clip: float | None = 1.0,
) -> dict[str, float]:
    """One round of DPO: no answer is sampled, and none is scored. Returns the metrics of its last step.

    Args:
        policy: what is trained.
        reference: what the policy shall stay near to; not trained.
        pairs: answers, the better first: see ``objectives.dpo.batch``.
        optimizer, generator, epochs, minibatches, clip: as for ``ppo_round``.
        loss: ``objectives.dpo.loss`` or ``ipo``, or a ``partial`` of one.

    Source: Rafailov et al. (2023), section 4. Taught in ``transformers``, section 13.
    """
    batch = with_reference(pairs, reference)
    return learn(policy, loss, batch, optimizer, generator, epochs=epochs, minibatches=minibatches, clip=clip)


def learn(
    model: nn.Module,
    loss: Loss,
    batch: Batch,
    optimizer: AnyOptimizer,
    generator: torch.Generator,
    *,
    epochs: int,
    minibatches: int,
    clip: float | None,
) -> dict[str, float]:
    """Go through a batch ``epochs`` times, each time in another order. Returns the metrics of the last step."""
    said: dict[str, float] = {}
    for _ in range(epochs):
        for part in shuffled(batch, minibatches, generator):
            said = train_step(Objective(model, loss), [part], optimizer, clip=clip)
    return said


def shuffled(batch: Batch, number: int, generator: torch.Generator) -> Iterator[Batch]:
    """The rows in a random order, in ``number`` batches of their own."""
    rows = len(batch["ids"])
    if not 1 <= number <= rows:
        raise ValueError(f"number must be from 1 to the number of rows, {rows}, not {number}.")
    for chosen in torch.randperm(rows, generator=generator).tensor_split(number):
        yield {name: tensor[chosen.to(tensor.device)] for name, tensor in batch.items()}
