"""Recurrent cells and layers equal PyTorch's, weights copied; pads, directions and gradients included."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glassformer.parts.mask import Everything
from glassformer.parts.recurrent import Bidirectional, GRUCell, LSTMCell, Recurrent, RNNCell
from glassformer.parts.step import Step

ROWS, TOKENS, IN, HIDDEN = 5, 11, 7, 13
KINDS = {
    "rnn": (RNNCell, nn.RNN, nn.RNNCell),
    "lstm": (LSTMCell, nn.LSTM, nn.LSTMCell),
    "gru": (GRUCell, nn.GRU, nn.GRUCell),
}

pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(3)


def copied(theirs, cell, layer="_l0"):
    """PyTorch's weights in our cell. They lie in the same order."""
    with torch.no_grad():
        for ours, name in ((cell.from_input, "ih"), (cell.from_hidden, "hh")):
            ours.weight.copy_(getattr(theirs, f"weight_{name}{layer}"))
            if ours.bias is not None:
                ours.bias.copy_(getattr(theirs, f"bias_{name}{layer}"))
    return cell


def texts():
    return torch.randn(ROWS, TOKENS, IN, dtype=torch.float64)


def near(ours, theirs):
    return torch.allclose(ours, theirs, rtol=0, atol=1e-12)  # float64, the same sums


def test_a_cell_is_pytorchs(kind):
    make, _, reference = KINDS[kind]
    theirs = reference(IN, HIDDEN).double()
    cell = copied(theirs, make(IN, HIDDEN).double(), layer="")
    x, carried = texts()[:, 0], tuple(torch.randn(ROWS, HIDDEN, dtype=torch.float64) for _ in range(make.carried))
    found = theirs(x, carried if kind == "lstm" else carried[0])
    for ours, expected in zip(cell(x, carried), found if kind == "lstm" else (found,), strict=True):
        assert near(ours, expected)


def test_it_is_drawn_as_pytorch_draws_it(kind):
    make, _, reference = KINDS[kind]
    ours, theirs = make(400, 300), reference(400, 300)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=False):
        assert one.abs().max() <= 300**-0.5 and abs(one.std() / other.std() - 1) < 0.1
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())


@pytest.mark.parametrize("bias", [True, False])
def test_two_layers_and_their_gradients_are_pytorchs(kind, bias):
    make, reference, _ = KINDS[kind]
    theirs = reference(IN, HIDDEN, num_layers=2, batch_first=True, bias=bias).double()
    layers = nn.ModuleList(
        Recurrent(copied(theirs, make(width, HIDDEN, bias).double(), f"_l{number}"))
        for number, width in enumerate((IN, HIDDEN))
    )
    x = texts().requires_grad_()
    y = x
    for layer in layers:
        y = layer(y)
    expected = theirs(x)[0]
    assert near(y, expected)
    weights = torch.randn_like(y)
    ours = torch.autograd.grad((y * weights).sum(), [x, *layers.parameters()])
    reference_grads = torch.autograd.grad((expected * weights).sum(), [x, *theirs.parameters()])
    names = ["x", *(name for name, _ in theirs.named_parameters())]
    by_name = dict(zip(names, reference_grads, strict=True))
    mine = dict(zip(["x", *(name for name, _ in layers.named_parameters())], ours, strict=True))
    assert near(mine["x"], by_name["x"])
    for number in range(2):
        for part, short in (("from_input", "ih"), ("from_hidden", "hh")):
            assert near(mine[f"{number}.cell.{part}.weight"], by_name[f"weight_{short}_l{number}"])


def padded():
    lengths = torch.tensor([11, 3, 7, 1, 5])
    return lengths, torch.arange(TOKENS) < lengths[:, None]


@pytest.mark.parametrize("both", [False, True])
def test_rows_of_different_lengths_are_pytorchs_packed_ones(kind, both):
    make, reference, _ = KINDS[kind]
    theirs = reference(IN, HIDDEN, batch_first=True, bidirectional=both).double()
    if both:
        ours = Bidirectional(lambda: make(IN, HIDDEN).double())
        copied(theirs, ours.ahead.cell)
        copied(theirs, ours.back.cell, "_l0_reverse")
    else:
        ours = Recurrent(copied(theirs, make(IN, HIDDEN).double()))
    x, (lengths, real) = texts(), padded()
    step = Step(ROWS, TOKENS, x.device, Everything(), real)
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=TOKENS)
    assert near(torch.where(real[..., None], ours(x, step), 0.0), expected)
    changed = torch.where(real[..., None], x, 7.0)
    assert near(torch.where(real[..., None], ours(changed, step), 0.0), expected), "pads have no say"


def test_it_starts_from_what_is_carried_and_gives_what_it_carries(kind):
    make, reference, _ = KINDS[kind]
    theirs = reference(IN, HIDDEN, batch_first=True).double()
    layer = Recurrent(copied(theirs, make(IN, HIDDEN).double()))
    x = texts()
    whole, last = layer.run(x, layer.cell.start(ROWS, x))
    first, carried = layer.run(x[:, :4], layer.cell.start(ROWS, x))
    rest, end = layer.run(x[:, 4:], carried)
    assert near(torch.cat([first, rest], 1), whole)
    assert all(near(one, other) for one, other in zip(end, last, strict=True))
    final = theirs(x)[1]
    for one, other in zip(last, final if kind == "lstm" else (final,), strict=True):
        assert near(one, other[0])


def test_dropout_acts_in_training_only(kind):
    make, _, _ = KINDS[kind]
    layer = Recurrent(make(IN, HIDDEN).double(), dropout=0.5)
    x = texts()
    share = (layer(x) == 0).double().mean()
    assert 0.4 < share < 0.6
    layer.eval()
    assert (layer(x) != 0).all()


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0)])
def test_a_size_below_1_is_said(kind, sizes):
    name = "d_in" if sizes[0] == 0 else "d_hidden"
    with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
        KINDS[kind][0](*sizes)
