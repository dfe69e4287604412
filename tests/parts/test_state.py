"""State: room, pads, beams and coming back."""

import pytest
import torch

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.parts.mask import Blocks, Causal, Mask, Padding, Prefix
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


def test_a_state_of_another_model_is_refused(model: GPT2) -> None:
    other = GPT2(model.config).eval().double()
    with pytest.raises(ValueError, match="state must be made by this model"):
        other(ids(1, 3), state=model.new_state(1, 8))


def test_a_pad_between_real_tokens_is_refused(model: GPT2) -> None:
    state = model.new_state(1, 8)
    model(ids(1, 4), mask=torch.tensor([[1, 1, 0, 0]]), state=state)
    with pytest.raises(ValueError, match="no pad between the real tokens of a text, but row 0 has one"):
        model(ids(1, 2), mask=torch.tensor([[1, 1]]), state=state)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.zeros(2, 3), "mask must have the shape of ids"),
        (torch.zeros(1, 5), "mask must be true"),
        (Padding(torch.ones(1, 5, dtype=torch.bool)), "must say what a token sees of later ones"),
        (Causal() & Padding(torch.ones(1, 5, dtype=torch.bool)), "give pads as a tensor"),
        (Causal() & Blocks(torch.zeros(1, 5, dtype=torch.long)), "read packed texts without a state"),
    ],
)
def test_masks_that_cannot_be(model: GPT2, mask: Mask | torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model(ids(1, 5), mask=mask, state=model.new_state(1, 8))


def test_a_prefix_is_read_in_one_call_and_gone_on_from(model: GPT2) -> None:
    text, more, state = ids(1, 6), ids(1, 2, 1), model.new_state(1, 8)
    prefix = Prefix(torch.tensor([4]))
    first = model(text, mask=prefix, state=state)
    whole = model(torch.cat([text, more], 1), mask=prefix)
    assert close(torch.cat([first, model(more, state=state)], 1), whole)
    with pytest.raises(ValueError, match="nor Prefix after its first call"):
        model(more, mask=prefix, state=state)


def test_packed_texts_with_pads_stand_where_they_would_alone(model: GPT2) -> None:
    first, second = ids(1, 3), ids(1, 4, 1)
    packed = torch.cat([first, second, ids(1, 2, 2)], 1)
    blocks, real = Blocks(torch.tensor([[0] * 3 + [1] * 6])), Padding(torch.tensor([[True] * 7 + [False] * 2]))
    for mask in (Causal() & blocks & real, Causal() & real & blocks):
        out = model(packed, mask=mask)
        assert close(out[:, :3], model(first)) and close(out[:, 3:7], model(second))
