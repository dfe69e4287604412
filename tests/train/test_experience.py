"""Experience: what other models have said of the answers, and how much better than expected they turned out."""

from functools import partial

import pytest
import torch

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.objectives import dpo, grpo, ppo, reward
from glassformer.objectives.logprobs import answer_log_probs
from glassformer.objectives.ppo import ActorCritic
from glassformer.train.advantages import by_nothing, gae, penalized
from glassformer.train.experience import divergence, experience, group_experience, of_answers, scoring, with_reference
from tests.train.sampling import PAD, decoder, sampled, sevens


def lived(kl=0.3, gamma=0.9, lam=0.8):
    policy, reference = decoder(larger=2), decoder(5, larger=2)
    critic = scoring(policy)
    torch.nn.init.normal_(critic.head.out.weight)
    both = ActorCritic(policy, critic)
    return both, reference, experience(both, reference, sevens, sampled(policy), kl=kl, gamma=gamma, lam=lam)


def test_experience_holds_what_ppo_learns_from():
    both, reference, batch = lived()
    answer = batch["answer"]
    with torch.no_grad():
        assert torch.equal(batch["old"], answer_log_probs(both.policy, batch))
        assert torch.equal(batch["reference"], answer_log_probs(reference, batch))
        assert torch.equal(batch["values"][answer], both.critic(batch["ids"])[answer])
    assert torch.equal(batch["score"], sevens(batch))
    rewards = penalized(batch["score"], batch["old"], batch["reference"], answer, 0.3)
    advantages, returns = gae(rewards, batch["values"], answer, 0.9, 0.8)
    assert torch.equal(batch["returns"], returns)
    inside = advantages[answer]
    white = (inside - inside.mean()) / inside.std(correction=0)
    torch.testing.assert_close(batch["advantages"][answer], white, rtol=1e-6, atol=1e-6)  # ε = 1e-8 is left out
    assert set(ppo.HELD) <= set(batch)
    assert not any(tensor.requires_grad or tensor[~answer].any() for tensor in (batch[name] for name in ppo.HELD))


def test_group_experience_holds_what_grpo_learns_from():
    policy, reference = decoder(larger=2), decoder(5, larger=2)
    batch = group_experience(policy, reference, sevens, sampled(policy), group=5, scale=by_nothing)
    scores = batch["score"].view(-1, 5)
    assert torch.equal(batch["advantages"], (scores - scores.mean(1, keepdim=True)).flatten())
    assert set(grpo.HELD) <= set(batch) and not any(batch[name].requires_grad for name in grpo.HELD)
    with torch.no_grad():
        assert torch.equal(batch["reference"], answer_log_probs(reference, batch))


def test_what_is_said_of_the_answers():
    _, _, batch = lived()
    said = of_answers(batch)
    assert said["score"] == pytest.approx(float(sevens(batch).mean()))
    assert said["answer_length"] == pytest.approx(int(batch["answer"].sum()) / 20)
    assert said["kl_answer"] == pytest.approx(float((batch["old"] - batch["reference"]).sum()) / 20)


@pytest.mark.parametrize(
    "model",
    [
        GPT2(GPTConfig(vocab=13, max_positions=23, d_model=16, layers=2, heads=2, d_ff=24, dropout=0.0)),
        Llama(LlamaConfig(vocab=13, d_model=16, layers=2, heads=2, kv_heads=1, d_k=6, d_ff=24)),
    ],
    ids=["tied", "untied"],
)
def test_a_scoring_model_is_a_copy_that_starts_at_0(model):
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    judge, ids = scoring(model.bfloat16()), torch.tensor([[1, 2, 3]])
    assert judge(ids).tolist() == [[0, 0, 0]] and judge(ids).dtype == torch.bfloat16
    assert not {id(weight) for weight in judge.parameters()} & {id(weight) for weight in model.parameters()}
    judge(ids).sum().backward()
    model.float()
    assert model(ids).shape == (1, 3, 13) and all(weight.grad is None for weight in model.parameters())
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, before[name].bfloat16().float(), rtol=0, atol=0)


def test_a_reward_model_is_a_reward():
    judge = scoring(decoder(larger=2))
    torch.nn.init.normal_(judge.head.out.weight)
    policy = decoder()
    batch = group_experience(policy, policy, partial(reward.scores, judge), sampled(policy), group=5)
    assert batch["score"].shape == (20,) and batch["score"].std() > 0
    assert not batch["score"].requires_grad


def test_the_reference_of_pairs_is_that_of_each_answer():
    reference = decoder(larger=2)
    pairs = with_reference(dpo.batch([[1, 2], [3]], [[4], [5, 6]], [[7, 8, 9], [4]], eos=11, pad=PAD), reference)
    assert pairs["reference"].shape == pairs["answer"].shape == (2, 2, 5)
    logs = reference(torch.tensor([[3, 4, 11]]))[0].log_softmax(-1)
    expected = torch.stack((logs[0, 4], logs[1, 11]))
    torch.testing.assert_close(pairs["reference"][1, 1, :2], expected, rtol=1e-11, atol=0)  # float64, other shapes
    assert not pairs["reference"][1, 1, 2:].any() and not pairs["reference"].requires_grad


def test_divergence_is_the_mean_of_the_estimates_with_less_spread():
    policy, other = decoder(larger=3), decoder(8, larger=3)
    batch = sampled(policy, 500)
    exact = divergence(policy, other, batch)
    held = with_reference(batch | {"old": answer_log_probs(policy, batch).detach()}, other)
    plain = (held["old"] - held["reference"]).sum(-1)
    # Both estimate one number from the same 2000 answers: four standard errors of the noisier one.
    assert float(exact.mean()) == pytest.approx(float(plain.mean()), abs=4 * float(plain.std()) / 2000**0.5)
    assert float(exact.std()) < float(plain.std()) and float(exact.min()) >= 0
    assert divergence(policy, policy, batch).abs().max() < 1e-12  # float64
