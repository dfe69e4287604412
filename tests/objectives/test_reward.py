import math

import pytest
import torch

from glassformer.models.heads import Score
from glassformer.objectives import reward
from tests.objectives.aligning import EOS, PAD, check_parts, close, gpt, llama, scorer, texts


def pairs(number, seed=0):
    prompts, better = texts(number, seed)
    return prompts, better, texts(number, seed + 1)[1]


def test_the_layout():
    made = reward.batch([[1, 2]], [[3]], [[4, 5, 6]], eos=EOS, pad=PAD)
    assert made["ids"].tolist() == [[[1, 2, 3, PAD, PAD], [1, 2, 4, 5, 6]]]
    assert made["targets"].tolist() == [[[2, 3, EOS, PAD, PAD], [2, 4, 5, 6, EOS]]]
    assert made["answer"].int().tolist() == [[[0, 1, 1, 0, 0], [0, 1, 1, 1, 1]]]
    ids, last = reward.complete(made)
    assert ids.tolist() == [[[1, 2, 3, EOS, PAD, PAD], [1, 2, 4, 5, 6, EOS]]]
    assert last.tolist() == [[3, 5]]


@pytest.mark.parametrize("make", [gpt, llama])
def test_the_score_is_that_after_the_last_token(make):
    model, (prompts, better, worse) = scorer(make=make).requires_grad_(False), pairs(5)
    found = reward.scores(model, reward.batch(prompts, better, worse, eos=EOS, pad=PAD))
    for row, (prompt, *both) in enumerate(zip(prompts, better, worse, strict=True)):
        for side, answer in enumerate(both):
            alone = float(model(torch.tensor([[*prompt, *answer, EOS]]))[0, -1])
            assert close(found[row, side], alone, rel_tol=1e-10)


def test_bradley_and_terry():
    model, (prompts, better, worse) = scorer(), pairs(7)
    made = reward.batch(prompts, better, worse, eos=EOS, pad=PAD)
    value, said = reward.loss(model, made)
    won, lost = reward.scores(model, made).exp().T  # their strengths: the better wins with the share of its own
    assert close(value, -(won / (won + lost)).log().mean())
    assert close(said["margin"], (won.log() - lost.log()).mean())
    assert close(said["accuracy"], ((won > lost).double().mean()))
    assert 0 < said["accuracy"] < 1


def test_equal_scores_cost_ln_2():
    model, (prompts, better, worse) = scorer(), pairs(7)
    model.head = Score(22).double()  # as it starts
    value, said = reward.loss(model, reward.batch(prompts, better, worse, eos=EOS, pad=PAD))
    assert close(value, math.log(2), rel_tol=1e-15)
    assert said["margin"] == said["accuracy"] == 0
    value.backward()
    assert model.head.out.weight.grad.abs().sum() > 0  # it does not stay there


def test_only_the_difference_counts():
    model, (prompts, better, worse) = scorer(), pairs(7)
    made = reward.batch(prompts, better, worse, eos=EOS, pad=PAD)
    before = reward.loss(model, made)[0].item()
    with torch.no_grad():
        model.head.out.bias += 3
    assert close(reward.loss(model, made)[0], before)


def test_what_stands_behind_the_answer_changes_nothing():
    model, (prompts, better, worse) = scorer(), pairs(7)
    one, other = (reward.batch(prompts, better, worse, eos=EOS, pad=pad) for pad in (PAD, 3))
    assert not torch.equal(one["ids"], other["ids"])
    assert torch.equal(reward.scores(model, one), reward.scores(model, other))


def test_the_parts_add_up():
    prompts, better, worse = pairs(11)
    check_parts(scorer(), reward.loss, reward.batch(prompts, better, worse, eos=EOS, pad=PAD))


def test_a_pair_needs_both():
    with pytest.raises(ValueError, match="answers must have at least one token each, but number 1 has 0"):
        reward.batch([[1], [2]], [[3], [4]], [[5], []])
    with pytest.raises(ValueError, match="an answer to each"):
        reward.batch([[1], [2]], [[3], [4]], [[5]])
