"""GRPO: its identities at the first step, and its loss written out answer by answer."""

import math
from functools import partial

import pytest
import torch

from glassformer.objectives import grpo, ppo
from glassformer.objectives.grpo import per_answer, per_token
from glassformer.objectives.logprobs import answer_log_probs
from glassformer.train.advantages import by_nothing, group_relative
from tests.objectives.aligning import check_parts, close, gpt, gradients
from tests.objectives.test_ppo import at_start, nearby
from tests.objectives.test_ppo import sampled as tokens

MEANS = pytest.mark.parametrize("mean", [per_answer, per_token])
GROUP = 5


def sampled(number=15, seed=0):
    """Answers, in groups of five, with an advantage for each."""
    batch = tokens(number, seed)
    scores = torch.randn(number, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    held = {name: batch[name] for name in ("ids", "targets", "answer", "old", "reference")}
    return held | {"advantages": group_relative(scores, GROUP)}


def started(policy):
    batch = at_start(policy, lambda ids: ids.double(), sampled())
    return {name: batch[name] for name in ("ids", "targets", "answer", *grpo.HELD)}


def test_the_first_loss_is_0_since_the_advantages_of_a_group_sum_to_0():
    policy = gpt()
    value, said = grpo.loss(policy, started(policy))
    # Sums of some hundred terms of about 1 in float64.
    assert abs(value.detach()) < 1e-13 and all(abs(said[name]) < 1e-12 for name in ("kl", "kl3", "moved", "clipped"))
    assert close(said["ratio"], 1, rel_tol=1e-12)


@MEANS
def test_the_first_gradient_is_that_of_the_advantage_times_the_log_probability(mean):
    """And none comes from the divergence, which is at its least where the policy is the reference."""
    policy = gpt()
    batch = started(policy)
    grpo.loss(policy, batch, beta=0.7, mean=mean)[0].backward()
    ours = gradients(policy)
    logs, answer = answer_log_probs(policy, batch), batch["answer"]
    each = -batch["advantages"][:, None] * logs
    (each[answer].mean() if mean is per_token else (each.sum(-1) / answer.sum(-1)).mean()).backward()
    for one, other in zip(ours, gradients(policy), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-13)  # float64


@MEANS
@pytest.mark.parametrize("beta", [0.0, 0.04, 0.7])
def test_equals_the_formulas(mean, beta):
    """Equations 3 and 4 of Shao et al. (2024), and DAPO's mean, with numbers and no tensors."""
    policy = gpt()
    batch = nearby(policy, sampled())
    with torch.no_grad():
        logs = policy(batch["ids"]).log_softmax(-1)
    losses = []
    for row, answer in enumerate(batch["answer"]):
        advantage, own = float(batch["advantages"][row]), []
        for place in answer.nonzero()[:, 0].tolist():
            log = float(logs[row, place, batch["targets"][row, place]])
            ratio = math.exp(log - float(batch["old"][row, place]))
            other = math.exp(float(batch["reference"][row, place]) - log)  # π_ref / π
            gain = min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage)
            own.append(-gain + beta * (other - math.log(other) - 1))
        losses.append(own)
    by_answer = sum(sum(own) / len(own) for own in losses) / len(losses)
    by_token = sum(map(sum, losses)) / sum(map(len, losses))
    assert not math.isclose(by_answer, by_token, rel_tol=1e-3)
    value, said = grpo.loss(policy, batch, beta=beta, mean=mean)
    assert close(value, by_token if mean is per_token else by_answer, rel_tol=1e-10)
    assert 0 < said["clipped"] < 1


def test_the_two_means_are_one_where_all_answers_have_one_length():
    batch = {"answer": torch.tensor([[False, True, True, True, False]] * 3)}
    losses = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert close(per_answer(losses, batch), per_token(losses, batch), rel_tol=1e-12)


def test_it_is_ppo_with_one_advantage_for_the_whole_answer():
    policy = gpt()
    batch = nearby(policy, sampled())
    spread = batch["advantages"][:, None] * batch["answer"]
    held = batch | {"advantages": spread, "values": spread * 0, "returns": spread * 0}
    theirs = ppo.loss(lambda ids: (policy(ids), torch.zeros(ids.shape).double()), held, value_weight=0.0)
    assert close(grpo.loss(policy, batch, beta=0.0, mean=per_token)[0], theirs[0], rel_tol=1e-12)


@pytest.mark.parametrize("scale", [group_relative, partial(group_relative, scale=by_nothing)])
def test_groups_that_agree_teach_nothing(scale):
    policy = gpt()
    batch = started(policy) | {"advantages": scale(torch.ones(15, dtype=torch.float64), GROUP)}
    grpo.loss(policy, batch, beta=0.0)[0].backward()
    assert not any(each.any() for each in gradients(policy))


def test_no_gradient_reaches_what_was_held():
    policy = gpt()
    batch = nearby(policy, sampled())
    for name in grpo.HELD:
        batch[name].requires_grad_()
    grpo.loss(policy, batch)[0].backward()
    assert all(batch[name].grad is None for name in grpo.HELD)


@MEANS
def test_the_parts_add_up(mean):
    policy = gpt()
    check_parts(policy, partial(grpo.loss, beta=0.3, mean=mean), nearby(policy, sampled()))


def test_what_is_refused():
    policy, batch = gpt(), sampled()
    with pytest.raises(ValueError, match="beta must be 0 or more, not -1"):
        grpo.loss(policy, batch, beta=-1)
    with pytest.raises(ValueError, match="clip must be between 0 and 1, not 1"):
        grpo.loss(policy, batch, clip=1)
    del batch["reference"]
    with pytest.raises(ValueError, match="batch must hold old, reference, advantages, and lacks reference"):
        grpo.loss(policy, batch)
