import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.objectives import supervised
from tests.objectives.aligning import EOS, PAD, check_parts, close, gpt, gradients, llama, texts

MODELS = pytest.mark.parametrize("make", [gpt, llama])


def test_the_layout():
    made = supervised.batch([[1, 2, 3], [4]], [[5], [6, 7]], eos=EOS, pad=PAD)
    assert made["ids"].tolist() == [[1, 2, 3, 5], [4, 6, 7, PAD]]
    assert made["targets"].tolist() == [[2, 3, 5, EOS], [6, 7, EOS, PAD]]
    assert made["answer"].int().tolist() == [[0, 0, 1, 1], [1, 1, 1, 0]]


def test_the_layout_of_packed_samples():
    made = supervised.packed([[1, 2, 3], [4], [8, 9, 10]], [[5], [6, 7], [11, 12]], length=9, eos=EOS, pad=PAD)
    assert made["ids"].tolist() == [[8, 9, 10, 11, 12, 1, 2, 3, 5], [4, 6, 7, *[PAD] * 6]]
    assert made["targets"].tolist() == [[9, 10, 11, 12, EOS, 2, 3, 5, EOS], [6, 7, EOS, *[PAD] * 6]]
    assert made["answer"].int().tolist() == [[0, 0, 1, 1, 1, 0, 0, 1, 1], [1, 1, 1, *[0] * 6]]
    assert made["text"].tolist() == [[1, 1, 1, 1, 1, 2, 2, 2, 2], [1, 1, 1, *[0] * 6]]


@MODELS
def test_the_loss_is_of_the_answers_alone(make):
    model, (prompts, answers) = make().requires_grad_(False), texts(5)
    logs, right = [], []
    for prompt, answer in zip(prompts, answers, strict=True):
        said = model(torch.tensor([[*prompt, *answer]]))[0].log_softmax(-1)
        for place, token in enumerate([*answer, EOS], start=len(prompt) - 1):
            logs.append(float(said[place, token]))
            right.append(int(said[place].argmax()) == token)
    value, said = supervised.loss(model, supervised.batch(prompts, answers, eos=EOS, pad=PAD))
    assert close(value, -sum(logs) / len(logs))
    assert close(said["accuracy"], sum(right) / len(right), rel_tol=1e-6)  # counted in float32


@MODELS
@settings(max_examples=10, deadline=None)
@given(number=st.integers(1, 13), length=st.integers(15, 31), seed=st.integers(0, 99))
def test_packed_samples_are_the_samples_alone(make, number, length, seed):
    model, (prompts, answers) = make(), texts(number, seed)
    packed = supervised.packed(prompts, answers, length=length, eos=EOS, pad=PAD)
    alone = supervised.batch(prompts, answers, eos=EOS, pad=PAD)
    assert packed["answer"].sum() == alone["answer"].sum()
    results = []
    for made in (packed, alone):
        value, said = supervised.loss(model, made)
        value.backward()
        results.append((value.detach(), said["accuracy"], gradients(model)))
    (ours, hits, slopes), (theirs, other_hits, other_slopes) = results
    # The same sums of float64 in another order.
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    torch.testing.assert_close(hits, other_hits, rtol=1e-6, atol=0)
    for one, other in zip(slopes, other_slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-13)


@MODELS
def test_nothing_leaks_between_packed_samples(make):
    model, (prompts, answers) = make(), texts(5)
    made = supervised.packed(prompts, answers, length=31, eos=EOS, pad=PAD)
    assert made["text"].max() >= 3
    logits = supervised.logits(model, made)
    for number in range(1, int(made["text"].max()) + 1):
        inside = made["text"] == number
        other = torch.where(inside, made["ids"], (made["ids"] + 1) % 13)
        changed = supervised.logits(model, made | {"ids": other})
        assert torch.equal(changed[inside], logits[inside])
        assert not torch.equal(changed, logits)


@pytest.mark.parametrize("length", [15, 29])
def test_packing_is_dense_and_loses_nothing(length):
    prompts, answers = texts(101)
    made = supervised.packed(prompts, answers, length=length, eos=EOS, pad=PAD)
    found = []
    for ids, targets, text in zip(made["ids"], made["targets"], made["text"], strict=True):
        for number in range(1, int(text.max()) + 1):
            at = text == number
            found.append([int(ids[at][0]), *targets[at].tolist()])
    assert sorted(found) == sorted([*p, *a, EOS] for p, a in zip(prompts, answers, strict=True))
    assert (made["text"] > 0).float().mean() > 0.9  # a tenth of a row is less than the longest of these samples


@MODELS
def test_the_parts_add_up(make):
    prompts, answers = texts(13)
    check_parts(make(), supervised.loss, supervised.batch(prompts, answers, eos=EOS, pad=PAD))
    packed = supervised.packed(prompts, answers, length=19, eos=EOS, pad=PAD)
    check_parts(make(), supervised.loss, packed, numbers=(1, 2, 5))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([[1]], [[2], [3]]), "an answer to each"),
        (([], []), "at least one prompt: 0, 0"),
        (([[1], []], [[2], [3]]), "prompts must have at least one token each, but number 1 has 0"),
        (([[1], [2]], [[], [3]]), "answers must have at least one token each, but number 0 has 0"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        supervised.batch(*arguments)
    with pytest.raises(ValueError, match=says):
        supervised.packed(*arguments, length=9)


def test_an_empty_answer_with_an_end_is_one():
    assert supervised.batch([[1, 2]], [[]], eos=EOS)["answer"].tolist() == [[False, True]]


@pytest.mark.parametrize("make", [supervised.batch, supervised.packed])
def test_what_does_not_fit_is_refused(make):
    assert make([[1, 2, 3]], [[4, 5]], length=4)["ids"].tolist() == [[1, 2, 3, 4]]
    with pytest.raises(ValueError, match=r"length \(3\) must hold every prompt with its answer; one takes 4 tokens"):
        make([[1, 2, 3]], [[4, 5]], length=3)
