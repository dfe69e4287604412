"""Beam search against the reference, and against looking at every text there is."""

import itertools
from collections.abc import Sequence

import pytest
import torch

from glassformer.generate.beam import beam_search
from glassformer.generate.decode import complete, pad_left
from tests.generate.tiny import KINDS, given, make, numbers, row, source


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """To 1e-5 of the largest: float32 log probabilities, computed in other shapes."""
    assert float((ours - theirs).abs().max()) <= 1e-5 * max(1.0, float(theirs.abs().max()))


def every_text(
    kind: str, prompt: torch.Tensor, number: int, length: int, stops: Sequence[int], penalty: float, vocab: int
):
    """All texts of up to ``length`` tokens that end, with their scores, the best first. No state, no beams."""
    model = make(kind, vocab)
    memory = row(source(model, number + 1), number)
    found = {}
    for tokens in itertools.product(range(vocab), repeat=length):
        end = next((i + 1 for i, token in enumerate(tokens) if token in stops), length)
        found[tokens[:end]] = 0.0
    with torch.no_grad():
        for tokens in found:
            text = torch.cat((prompt, torch.tensor([tokens])), 1)
            log = model(text, **given(memory))[0, prompt.shape[1] - 1 : -1].log_softmax(-1)
            found[tokens] = float(log.gather(1, torch.tensor(tokens)[:, None]).sum()) / len(tokens) ** penalty
    return sorted(found.items(), key=lambda each: -each[1])


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_with_many_beams_it_finds_the_best_of_all_texts(kind: str, penalty: float) -> None:
    vocab, stops, length = 5, (2,), 3
    model, ids = make(kind, vocab), numbers(2, 3, vocab)
    beams = vocab ** (length - 1)  # no text is dropped on the way
    ours = beam_search(
        model,
        ids,
        beams=beams,
        max_new=length,
        memory=source(model, 2),
        stop_ids=stops,
        pad=0,
        length_penalty=penalty,
        early_stopping="never",
    )
    for number in range(2):
        best = every_text(kind, ids[number : number + 1], number, length, stops, penalty, vocab)[:beams]
        close(ours.scores[number], torch.tensor([score for _, score in best]))
        texts = [tuple(tokens) + (0,) * (ours.ids.shape[2] - len(tokens)) for tokens, _ in best]
        assert {tuple(text) for text in ours.ids[number].tolist()} == set(texts)
        assert tuple(ours.ids[number, 0].tolist()) == texts[0]


@pytest.mark.parametrize("kind", KINDS)
def test_one_beam_is_greedy(kind: str) -> None:
    model = make(kind)
    ids, memory = numbers(3, 4), source(model, 3)
    told = beam_search(model, ids, beams=1, max_new=9, memory=memory)
    assert torch.equal(told.ids[:, 0], complete(model, ids, max_new=9, memory=memory))


@pytest.mark.parametrize("kind", KINDS)
def test_padded_rows_give_what_they_give_alone(kind: str) -> None:
    model = make(kind)
    rows = [[1, 2, 3, 4, 5], [8], [9, 10, 9]]
    ids, mask = pad_left(rows, pad=12)
    memory = source(model, 3)
    together = beam_search(model, ids, beams=3, max_new=7, mask=mask, memory=memory, stop_ids=(6,))
    for number, prompt in enumerate(rows):
        alone = beam_search(
            model, torch.tensor([prompt]), beams=3, max_new=7, memory=row(memory, number), stop_ids=(6,)
        )
        close(together.scores[number], alone.scores[0])
        length = alone.ids.shape[2]
        assert torch.equal(together.ids[number, :, :length], alone.ids[0])
        assert (together.ids[number, :, length:] == 6).all()


def test_fewer_texts_than_beams() -> None:
    model = make("gpt2", vocab=3)
    told = beam_search(model, numbers(1, 2, 3), beams=4, max_new=1)
    assert told.scores[0, :3].isfinite().all() and told.scores[0, 3] == -torch.inf
    assert sorted(told.ids[0, :3, 0].tolist()) == [0, 1, 2]
    for pad in range(3):
        assert beam_search(model, numbers(1, 2, 3), beams=4, max_new=1, pad=pad).ids[0, 3, 0] == pad


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"^beams must be at least 1, not 0\.$"):
        beam_search(make("gpt2"), numbers(1, 2), beams=0, max_new=1)
    with pytest.raises(ValueError, match=r"^max_new must be at least 1, not 0\.$"):
        beam_search(make("gpt2"), numbers(1, 2), beams=2, max_new=0)
