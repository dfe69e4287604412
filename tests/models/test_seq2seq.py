"""Recurrent encoder-decoders against loops written out, with pads; and that attention does what it is for."""

import pytest
import torch

from glassformer.models.seq2seq import BahdanauSeq2Seq, LuongSeq2Seq, Seq2Seq, Seq2SeqConfig
from glassformer.objectives import seq2seq
from glassformer.parts.alignment import summary
from glassformer.parts.recurrent import LSTMCell
from glassformer.parts.step import Memory
from glassformer.train.groups import adamw
from glassformer.train.step import Objective, train_step

VOCAB, WIDTH, HIDDEN, SOURCE, TARGET = 23, 7, 11, 9, 5
KINDS = {"plain": Seq2Seq, "bahdanau": BahdanauSeq2Seq, "luong": LuongSeq2Seq}


def make(kind, cell=None):
    torch.manual_seed(3)
    more = {} if cell is None else {"cell": cell}
    return KINDS[kind](Seq2SeqConfig(VOCAB, WIDTH, HIDDEN, **more)).double().eval()


def texts(rows=3):
    chance = torch.Generator().manual_seed(5)
    source = torch.randint(VOCAB, (rows, SOURCE), generator=chance)
    return source, torch.randint(VOCAB, (rows, TARGET), generator=chance)


def encoded(model, row):
    """The encoder written out: each cell over the words, one from each end."""
    words = model.embed(row)
    layer = next(iter(model.encoder.stack[0].children()))
    both = []
    for cell, order in ((layer.ahead.cell, 1), (layer.back.cell, -1)):
        carried, found = cell.start(1, words), []
        for word in words.flip(0) if order < 0 else words:
            carried = cell(word[None], carried)
            found.append(carried[0][0])
        both.append(torch.stack(found[::order]))
    return torch.cat(both, 1)


@pytest.mark.parametrize("cell", [None, LSTMCell])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_loop_written_out(kind, cell):
    model = make(kind, cell)
    source, target = texts(1)
    logits = model(target, memory=model.encode(source))[0]
    memory = encoded(model, source[0])
    whole = torch.cat([memory[-1, :HIDDEN], memory[0, HIDDEN:]])
    parts = list(model.stack[0].children())
    cell_, carried = parts[0].cell, parts[0].cell.start(1, memory)
    for place, word in enumerate(model.embed(target[0])):
        if kind == "bahdanau":
            score = parts[0].look.score
            scores = score.v(torch.tanh(score.query(carried[0]) + score.key(memory)))[:, 0]
            context = scores.softmax(0) @ memory
            carried = cell_(torch.cat([word, context])[None], carried)
            said = torch.cat([carried[0][0], context])
        else:
            carried = cell_(torch.cat([word, whole])[None], carried)
            said = carried[0][0]
        if kind == "luong":
            scores = parts[1].look.score.key(memory) @ said
            said = torch.tanh(parts[1].join(torch.cat([scores.softmax(0) @ memory, said])))
        assert torch.allclose(logits[place], model.head(said), atol=1e-12)  # float64, the same sums


@pytest.mark.parametrize("kind", KINDS)
def test_pads_of_the_source_have_no_say(kind):
    model = make(kind)
    source, target = texts()
    real = torch.arange(SOURCE) < torch.tensor([9, 4, 1])[:, None]
    padded = model(target, memory=model.encode(source, real))
    for row, length in enumerate((9, 4, 1)):
        alone = model(target[row : row + 1], memory=model.encode(source[row : row + 1, :length]))
        assert torch.allclose(padded[row], alone[0], atol=1e-12)


def test_a_summary_joins_the_two_ends():
    hidden = torch.arange(24.0).view(2, 3, 4)
    assert summary(Memory(hidden)).tolist() == [[8, 9, 2, 3], [20, 21, 14, 15]]
    real = torch.tensor([[True, True, False], [False, True, True]])
    assert summary(Memory(hidden, real)).tolist() == [[4, 5, 2, 3], [20, 21, 18, 19]]


@pytest.mark.parametrize("kind", ["bahdanau", "luong"])
def test_attention_can_be_watched_and_sums_to_1_over_real_places(kind):
    model = make(kind)
    source, target = texts()
    real = torch.arange(SOURCE) < torch.tensor([9, 4, 1])[:, None]
    seen = []
    tap = next(module for name, module in model.named_modules() if name.endswith("look.weights"))
    tap.register_forward_hook(lambda module, inputs, output: seen.append(output))
    model(target, memory=model.encode(source, real))
    weights = torch.cat(seen, 1)
    assert weights.shape == (3, TARGET, SOURCE)
    assert torch.allclose(weights.sum(-1), torch.ones(3, TARGET, dtype=torch.float64))
    assert not weights[~real[:, None].expand_as(weights)].any()


def test_without_a_source_it_says_what_is_missing():
    with pytest.raises(ValueError, match="memory must be given: this decoder reads a source"):
        make("plain")(texts()[1])


def test_attention_learns_to_say_a_text_backward_sooner():
    """Equal steps on 9 random tokens: one vector for all of them is what holds the first model back."""
    right = {}
    for kind in KINDS:
        torch.manual_seed(1)
        model = KINDS[kind](Seq2SeqConfig(13, 24, 48))
        optimizer, chance = adamw(model, 5e-3, weight_decay=0.0), torch.Generator().manual_seed(2)

        def batch(rows, chance=chance):
            text = torch.randint(3, 13, (rows, 9), generator=chance).tolist()
            return seq2seq.batch(text, [row[::-1] for row in text], start=0)

        for _ in range(160):
            train_step(Objective(model, seq2seq.loss), [batch(48)], optimizer, clip=1.0)
        with torch.no_grad():
            right[kind] = float(seq2seq.loss(model, batch(200))[1]["accuracy"])
    assert right["bahdanau"] > right["plain"] + 0.2 and right["luong"] > right["plain"] + 0.2, right
