"""Rollouts: they are what the policy says, laid out to be learned from."""

import pytest
import torch

from glassformer.generate.decode import complete, pad_left
from glassformer.generate.sampling import GREEDY, Sampling
from glassformer.objectives import supervised
from glassformer.objectives.logprobs import answer_log_probs
from glassformer.train.rollout import answers, repeated, rollout, until
from tests.train.sampling import EOS, PAD, PROMPTS, SPOKEN, VOCAB, chance, decoder, sampled


def test_a_greedy_answer_is_the_likeliest_token_at_each_place():
    policy = decoder()
    batch = rollout(policy, PROMPTS, **SPOKEN, sampling=GREEDY)
    for prompt, answer in zip(PROMPTS, answers(batch), strict=True):
        ids = list(prompt)
        for token in answer:
            assert token == int(policy(torch.tensor([ids]))[0, -1].argmax())
            ids.append(token)
        assert answer[-1] == EOS or len(answer) == 7


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0.5, top_k=3), GREEDY])
def test_it_says_what_generate_says(sampling):
    policy, prompts = decoder(larger=3), repeated(PROMPTS, 11)
    ids, mask = pad_left(prompts, PAD)
    rows = complete(policy, ids, max_new=7, mask=mask, sampling=sampling, stop_ids=(EOS,), generator=chance())
    batch = rollout(policy, prompts, **SPOKEN, sampling=sampling, generator=chance())
    assert answers(batch) == [until(EOS, row) for row in rows.tolist()]


def test_an_answer_ends_with_its_first_eos():
    batch = sampled(decoder(), 40)
    found = answers(batch)
    assert all(EOS not in answer[:-1] for answer in found)
    assert all(len(answer) == 7 or answer[-1] == EOS for answer in found)
    assert batch["finished"].tolist() == [answer[-1] == EOS for answer in found]
    assert any(batch["finished"]) and not all(batch["finished"])
    assert until(EOS, [1, EOS, 2]) == [1, EOS] and until(EOS, [1, 2]) == [1, 2]


def test_it_is_laid_out_as_for_fine_tuning_and_always_as_wide():
    policy, prompts = decoder(), repeated(PROMPTS, 5)
    for seed in range(5):
        batch = sampled(policy, seed=seed)
        again = supervised.batch(prompts, answers(batch), pad=PAD, length=5 + 7 - 1)
        assert all(torch.equal(batch[name], again[name]) for name in ("ids", "targets", "answer"))
        assert batch["ids"].shape == (20, 11)
    alone = [rollout(policy, [[1]], **SPOKEN, generator=chance(seed)) for seed in range(11)]
    assert {each["ids"].shape for each in alone} == {(1, 7)}, "however soon it ends"
    assert len({int(each["answer"].sum()) for each in alone}) > 1


def test_tokens_are_sampled_as_often_as_the_policy_says():
    policy = decoder(larger=2)
    batch = rollout(policy, [[1, 2]] * 20_000, max_new=1, eos=EOS, pad=PAD, generator=chance())
    shares = torch.bincount(torch.tensor([row[0] for row in answers(batch)]), minlength=VOCAB) / 20_000
    expected = policy(torch.tensor([[1, 2]]))[0, -1].softmax(-1)
    assert expected.max() > 2 * expected.min(), "it has preferences"
    assert torch.allclose(shares.double(), expected, atol=4 * (0.25 / 20_000) ** 0.5)  # four standard deviations


def test_the_answers_are_as_likely_as_the_batch_says():
    """Left pads while sampling, right pads in the batch: the policy must have read the same both times."""
    policy = decoder(larger=3)
    batch = sampled(policy)
    found = answer_log_probs(policy, batch).sum(-1)
    for row, (prompt, answer) in enumerate(zip(repeated(PROMPTS, 5), answers(batch), strict=True)):
        logs = policy(torch.tensor([[*prompt, *answer]]))[0].log_softmax(-1)
        alone = sum(logs[len(prompt) - 1 + place, token] for place, token in enumerate(answer))
        torch.testing.assert_close(found[row], alone, rtol=1e-11, atol=0)  # float64, other shapes


def test_the_same_generator_gives_the_same_answers():
    policy = decoder()
    torch.manual_seed(1)
    one = answers(sampled(policy))
    torch.manual_seed(2)
    assert answers(sampled(policy)) == one != answers(sampled(policy, seed=2))


def test_one_may_learn_from_what_was_sampled():
    """Nothing of inference mode is left in it."""
    policy = decoder()
    batch = sampled(policy)
    assert not any(tensor.is_inference() for tensor in batch.values())
    supervised.loss(policy, batch)[0].backward()


def test_groups_stand_side_by_side():
    assert repeated([[1], [2, 3]], 3) == [[1], [1], [1], [2, 3], [2, 3], [2, 3]]


@pytest.mark.parametrize(
    ("prompts", "max_new", "says"),
    [
        ([[1], []], 7, "rows must have at least one token each, but row 1 has 0"),
        ([[1]], 0, "max_new must be at least 1, not 0"),
        ([[1]], 23, r"max_new \(23\) and the 1 tokens before it must fit into the model's 23 positions"),
    ],
)
def test_what_cannot_be_answered_is_refused(prompts, max_new, says):
    with pytest.raises(ValueError, match=says):
        rollout(decoder(), prompts, max_new=max_new, eos=EOS, pad=PAD)
