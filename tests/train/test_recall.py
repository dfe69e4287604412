"""The recall task, and the gates that are opened for it."""

import math

import pytest
import torch

from glassformer.data.recall import SYMBOLS, recall
from glassformer.parts.recurrent import GRUCell, LSTMCell, RNNCell
from glassformer.train.recall import CELL_INPUT, Recaller, learn, opened


def test_only_the_first_token_tells_the_answer():
    inputs, answers = recall(11)
    assert inputs.shape == (SYMBOLS, 12, CELL_INPUT) and inputs.sum(-1).eq(1).all()
    assert torch.equal(inputs[:, 0].argmax(-1), answers)
    assert (inputs[:, 1:].argmax(-1) == SYMBOLS).all()
    with pytest.raises(ValueError, match=r"blanks must be at least 1, not 0\."):
        recall(0)


@pytest.mark.parametrize(("make", "gate"), [(LSTMCell, "forget_gate"), (GRUCell, "update_gate")])
def test_an_opened_gate_keeps_a_third_over_as_many_steps_as_its_bias_says(make, gate):
    """With all weights 0 but the bias log T, the gate is T / (T + 1) at every step, and its T-th power is near 1/e."""
    blanks, cell, found = 41, make(CELL_INPUT, 7), []
    with torch.no_grad():
        for weight in cell.parameters():
            weight.zero_()
    opened(cell, math.log(blanks))
    getattr(cell, gate).register_forward_hook(lambda module, args, output: found.append(output))
    cell(torch.randn(3, CELL_INPUT), cell.start(3, torch.zeros(())))
    assert torch.allclose(found[0], torch.full((3, 7), blanks / (blanks + 1)))
    assert abs(found[0][0, 0].item() ** blanks - 1 / math.e) < 0.01


def test_nothing_but_the_gate_changes():
    torch.manual_seed(0)
    cell = LSTMCell(CELL_INPUT, 5)
    before = {name: value.clone() for name, value in cell.state_dict().items()}
    after = opened(cell, 2.0).state_dict()
    gate = slice(5, 10)
    for name, value in after.items():
        if name == "from_input.bias":
            assert (value[gate] == 2).all()
        elif name == "from_hidden.bias":
            assert (value[gate] == 0).all()
        else:
            assert torch.equal(value, before[name])
        if value.ndim == 1:
            others = [i for i in range(20) if not gate.start <= i < gate.stop]
            assert torch.equal(value[others], before[name][others])


def test_a_cell_without_a_gate_is_refused():
    with pytest.raises(ValueError, match=r"cell must be an LSTMCell or a GRUCell with biases"):
        opened(RNNCell(3, 5), 1.0)
    with pytest.raises(ValueError, match=r"with biases"):
        opened(GRUCell(3, 5, bias=False), 1.0)


def test_it_learns_a_short_text_and_begins_from_guessing():
    torch.manual_seed(0)
    told = learn(Recaller(opened(GRUCell(CELL_INPUT, 17), math.log(5))), 5, steps=100)
    assert len(told) == 101 and abs(told[0][0] - math.log(SYMBOLS)) < 0.3
    assert told[-1][1] == 1 and told[-1][0] < 0.1
