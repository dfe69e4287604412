"""Speculative decoding: the tokens, or the distribution, of the large model alone."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given as cases
from hypothesis import strategies as st
from scipy.stats import chi2
from torch import Tensor

from glassformer.generate.decode import collect, complete, pad_left
from glassformer.generate.sampling import Sampling
from glassformer.generate.speculative import Counts, residual, speculate
from glassformer.parts.state import State
from tests.generate.tiny import KINDS, last, make, numbers, source


@pytest.mark.parametrize("lookahead", [1, 2, 5, 30])
@pytest.mark.parametrize("prompt", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_greedy_gives_the_same_tokens(kind: str, prompt: int, lookahead: int) -> None:
    """With a draft that is often wrong, and one that never is."""
    model, ids = make(kind), numbers(3, prompt)
    memory = source(model, 3)
    alone = complete(model, ids, max_new=14, memory=memory)
    wrong, right = Counts(), Counts()
    for draft, counts in ((make(kind, seed=1), wrong), (model, right)):
        told = collect(
            speculate(
                model,
                draft,
                ids,
                max_new=14,
                lookahead=lookahead,
                memory=memory,
                draft_memory=source(draft, 3),
                counts=counts,
            )
        )
        assert torch.equal(told, alone)
    assert right.accepted == right.proposed == 3 * (14 - right.rounds)
    assert right.rounds == math.ceil(14 / (lookahead + 1))
    assert wrong.accepted < wrong.proposed and wrong.rounds > right.rounds


@pytest.mark.parametrize("kind", KINDS)
def test_a_draft_that_is_sometimes_right(kind: str) -> None:
    """Guesses are accepted and rejected in turn, so states go back by every number of tokens; any drafts for any."""
    model, ids = make(kind), numbers(1, 5)
    memory = source(model, 1)
    sampling = Sampling(temperature=0, repetition_penalty=1.4)  # or texts turn in circles
    alone = complete(model, ids, max_new=40, memory=memory, sampling=sampling)
    likeness = Counts()
    for helper in {kind, "llama", "ssm", "encoder-decoder"}:
        for disturbance in (0.05, 0.2, 0.6) if helper == kind else (0,):
            draft = make(helper)  # of its own kind: the same model, more and more disturbed
            with torch.no_grad():
                for parameter in draft.parameters():
                    noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(4))
                    parameter.add_(disturbance * noise)
            told = speculate(
                model,
                draft,
                ids,
                max_new=40,
                lookahead=3,
                memory=memory,
                draft_memory=source(draft, 1),
                sampling=sampling,
                counts=likeness if helper == kind else None,
            )
            assert torch.equal(collect(told), alone)
    assert 0 < likeness.accepted < likeness.proposed


@pytest.mark.parametrize("kind", KINDS)
def test_padded_rows_stop_tokens_and_penalties(kind: str) -> None:
    model, draft = make(kind), make(kind, seed=2)
    likely = int(complete(model, torch.tensor([[8]]), max_new=1, memory=source(model, 1))[0, 0])
    ids, mask = pad_left([[1, 2, 3, 4, 5, 6, 7], [8], [9, 10, 9]], pad=likely)  # a pad is not a token that was seen
    memory, helpers = source(model, 3), source(draft, 3)
    sampling = Sampling(temperature=0, repetition_penalty=1.5)
    free = complete(model, ids, mask=mask, max_new=15, memory=memory, sampling=sampling)
    stops = (int(free[0, 5]), int(free[1, 2]))
    for helper, said in ((draft, helpers), (model, memory)):
        told = speculate(
            model,
            helper,
            ids,
            mask=mask,
            max_new=15,
            memory=memory,
            draft_memory=said,
            sampling=sampling,
            stop_ids=stops,
        )
        alone = complete(model, ids, mask=mask, max_new=15, memory=memory, sampling=sampling, stop_ids=stops)
        assert torch.equal(collect(told), alone)


@pytest.mark.parametrize("kind", ["llama", "ssm"])
def test_what_is_read_twice(kind: str) -> None:
    """Keys and values go back for nothing; a hidden state reads again what is certain, and no more than that."""
    model, draft, read = make(kind), make("gpt2"), []
    model.embed.register_forward_hook(lambda module, inputs, output: read.append(inputs[0].shape[1]))
    counts = Counts()
    collect(speculate(model, draft, numbers(1, 5), max_new=20, lookahead=3, counts=counts))
    assert counts.accepted < counts.proposed
    once, again = 4 + 4 * counts.rounds, counts.rounds + counts.accepted
    assert sum(read) <= (once if kind == "llama" else once + again)
    assert len(read) <= 1 + counts.rounds * (1 if kind == "llama" else 2)


@cases(st.integers(0, 10**6), st.floats(0.1, 5))
def test_accepted_and_drawn_again_make_the_models_distribution(seed: int, spread: float) -> None:
    """``q min(1, p/q) + P(rejection) residual = p``: the theorem, in float64."""
    generator = torch.Generator().manual_seed(seed)
    p, q = (spread * torch.randn(2, 7, 11, generator=generator, dtype=torch.float64)).softmax(-1)
    p = torch.where(torch.rand(7, 11, generator=generator) < 0.3, 0.0, p)
    p = p / p.sum(-1, keepdim=True)
    accepted = torch.minimum(p, q)
    rejected = 1 - accepted.sum(-1, keepdim=True)
    torch.testing.assert_close(accepted + rejected * residual(p, q), p, rtol=0, atol=1e-14)
    assert torch.equal(residual(p, p), p)


def texts_of(model: object, ids: Tensor, length: int, sampling: Sampling, vocab: int) -> Tensor:
    """The probability of every text of ``length`` new tokens, by multiplication, without a state."""
    chances = []
    for tokens in itertools.product(range(vocab), repeat=length):
        text, chance = ids, 1.0
        for token in tokens:
            chance *= float(sampling.probabilities(last(model, text, None), text)[0, token])
            text = torch.cat((text, torch.tensor([[token]])), 1)
        chances.append(chance)
    return torch.tensor(chances, dtype=torch.float64)


class Table(torch.nn.Module):
    """The quickest of language models: the next token depends on the last one, by a table."""

    context = None

    def __init__(self, vocab: int, seed: int) -> None:
        super().__init__()
        table = torch.randn(vocab, vocab, generator=torch.Generator().manual_seed(seed))
        self.embed = torch.nn.Embedding.from_pretrained(table)

    def hidden(self, ids: Tensor, *, mask: Tensor | None = None, state: State | None = None) -> Tensor:
        if state is not None:
            state.open(None, ids.shape[1])
            state.close(ids.shape[1])
        return self.embed(ids)

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden

    def new_state(self, batch: int, max_len: int) -> State:
        return State([], batch, max_len, torch.device("cpu"))

    def forward(self, ids: Tensor) -> Tensor:
        return self.hidden(ids)


@pytest.mark.parametrize(
    ("maker", "sampling", "rows", "runs"),
    [
        (Table, Sampling(), 1, 3000),
        (Table, Sampling(temperature=0.8, top_p=0.9, repetition_penalty=1.3), 3, 1000),
        (lambda vocab, seed: make("ssm", vocab, seed), Sampling(temperature=1.4), 2, 250),
    ],
)
def test_sampling_has_the_same_distribution(
    maker: Callable[[int, int], Any], sampling: Sampling, rows: int, runs: int
) -> None:
    """χ² over all texts of 3 tokens from 3, at a fixed seed; a right program fails with probability 1e-6 a case."""
    vocab, length = 3, 3
    model, draft = maker(vocab, 3), maker(vocab, 4)
    ids = numbers(1, 2, vocab).expand(rows, -1)  # rows advance together, yet each is drawn by itself
    p = texts_of(model, ids[:1], length, sampling, vocab)
    generator, found, counts = torch.Generator().manual_seed(11), torch.zeros(27, dtype=torch.float64), Counts()
    for _ in range(runs):
        columns = speculate(
            model, draft, ids, max_new=length, lookahead=2, sampling=sampling, generator=generator, counts=counts
        )
        found += (collect(columns) @ torch.tensor([9, 3, 1])).bincount(minlength=27)
    assert 0.1 < counts.accepted / counts.proposed < 0.95  # both ways are taken
    assert not found[p == 0].any()
    limit = chi2.isf(1e-6, 26)  # of at most 27 classes, so no stricter than that
    assert distance(found, p) < limit
    # The test would notice the draft's own distribution.
    assert distance(texts_of(draft, ids[:1], length, sampling, vocab) * rows * runs, p) > 2 * limit


def distance(found: Tensor, p: Tensor) -> float:
    """χ², with all texts of which fewer than 5 are expected as one class, as the test needs."""
    expected = p / p.sum() * found.sum()
    common = expected > 5
    rare = float(expected[~common].sum())
    chi = float(((found - expected) ** 2 / expected)[common].sum())
    return chi + ((float(found[~common].sum()) - rare) ** 2 / rare if rare else 0.0)


def test_bad_input() -> None:
    model, ids = make("gpt2"), numbers(1, 3)
    with pytest.raises(ValueError, match=r"^draft must have the model's vocabulary of 13 tokens, not one of 12\.$"):
        speculate(model, make("gpt2", 12), ids, max_new=2)
    with pytest.raises(ValueError, match=r"^lookahead must be at least 1, not 0\.$"):
        speculate(model, model, ids, max_new=2, lookahead=0)
    with pytest.raises(ValueError, match=r"^max_new \(59\) and the 3 tokens before it must fit into the model's 61"):
        speculate(make("llama"), model, ids, max_new=59)  # the draft has 61 positions
