"""Rollouts and rounds: what is sampled, what it is scored by, and that the policy learns what is rewarded."""

from functools import partial

import pytest
import torch

from glassformer.generate.sampling import GREEDY
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.objectives import grpo, parts, ppo, whole
from glassformer.objectives.logprobs import answer_log_probs
from glassformer.objectives.ppo import ActorCritic
from glassformer.train.alignment import grpo_round, learn, ppo_round, shuffled
from glassformer.train.experience import divergence, experience, group_experience, scoring, with_reference
from glassformer.train.groups import adamw
from glassformer.train.rollout import answers, repeated, rollout, until

VOCAB, EOS, PAD = 13, 11, 12
PROMPTS = [[1], [2, 3], [4, 5, 6], [1, 2, 3, 4, 5]]
SPOKEN = {"max_new": 7, "eos": EOS, "pad": PAD}


@pytest.fixture
def policy():
    torch.manual_seed(3)
    config = GPTConfig(vocab=VOCAB, max_positions=23, d_model=16, layers=2, heads=2, d_ff=24, dropout=0.0)
    return GPT2(config).double().eval()


def chance(seed=1):
    return torch.Generator().manual_seed(seed)


def sampled(policy, times=5, seed=1):
    return rollout(policy, repeated(PROMPTS, times), **SPOKEN, generator=chance(seed))


def test_a_greedy_answer_is_the_likeliest_token_at_each_place(policy):
    batch = rollout(policy, PROMPTS, **SPOKEN, sampling=GREEDY)
    for prompt, answer in zip(PROMPTS, answers(batch), strict=True):
        ids = list(prompt)
        for token in answer:
            assert token == int(policy(torch.tensor([ids]))[0, -1].argmax())
            ids.append(token)
        assert answer[-1] == EOS or len(answer) == 7


def test_an_answer_ends_with_its_first_eos(policy):
    batch = sampled(policy, 40)
    found = answers(batch)
    assert all(EOS not in answer[:-1] for answer in found)
    assert batch["finished"].tolist() == [answer[-1] == EOS for answer in found]
    assert any(batch["finished"]) and not all(batch["finished"])
    assert until(EOS, [1, EOS, 2]) == [1, EOS] and until(EOS, [1, 2]) == [1, 2]


def test_prompts_are_read_and_only_answers_are_asked(policy):
    batch = sampled(policy, 1)
    for row, (prompt, answer) in enumerate(zip(PROMPTS, answers(batch), strict=True)):
        assert batch["ids"][row, : len(prompt)].tolist() == prompt
        assert int(batch["answer"][row].sum()) == len(answer)


def test_tokens_are_sampled_as_often_as_the_policy_says(policy):
    batch = rollout(policy, [[1, 2]] * 20_000, max_new=1, eos=EOS, pad=PAD, generator=chance())
    shares = torch.bincount(torch.tensor([row[0] for row in answers(batch)]), minlength=VOCAB) / 20_000
    expected = policy(torch.tensor([[1, 2]]))[0, -1].softmax(-1)
    assert torch.allclose(shares.double(), expected, atol=4 * (0.25 / 20_000) ** 0.5)  # four standard deviations


def test_the_same_generator_gives_the_same_answers(policy):
    assert answers(sampled(policy)) == answers(sampled(policy)) != answers(sampled(policy, seed=2))


def rewarded(batch):
    """How often token 7 is said."""
    return ((batch["targets"] == 7) & batch["answer"]).sum(-1).double()


def test_at_the_first_step_ppo_has_ratio_1_and_kl_0_and_the_plain_gradient(policy):
    both = ActorCritic(policy, scoring(policy))
    batch = experience(both, policy, rewarded, sampled(policy), kl=0.1, gamma=1.0, lam=0.95)
    value, said = ppo.loss(both, batch, value_weight=0.0)
    assert said["ratio"].item() == pytest.approx(1, abs=1e-12)
    for name in ("kl", "kl3", "moved", "clipped"):
        assert said[name].item() == pytest.approx(0, abs=1e-12), name
    value.backward()
    found = {name: weight.grad.clone() for name, weight in policy.named_parameters()}
    policy.zero_grad()
    places = batch["answer"]
    (-(batch["advantages"] * answer_log_probs(policy, batch))[places].sum() / places.sum()).backward()
    for name, weight in policy.named_parameters():
        assert torch.allclose(found[name], weight.grad, atol=1e-12), name  # float64, another order


