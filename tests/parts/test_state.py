"""State: room, pads, beams and coming back."""

import pytest
import torch

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.parts.state import State, new_state

VOCAB = 97


@pytest.fixture(scope="module")
def model() -> GPT2:
    torch.manual_seed(0)
    return GPT2(GPTConfig(VOCAB, 61, 44, 3, 4, 53)).eval().double()


def ids(rows: int, tokens: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, VOCAB, (rows, tokens), generator=torch.Generator().manual_seed(seed))


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b, rtol=0, atol=1e-10)  # float64 through three layers


def test_one_entry_a_layer(model: GPT2) -> None:
    state = model.new_state(2, 19)
    assert isinstance(state, State) and len(state.entries) == 3
    assert state.entries[0].k.shape == (2, 4, 19, 11) and state.entries[0].k.dtype == torch.float64


def test_beams_go_on_from_other_rows(model: GPT2) -> None:
    text = ids(3, 9)
    state = model.new_state(3, 12)
    model(text, state=state)
    rows = torch.tensor([2, 2, 0])
    state.reorder(rows)
    more = ids(3, 2, 1)
    assert close(model(more, state=state), model(torch.cat([text[rows], more], 1))[:, 9:])


def test_coming_back_forgets_what_came_later(model: GPT2) -> None:
    text, wrong, right = ids(2, 7), ids(2, 3, 1), ids(2, 3, 2)
    state = model.new_state(2, 12)
    model(text, state=state)
    moment = state.snapshot()
    model(wrong, state=state)
    state.restore(moment)
    assert state.length == 7 and int(state.position) == 7
    assert close(model(right, state=state), model(torch.cat([text, right], 1))[:, 7:])


def test_pads_that_come_and_go(model: GPT2) -> None:
    text = ids(2, 11)
    real = torch.ones(2, 11, dtype=torch.bool)
    real[1, :4] = False
    state = model.new_state(2, 11)
    pieces = [model(text[:, :6], mask=real[:, :6], state=state), model(text[:, 6:], state=state)]
    alone = model(text[1:, 4:])
    assert close(torch.cat(pieces, 1)[1:, 4:], alone)
    state.reorder(torch.tensor([1, 1]))
    assert state.real is not None and not state.real[0, :4].any()


def test_room_runs_out(model: GPT2) -> None:
    state = model.new_state(1, 5)
    model(ids(1, 4), state=state)
    with pytest.raises(ValueError, match=r"max_len \(5\) must hold .*: 4 are there and 2 more came"):
        model(ids(1, 2), state=state)
    assert state.length == 4  # nothing was written


@pytest.mark.parametrize(("batch", "room"), [(0, 5), (1, 0)])
def test_no_room_at_all(model: GPT2, batch: int, room: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        new_state(model, batch, room)
