import math
from functools import partial

import pytest
import torch

from glassformer.objectives import dpo
from glassformer.train.experience import with_reference
from tests.objectives.aligning import EOS, PAD, check_parts, close, gpt, gradients
from tests.objectives.test_reward import pairs

LOSSES = pytest.mark.parametrize("loss", [dpo.loss, dpo.ipo])


def made(number, reference=None, seed=0):
    prompts, better, worse = pairs(number, seed)
    batch = dpo.batch(prompts, better, worse, eos=EOS, pad=PAD)
    return batch if reference is None else with_reference(batch, reference)


@torch.no_grad()
def by_hand(policy, reference, prompts, better, worse, beta):
    """Both losses and what is said of the pairs, one answer at a time."""

    def log_p(model, prompt, answer):
        said = model(torch.tensor([[*prompt, *answer]]))[0].log_softmax(-1)
        places = range(len(prompt) - 1, len(prompt) + len(answer))
        return sum(float(said[place, token]) for place, token in zip(places, [*answer, EOS], strict=True))

    dpo_losses, ipo_losses, rewards = [], [], []
    for prompt, *both in zip(prompts, better, worse, strict=True):
        h = [log_p(policy, prompt, answer) - log_p(reference, prompt, answer) for answer in both]
        mean = [each / (len(answer) + 1) for each, answer in zip(h, both, strict=True)]
        dpo_losses.append(math.log1p(math.exp(-beta * (h[0] - h[1]))))
        ipo_losses.append((mean[0] - mean[1] - 0.5 / beta) ** 2)
        rewards.append([beta * each for each in h])
    number = len(prompts)
    return sum(dpo_losses) / number, sum(ipo_losses) / number, rewards


@pytest.mark.parametrize("beta", [0.1, 0.7])
def test_equal_the_formulas(beta):
    policy, reference, number = gpt(0), gpt(1), 7
    batch = made(number, reference)
    direct, identity, rewards = by_hand(policy, reference, *pairs(number), beta)
    value, said = dpo.loss(policy, batch, beta=beta)
    assert close(value, direct, rel_tol=1e-11)
    assert close(dpo.ipo(policy, batch, beta=beta)[0], identity, rel_tol=1e-11)
    better, worse = zip(*rewards, strict=True)
    assert close(said["better"], sum(better) / number, rel_tol=1e-10)
    assert close(said["worse"], sum(worse) / number, rel_tol=1e-10)
    assert close(said["margin"], (sum(better) - sum(worse)) / number, rel_tol=1e-10)
    wins = sum(b > w for b, w in rewards)
    assert 0 < wins < number and close(said["accuracy"], wins / number)


def test_it_starts_at_ln_2():
    model = gpt()
    value, said = dpo.loss(model, made(7, model))
    assert close(value, math.log(2), rel_tol=1e-15)
    assert said["margin"] == said["better"] == said["worse"] == said["accuracy"] == 0


def test_it_starts_where_trl_starts():
    start = 0.6931471824645996  # dpo/trl_trajectory: the first loss that TRL keeps for its own tests, in float32
    model = gpt().float()
    assert dpo.loss(model, made(7, model))[0].item() == start


@pytest.mark.parametrize("beta", [0.1, 0.7])
def test_ipo_starts_at_its_constant(beta):
    model = gpt()
    assert close(dpo.ipo(model, made(7, model), beta=beta)[0], (1 / (2 * beta)) ** 2, rel_tol=1e-14)


def test_the_first_gradient_pulls_the_answers_apart():
    """At the start it is ``−β/2 · ∇(log π(better) − log π(worse))``, since σ(0) = ½."""
    model, beta = gpt(), 0.3
    batch = made(7, model)
    dpo.loss(model, batch, beta=beta)[0].backward()
    ours = gradients(model)
    logs = dpo.answer_log_probs(model, batch).sum(-1)
    (-beta / 2 * (logs[:, 0] - logs[:, 1])).mean().backward()
    for one, other in zip(ours, gradients(model), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-14)  # float64


@LOSSES
def test_no_gradient_reaches_the_reference(loss):
    policy, reference = gpt(0), gpt(1)
    loss(policy, made(5, reference))[0].backward()
    assert all(parameter.grad is None for parameter in reference.parameters())
    assert any(parameter.grad is not None for parameter in policy.parameters())
    batch = made(5)
    attached = dpo.answer_log_probs(reference, batch)  # even where somebody forgot no_grad
    loss(policy, batch | {"reference": attached})[0].backward()
    assert all(parameter.grad is None for parameter in reference.parameters())


@LOSSES
def test_pads_and_their_number_change_nothing(loss):
    policy, reference = gpt(0), gpt(1)
    prompts, better, worse = pairs(7)
    values = []
    for pad, extra in ((PAD, []), (3, []), (PAD, [([1] * 9, [2] * 9, [3] * 9)])):
        rows = [*zip(prompts, better, worse, strict=True), *extra]
        batch = with_reference(dpo.batch(*zip(*rows, strict=True), eos=EOS, pad=pad), reference)
        values.append(loss(policy, {name: tensor[:7] for name, tensor in batch.items()})[0].item())
    assert values[0] == values[1]
    assert close(values[0], values[2])  # other shapes, other order of sums


@LOSSES
def test_the_parts_add_up(loss):
    check_parts(gpt(0), partial(loss, beta=0.3), made(11, gpt(1)))


@LOSSES
def test_what_is_refused(loss):
    with pytest.raises(ValueError, match="beta must be greater than 0, not 0"):
        loss(gpt(), made(2, gpt()), beta=0.0)
    with pytest.raises(ValueError, match="batch must hold the reference's log-probabilities"):
        loss(gpt(), made(2))


def test_it_learns_what_is_preferred():
    policy, reference = gpt(), gpt()
    batch = made(11, reference)
    optimizer = torch.optim.Adam(policy.parameters(), 1e-3)
    for _ in range(30):
        optimizer.zero_grad()
        value, said = dpo.loss(policy, batch, beta=0.5)
        value.backward()
        optimizer.step()
    assert value < 0.2 and said["accuracy"] == 1 and said["margin"] > 2