def test_the_loss_of_ppo_written_out(policy):
    """Token by token, from equations 7 and 9 of Schulman et al. (2017), after a step that moved the policy."""
    both = ActorCritic(policy, scoring(policy))
    batch = experience(both, policy, rewarded, sampled(policy), kl=0.1, gamma=1.0, lam=0.95)
    with torch.no_grad():
        for weight in both.parameters():
            weight.add_(torch.randn(weight.shape, generator=chance(), dtype=weight.dtype), alpha=0.05)
    with torch.no_grad():
        logits, values = both(batch["ids"])
    logs = logits.log_softmax(-1)
    policy_loss, value_loss, count = 0.0, 0.0, 0
    for row, place in batch["answer"].nonzero().tolist():
        ratio = float((logs[row, place, batch["targets"][row, place]] - batch["old"][row, place]).exp())
        advantage, ret = float(batch["advantages"][row, place]), float(batch["returns"][row, place])
        before, now = float(batch["values"][row, place]), float(values[row, place])
        policy_loss -= min(ratio * advantage, max(0.8, min(1.2, ratio)) * advantage)
        near = before + max(-0.2, min(0.2, now - before))
        value_loss += 0.5 * max((now - ret) ** 2, (near - ret) ** 2)
        count += 1
    said = ppo.loss(both, batch)[1]
    assert said["policy"].item() == pytest.approx(policy_loss / count, rel=1e-9)
    assert said["value"].item() == pytest.approx(value_loss / count, rel=1e-9)
    assert said["loss"].item() == pytest.approx((policy_loss + 0.1 * value_loss) / count, rel=1e-9)
    assert 0 < said["clipped"].item() < 1


def test_at_the_first_step_grpo_is_0_and_its_kl_too(policy):
    batch = group_experience(policy, policy, rewarded, sampled(policy), group=5)
    assert batch["advantages"].view(-1, 5).sum(1).abs().max() < 1e-9
    value, said = grpo.loss(policy, batch)
    assert value.item() == pytest.approx(0, abs=1e-9), "each answer counts alike, and advantages sum to 0"
    assert said["ratio"].item() == pytest.approx(1) and said["kl3"].item() == pytest.approx(0, abs=1e-12)


def test_the_loss_of_grpo_written_out(policy):
    batch = group_experience(policy, policy, rewarded, sampled(policy), group=5)
    with torch.no_grad():
        for weight in policy.parameters():
            weight.add_(torch.randn(weight.shape, generator=chance(), dtype=weight.dtype), alpha=0.05)
    logs = policy(batch["ids"]).log_softmax(-1).detach()
    total = 0.0
    for row in range(len(batch["ids"])):
        places = batch["answer"][row].nonzero()[:, 0].tolist()
        losses = []
        for place in places:
            log = float(logs[row, place, batch["targets"][row, place]])
            ratio = torch.tensor(log - float(batch["old"][row, place])).exp().item()
            advantage = float(batch["advantages"][row])
            more = float(batch["reference"][row, place]) - log
            kl = torch.tensor(more, dtype=torch.float64).exp().item() - more - 1
            losses.append(-min(ratio * advantage, max(0.8, min(1.2, ratio)) * advantage) + 0.04 * kl)
        total += sum(losses) / len(losses)
    assert grpo.loss(policy, batch)[0].item() == pytest.approx(total / len(batch["ids"]), rel=1e-6)


