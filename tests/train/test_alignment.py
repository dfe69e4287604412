"""Rounds of PPO, GRPO and DPO: what they are made of, and that the policy learns what is rewarded or preferred."""

from copy import deepcopy
from functools import partial

import pytest
import torch

from glassformer.data import recorded
from glassformer.objectives import dpo, grpo, ppo
from glassformer.objectives.ppo import ActorCritic
from glassformer.train.alignment import dpo_round, grpo_round, learn, ppo_round, shuffled
from glassformer.train.experience import experience, group_experience, scoring
from glassformer.train.groups import adamw
from glassformer.train.rollout import repeated, rollout
from tests.train.sampling import EOS, PAD, PROMPTS, SPOKEN, chance, decoder, sampled, sevens

METHODS = pytest.mark.parametrize("method", ["ppo", "grpo", "dpo"])
PAIRS = dpo.batch(PROMPTS, [[7, 7], [7], [7, 8, 7], [7]], [[1], [2, 3], [4, 4], [5, 6]], eos=EOS, pad=PAD)


def started(method, lr):
    """A policy, what is trained of it, and one round of ``method`` as a function of nothing."""
    policy, reference = decoder(), decoder()
    both = ActorCritic(policy, scoring(policy))
    optimizer, generator = adamw(both if method == "ppo" else policy, lr, weight_decay=0.0), chance()
    return policy, {
        "ppo": partial(ppo_round, both, reference, sevens, PROMPTS * 8, optimizer, generator, **SPOKEN, minibatches=2),
        "grpo": partial(grpo_round, policy, reference, sevens, PROMPTS, optimizer, generator, **SPOKEN),
        "dpo": partial(dpo_round, policy, reference, PAIRS, optimizer, generator, minibatches=2),
    }[method]


def test_a_round_of_ppo_is_a_rollout_experience_and_plain_steps():
    """The loop that it stands for, with PyTorch's own optimizer."""
    policy, one_round = started("ppo", 1e-3)
    plain, reference = decoder(), decoder()
    both, draw = ActorCritic(plain, scoring(plain)), chance()
    batch = rollout(plain, PROMPTS * 8, **SPOKEN, generator=draw)
    batch = experience(both, reference, sevens, batch, kl=0.05, gamma=1.0, lam=0.95)
    optimizer = torch.optim.AdamW(both.parameters(), 1e-3, betas=(0.9, 0.95), weight_decay=0.0)
    for _ in range(4):
        order = torch.randperm(32, generator=draw)
        for rows in (order[:16], order[16:]):
            optimizer.zero_grad()
            ppo.loss(both, {name: tensor[rows] for name, tensor in batch.items()})[0].backward()
            torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
            optimizer.step()
    said = one_round()
    assert said["score"] == float(sevens(batch).mean())
    for one, other in zip(policy.parameters(), plain.parameters(), strict=True):
        # float64; Adam divides by gradients, of which some are nearly 0
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)


def test_a_round_of_grpo_answers_each_prompt_as_often_as_the_group_is_large():
    policy, one_round = started("grpo", 0.0)
    batch = rollout(policy, repeated(PROMPTS, 3), **SPOKEN, generator=chance())
    batch = group_experience(policy, policy, sevens, batch, group=3)
    said = one_round(group=3)
    assert said["score"] == pytest.approx(float(sevens(batch).mean()), rel=1e-6)  # told in float32
    assert said["policy"] == pytest.approx(float(grpo.loss(policy, batch)[1]["policy"]), abs=1e-12)  # float64


def test_a_round_of_dpo_starts_at_ln_2():
    _, one_round = started("dpo", 0.0)
    assert one_round(minibatches=1)["loss"] == pytest.approx(0.693147180559945, abs=1e-12)  # float64
    assert one_round(minibatches=1, loss=partial(dpo.ipo, beta=0.5))["loss"] == pytest.approx(1)


