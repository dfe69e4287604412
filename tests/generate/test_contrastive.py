"""Contrastive search against the paper's formula, computed without a state."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from glassformer.generate.contrastive import contrast, contrastive_search
from glassformer.generate.decode import collect, complete, pad_left
from glassformer.parts.step import Memory
from tests.generate.tiny import KINDS, given, last, make, numbers, row, source


@torch.no_grad()
def slow(model: object, ids: Tensor, memory: Memory | None, max_new: int, k: int, alpha: float) -> list[int]:
    """One row, one candidate at a time, the whole text read for each."""
    start = ids.shape[1]
    for _ in range(max_new):
        p = last(model, ids, memory)[0].softmax(-1)
        scores = {}
        for v in p.argsort(descending=True)[:k].tolist():
            hidden = model.hidden(torch.cat((ids, torch.tensor([[v]])), 1), **given(memory))[0]  # type: ignore[attr-defined]
            worst = max(float(F.cosine_similarity(hidden[-1], hidden[j], 0)) for j in range(ids.shape[1]))
            scores[v] = (1 - alpha) * float(p[v]) - alpha * worst
        ids = torch.cat((ids, torch.tensor([[max(scores, key=lambda v: scores[v])]])), 1)
    return ids[0, start:].tolist()


@pytest.mark.parametrize(("k", "alpha"), [(4, 0.6), (2, 0.2), (5, 1.0), (100, 0.5)])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_formula(kind: str, k: int, alpha: float) -> None:
    model = make(kind)
    rows = [[1, 2, 3, 4, 5], [8], [9, 10, 9]]
    ids, mask = pad_left(rows, pad=12)
    memory = source(model, 3)
    ours = collect(contrastive_search(model, ids, max_new=8, candidates=k, alpha=alpha, mask=mask, memory=memory))
    for number, prompt in enumerate(rows):
        theirs = slow(model, torch.tensor([prompt]), row(memory, number), 8, k, alpha)
        assert ours[number].tolist() == theirs


@pytest.mark.parametrize(("k", "alpha"), [(1, 0.6), (4, 0.0)])
def test_without_a_choice_or_a_penalty_it_is_greedy(k: int, alpha: float) -> None:
    model, ids = make("llama"), numbers(3, 4)
    free = complete(model, ids, max_new=9)
    assert torch.equal(collect(contrastive_search(model, ids, max_new=9, candidates=k, alpha=alpha)), free)
    stop = int(free[1, 2])
    told = collect(contrastive_search(model, ids, max_new=9, candidates=k, alpha=alpha, stop_ids=(stop,)))
    assert torch.equal(told, complete(model, ids, max_new=9, stop_ids=(stop,)))


def test_a_repeated_state_costs_alpha() -> None:
    past, candidates = torch.eye(3)[None], torch.tensor([[[0.0, 2.0, 0.0], [0.0, 0.0, -1.0], [1.0, 1.0, 0.0]]])
    p = torch.tensor([[0.5, 0.3, 0.2]])
    everything = contrast(p, candidates, past, torch.ones(1, 3, dtype=torch.bool), 0.25)
    # cosines: 1 with the second; 0 at most; 1/√2 with the first
    expected = [0.75 * 0.5 - 0.25, 0.75 * 0.3, 0.75 * 0.2 - 0.25 * 0.5**0.5]
    torch.testing.assert_close(everything, torch.tensor([expected]))
    pads = contrast(p, candidates, past, torch.tensor([[True, False, True]]), 0.25)
    torch.testing.assert_close(pads[0, 0], torch.tensor(0.75 * 0.5))  # what it resembled was a pad


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"^candidates must be at least 1, not 0\.$"):
        contrastive_search(make("gpt2"), numbers(1, 2), max_new=1, candidates=0)
    with pytest.raises(ValueError, match=r"^alpha must be from 0 to 1, not 1\.5\.$"):
        contrastive_search(make("gpt2"), numbers(1, 2), max_new=1, alpha=1.5)
