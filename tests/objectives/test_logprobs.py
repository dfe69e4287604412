import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.objectives.logprobs import answer_log_probs, entropy, log_probs
from glassformer.objectives.supervised import batch
from tests.objectives.aligning import EOS, PAD, VOCAB, close, gpt, texts


@given(seed=st.integers(0, 99))
def test_log_probs_are_those_of_the_softmax(seed):
    draw = torch.Generator().manual_seed(seed)
    logits = 5 * torch.randn(3, 5, 7, dtype=torch.float64, generator=draw)
    targets = torch.randint(0, 7, (3, 5), generator=draw)
    found = log_probs(logits, targets)
    for row in range(3):
        for place in range(5):
            p = logits[row, place].exp() / logits[row, place].exp().sum()
            assert close(found[row, place], math.log(p[targets[row, place]]), rel_tol=1e-12, abs_tol=1e-13)
            assert close(entropy(logits)[row, place], -float((p * p.log()).sum()), rel_tol=1e-11, abs_tol=1e-12)


def test_entropy_at_its_ends():
    assert close(entropy(torch.zeros(11)), math.log(11), rel_tol=1e-6)  # float32
    assert entropy(torch.tensor([0.0, float("-inf"), float("-inf")])) == 0


def test_half_precision_is_computed_in_float32():
    logits = torch.randn(2, 3, 5).bfloat16()
    targets = torch.zeros(2, 3, dtype=torch.long)
    assert torch.equal(log_probs(logits, targets), log_probs(logits.float(), targets))
    assert entropy(logits).dtype == torch.float32


@torch.no_grad()
def test_an_answer_s_log_probability_is_the_product_of_its_tokens():
    model, (prompts, answers) = gpt(), texts(5)
    found = answer_log_probs(model, batch(prompts, answers, eos=EOS, pad=PAD)).sum(-1)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        text, product = list(prompt), 1.0
        for token in [*answer, EOS]:  # one at a time, as it would be sampled
            product *= float(model(torch.tensor([text]))[0, -1].softmax(-1)[token])
            text.append(token)
        assert close(found[row], math.log(product), rel_tol=1e-10)


def test_pairs_have_an_axis_of_their_own():
    model, (prompts, answers) = gpt(), texts(6)
    flat = batch(prompts, answers, pad=PAD)
    paired = {name: tensor.view(3, 2, -1) for name, tensor in flat.items()}
    assert torch.equal(answer_log_probs(model, paired), answer_log_probs(model, flat).view(3, 2, -1))
    assert flat["ids"].max() < VOCAB
