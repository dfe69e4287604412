"""PPO: its identities at the first step, its clipping, and its loss written out token by token."""

import inspect
import math
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.objectives import ppo, supervised
from glassformer.objectives.logprobs import answer_log_probs
from glassformer.objectives.ppo import ActorCritic, clipped, k1, k3
from glassformer.train.advantages import gae
from glassformer.train.alignment import ppo_round
from tests.objectives.aligning import EOS, PAD, check_parts, close, gpt, gradients, scorer, texts

REAL = st.floats(-3, 3)


def drawn(like, seed):
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sampled(number=7, seed=0, pad=PAD):
    """Answers, and what a policy, a reference and a critic might have said of them."""
    batch = supervised.batch(*texts(number, seed), eos=EOS, pad=pad)
    answer = batch["answer"]
    held = {name: torch.where(answer, drawn(answer, place), 0.0) for place, name in enumerate(ppo.HELD)}
    return batch | held


def at_start(policy, critic, batch):
    """The batch as it is at the first step: policy, reference and critic have said it themselves."""
    with torch.no_grad():
        logs, values = answer_log_probs(policy, batch), torch.where(batch["answer"], critic(batch["ids"]), 0.0)
    return batch | {"old": logs, "reference": logs, "values": values}


def nearby(policy, batch, spread=0.3):
    """The batch with old log-probabilities that ratios are not far from 1, on both sides of the clipping."""
    logs = answer_log_probs(policy, batch).detach()
    away = {name: logs + spread * drawn(logs, seed) for seed, name in ((11, "old"), (12, "reference"))}
    return batch | {name: torch.where(batch["answer"], value, 0.0) for name, value in away.items()}


def test_at_the_first_step_the_ratio_is_1_and_nothing_has_moved():
    policy, critic = gpt(), scorer(1)
    said = ppo.loss(ActorCritic(policy, critic), at_start(policy, critic, sampled()))[1]
    assert close(said["ratio"], 1, rel_tol=1e-12)
    # The same forward pass twice: float64, to the bit or nearly.
    assert all(abs(said[name]) < 1e-12 for name in ("kl", "kl3", "moved", "clipped"))


def test_the_first_gradient_is_that_of_the_advantage_times_the_log_probability():
    """``ρ = 1`` is inside of the clipping, and ``∇ρ = ρ ∇ log π``: the policy gradient."""
    policy, critic = gpt(), scorer(1)
    batch = at_start(policy, critic, sampled())
    value, _ = ppo.loss(ActorCritic(policy, critic), batch, value_weight=0.0)
    value.backward()
    ours = gradients(policy)
    logs, answer = answer_log_probs(policy, batch), batch["answer"]
    (-(batch["advantages"] * logs)[answer].mean()).backward()
    for one, other in zip(ours, gradients(policy), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-14)  # float64


@pytest.mark.parametrize("setting", [{}, {"clip": 0.1, "clip_value": 0.5, "value_weight": 0.7}])
def test_equals_the_formulas(setting):
    """Token by token from equations 7 and 9 of Schulman et al. (2017), with numbers and no tensors."""
    policy, critic = gpt(), scorer(1)
    batch = nearby(policy, sampled())
    clip, near, weight = (setting.get(n, d) for n, d in (("clip", 0.2), ("clip_value", 0.2), ("value_weight", 0.1)))
    with torch.no_grad():
        logs, values = policy(batch["ids"]).log_softmax(-1), critic(batch["ids"])
    policies, regressions, outside, kl, moved, entropies = [], [], [], [], [], []
    for row, place in batch["answer"].nonzero().tolist():
        held = {name: float(batch[name][row, place]) for name in ppo.HELD}
        log, value = float(logs[row, place, batch["targets"][row, place]]), float(values[row, place])
        ratio = math.exp(log - held["old"])
        policies.append(-min(ratio * held["advantages"], min(max(ratio, 1 - clip), 1 + clip) * held["advantages"]))
        bounded = held["values"] + min(max(value - held["values"], -near), near)
        regressions.append(0.5 * max((value - held["returns"]) ** 2, (bounded - held["returns"]) ** 2))
        outside.append(abs(ratio - 1) > clip)
        kl.append(log - held["reference"])
        moved.append(ratio - 1 - math.log(ratio))
        entropies.append(-sum(math.exp(each) * each for each in logs[row, place].tolist()))
    found = {"policy": policies, "value": regressions, "kl": kl, "moved": moved, "entropy": entropies}
    mean = {name: sum(each) / len(each) for name, each in found.items()}
    value, said = ppo.loss(ActorCritic(policy, critic), batch, **setting)
    assert close(value, mean["policy"] + weight * mean["value"], rel_tol=1e-10)
    assert all(close(said[name], each, rel_tol=1e-9) for name, each in mean.items())
    assert close(said["kl3"], sum(math.exp(-m) - 1 + m for m in kl) / len(kl), rel_tol=1e-10)
    assert close(said["clipped"], sum(outside) / len(outside)) and 0 < said["clipped"] < 1