@METHODS
def test_a_round_gives_the_same_weights_for_the_same_chance(method):
    weights = []
    for _ in range(2):
        policy, one_round = started(method, 1e-3)
        for _ in range(2):
            one_round()
        weights.append(deepcopy(policy.state_dict()))
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["embed.weight"], decoder().embed.weight)


@pytest.mark.parametrize("method", ["ppo", "grpo"])
def test_a_policy_learns_what_is_rewarded(method):
    _, one_round = started(method, 3e-3)
    said = [one_round() for _ in range(15 if method == "ppo" else 40)]
    scores = [each["score"] for each in said]
    assert sum(scores[-3:]) / 3 > sum(scores[:3]) / 3 + 1.0
    assert said[-1]["kl_answer"] > 0.1


def test_a_policy_learns_what_is_preferred():
    _, one_round = started("dpo", 3e-3)
    said = [one_round(minibatches=1) for _ in range(30)]
    assert said[-1]["accuracy"] == 1 and said[-1]["loss"] < 0.5 < said[0]["loss"]


@METHODS
def test_a_high_price_keeps_the_policy_near(method):
    """PPO's in the reward, GRPO's in the loss; DPO's β asks for so small a margin that it is reached at once."""
    away = []
    for price in (0.0 if method != "dpo" else 0.1, 30.0):
        policy, one_round = started(method, 3e-3)
        given = {
            "ppo": {"kl": price},
            "grpo": {"loss": partial(grpo.loss, beta=price)},
            "dpo": {"loss": partial(dpo.loss, beta=price), "minibatches": 1},
        }[method]
        for _ in range(10 if method == "ppo" else 30):
            one_round(**given)
        with torch.no_grad():
            ours, theirs = (model(PAIRS["ids"][:, 0]).log_softmax(-1) for model in (policy, decoder()))
        away.append(float((ours.exp() * (ours - theirs)).sum(-1).mean()))
    assert away[1] < away[0] / 2


def test_every_row_is_learned_from_once_an_epoch():
    policy = decoder()
    batch = group_experience(policy, policy, sevens, sampled(policy), group=5)
    seen = []

    def loss(model, part):
        seen.append(part["score"])
        return grpo.loss(model, part)

    learn(policy, loss, batch, adamw(policy, 0.0), chance(), epochs=2, minibatches=3, clip=1.0)
    assert [len(part) for part in seen] == [7, 7, 6] * 2
    for epoch in (seen[:3], seen[3:]):
        assert torch.equal(torch.cat(epoch).sort().values, batch["score"].sort().values)


@pytest.mark.parametrize("number", [0, 21])
def test_there_is_a_row_for_each_minibatch(number):
    with pytest.raises(ValueError, match=f"number must be from 1 to the number of rows, 20, not {number}"):
        next(shuffled(sampled(decoder()), number, chance()))


def test_what_was_recorded_shows_what_is_said_of_it():
    """``experiments/alignment.py``: each method helps on each seed; without a price the reward model is outwitted."""
    told = recorded("alignment")
    before = told["fine_tuned"]
    for figure in ("sampled", "greedy"):
        assert 0.25 < before[figure]["mean"] < 0.6
        for method in ("ppo", "ppo_rule", "dpo", "grpo"):
            after = told["after"][method][figure]["seeds"]
            assert len(after) == len(told["seeds"]) >= 3
            assert all(a > b + 0.1 for a, b in zip(after, before[figure]["seeds"], strict=True)), method
    hacked = told["after"]["ppo_without_kl"]
    for place in range(len(told["seeds"])):
        assert hacked["score"]["seeds"][place] > before["score"]["seeds"][place] + 0.5
        assert hacked["sampled"]["seeds"][place] < before["sampled"]["seeds"][place] - 0.1
        assert hacked["kl"]["seeds"][place] > told["after"]["ppo"]["kl"]["seeds"][place]
    assert all(example["answer"] != example["right"] for example in told["examples"])