@pytest.mark.parametrize("kind", ["ppo", "grpo", "grpo by token"])
def test_parts_add_up_to_the_whole(policy, kind):
    both = ActorCritic(policy, scoring(policy))
    if kind == "ppo":
        model, loss = both, ppo.loss
        batch = experience(both, policy, rewarded, sampled(policy), kl=0.1, gamma=1.0, lam=0.95)
    else:
        model, loss = policy, partial(grpo.loss, mean=grpo.per_answer if kind == "grpo" else grpo.per_token)
        batch = group_experience(policy, policy, rewarded, sampled(policy), group=5)
    batch["old"] = batch["old"] + 0.1 * torch.randn(batch["old"].shape, generator=chance(), dtype=torch.float64)
    expected = loss(model, batch)[1]
    found = [loss(model, part)[1] for part in parts(whole(batch), 3)]
    for name, value in expected.items():
        assert sum(part[name].item() for part in found) == pytest.approx(value.item(), rel=1e-9, abs=1e-12), name


def test_what_a_batch_lacks_is_said(policy):
    with pytest.raises(ValueError, match="batch must hold old, reference, advantages, and lacks old"):
        grpo.loss(policy, sampled(policy))
    batch = group_experience(policy, policy, rewarded, sampled(policy), group=5)
    with pytest.raises(ValueError, match=r"clip must be between 0 and 1, not 1.0"):
        grpo.loss(policy, batch, clip=1.0)
    with pytest.raises(ValueError, match=r"beta must be 0 or more, not -1.0"):
        grpo.loss(policy, batch, beta=-1.0)
    with pytest.raises(ValueError, match="number must be from 1 to the number of rows, 20, not 21"):
        next(shuffled(batch, 21, chance()))


def test_divergence_is_the_mean_of_the_estimates_with_less_spread(policy):
    torch.manual_seed(8)
    config = GPTConfig(vocab=VOCAB, max_positions=23, d_model=16, layers=2, heads=2, d_ff=24, dropout=0.0)
    other = GPT2(config).double().eval()
    with torch.no_grad():
        for model in (policy, other):
            for weight in model.parameters():
                weight.mul_(3)
    batch = sampled(policy, 2000)
    exact = divergence(policy, other, batch)
    held = with_reference(batch | {"old": answer_log_probs(policy, batch).detach()}, other)
    plain = (held["old"] - held["reference"]).sum(-1)
    assert float(exact.mean()) == pytest.approx(float(plain.mean()), abs=4 * float(plain.std()) / 8000**0.5)
    assert float(exact.std()) < float(plain.std()) and float(exact.min()) >= 0
    assert divergence(policy, policy, batch).abs().max() < 1e-12


@pytest.mark.parametrize("method", ["ppo", "grpo"])
def test_a_policy_learns_what_is_rewarded(policy, method):
    policy = policy.float()
    reference = GPT2(policy.config).eval()
    reference.load_state_dict(policy.state_dict())
    both = ActorCritic(policy, scoring(policy))
    optimizer, generator = adamw(both if method == "ppo" else policy, 3e-3, weight_decay=0.0), chance()
    reward = lambda batch: rewarded(batch).float()  # noqa: E731
    scores = []
    for _ in range(15 if method == "ppo" else 40):
        if method == "ppo":
            said = ppo_round(both, reference, reward, PROMPTS * 8, optimizer, generator, **SPOKEN, minibatches=2)
        else:
            said = grpo_round(policy, reference, reward, PROMPTS, optimizer, generator, **SPOKEN)
        scores.append(said["score"])
    assert sum(scores[-3:]) / 3 > sum(scores[:3]) / 3 + 1.0
    assert said["kl_answer"] > 0.1


def test_every_row_is_learned_from_once_an_epoch(policy):
    batch = group_experience(policy, policy, rewarded, sampled(policy), group=5)
    seen = []

    def loss(model, part):
        seen.append(part["score"])
        return grpo.loss(model, part)

    learn(policy, loss, batch, adamw(policy, 0.0), chance(), epochs=2, minibatches=3, clip=1.0)
    assert len(seen) == 6
    for epoch in (seen[:3], seen[3:]):
        assert torch.equal(torch.cat(epoch).sort().values, batch["score"].sort().values)