@given(change=REAL, advantage=REAL, clip=st.floats(0.01, 0.99))
def test_there_is_no_gradient_where_the_ratio_has_gone_far_enough(change, advantage, clip):
    old = torch.tensor([[-2.0]], dtype=torch.float64)
    logs = (old + change).requires_grad_()
    loss = clipped(logs, {"old": old}, torch.full((1, 1), advantage, dtype=torch.float64), clip)
    (slope,) = torch.autograd.grad(loss.sum(), logs)
    ratio = float((logs - old).exp().detach())
    far = ratio > 1 + clip if advantage > 0 else ratio < 1 - clip
    expected = 0.0 if far or advantage == 0 else -ratio * advantage
    assert math.isclose(float(slope), expected, rel_tol=1e-12)
    assert float(loss.detach()) >= -ratio * advantage - 1e-12, "never better than without clipping; rounding of float64"


def test_the_critic_is_held_near_to_what_it_said():
    """Beyond ``clip_value`` on the way to the return there is no gradient; on the way from it there is."""
    batch = {name: torch.zeros(1, 2, dtype=torch.float64) for name in ppo.HELD}
    batch |= {"ids": torch.zeros(1, 2, dtype=torch.long), "targets": torch.zeros(1, 2, dtype=torch.long)}
    batch |= {"answer": torch.ones(1, 2, dtype=torch.bool), "returns": torch.tensor([[1.0, -1.0]]).double()}
    values = torch.tensor([[0.5, 0.5]], dtype=torch.float64, requires_grad=True)
    logits = torch.zeros(1, 2, 3, dtype=torch.float64)
    ppo.loss(lambda _: (logits, values), batch, value_weight=1.0)[0].backward()
    assert values.grad.tolist() == [[0.0, 0.75]]  # half of 0.5 − (−1), two places


@given(seed=st.integers(0, 999))
def test_both_estimates_have_the_divergence_as_their_mean(seed):
    chance = torch.Generator().manual_seed(seed)
    ours, theirs = torch.randn(2, 7, generator=chance, dtype=torch.float64).log_softmax(-1)
    divergence = float(torch.nn.functional.kl_div(theirs, ours, log_target=True, reduction="sum"))
    for estimate in (k1, k3):
        assert math.isclose(float((ours.exp() * estimate(ours - theirs)).sum()), divergence, abs_tol=1e-12)
    assert (k3(ours - theirs) >= 0).all()


def test_no_gradient_reaches_what_was_held():
    policy, critic = gpt(), scorer(1)
    batch = nearby(policy, sampled())
    for name in ("old", "reference", "advantages"):
        batch[name].requires_grad_()
    ppo.loss(ActorCritic(policy, critic), batch)[0].backward()
    assert all(batch[name].grad is None for name in ("old", "reference", "advantages"))
    assert all(weight.grad is not None for weight in [*policy.parameters(), *critic.parameters()])


def test_pads_change_nothing():
    policy, critic = gpt(), scorer(1)
    model, (one, other) = ActorCritic(policy, critic), (nearby(policy, sampled(pad=pad)) for pad in (PAD, 3))
    assert not torch.equal(one["ids"], other["ids"])
    assert ppo.loss(model, one)[0] == ppo.loss(model, other)[0]
    outside = torch.where(one["answer"], 0.0, 9.0)
    assert ppo.loss(model, one | {name: one[name] + outside for name in ppo.HELD})[0] == ppo.loss(model, one)[0]


def test_the_parts_add_up():
    policy = gpt()
    check_parts(ActorCritic(policy, scorer(1)), ppo.loss, nearby(policy, sampled(11)))
    check_parts(ActorCritic(policy, scorer(1)), partial(ppo.loss, clip=0.1), nearby(policy, sampled(11)))


def test_the_defaults_are_those_of_trl():
    """TRL's PPOConfig, and OpenAI's lm-human-preferences but for its ``kl_coef`` of 0.2 (numbers.json)."""
    here = {name: each.default for name, each in inspect.signature(ppo_round).parameters.items()}
    assert [here[name] for name in ("epochs", "minibatches", "kl", "gamma", "lam")] == [4, 1, 0.05, 1.0, 0.95]
    assert list(inspect.signature(gae).parameters.values())[-1].default == 0.95
    here = {name: each.default for name, each in inspect.signature(ppo.loss).parameters.items()}
    assert [here[name] for name in ("clip", "clip_value", "value_weight")] == [0.2, 0.2, 0.1]


def test_what_is_refused():
    policy, critic = gpt(), scorer(1)
    batch = sampled()
    for clip in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match=f"clip must be between 0 and 1, not {clip}"):
            ppo.loss(ActorCritic(policy, critic), batch, clip=clip)
    del batch["values"]
    with pytest.raises(ValueError, match="old, reference, advantages, values, returns, and lacks values"):
        ppo.loss(ActorCritic(policy, critic), batch)
