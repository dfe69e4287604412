"""The stored trace: 8 bits lose little, what ships is the model's own pass, and pages can show it without the model."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import glassformer
from glassformer.glass import stored
from glassformer.glass.trace import trace
from glassformer.glass.widgets.tensors import STAGES
from tests.tokenize.real import real


@given(st.integers(1, 5), st.sampled_from([1, 7, 64, 131]), st.floats(1e-3, 1e3), st.integers(0, 99))
def test_each_entry_is_off_by_at_most_half_a_step(rows, width, size, seed):
    values = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) * size
    packed = stored.pack(values)
    half = packed["scale"] / 2
    # Rounding of float32 comes on top: a few units in the last place of the largest value.
    assert ((stored.unpack(packed) - values).abs() <= half + 4e-7 * values.abs().max()).all()


def test_large_entries_and_zeros_are_kept_whole():
    values = torch.randn(3, 128).abs()
    values[:, 5], values[1] = 9e4, 0.0
    again = stored.unpack(stored.pack(values))
    assert torch.equal(again[[0, 2], 5], values[[0, 2], 5]) and torch.equal(again[1], values[1])


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="values must be finite"):
        stored.pack(torch.tensor([[1.0, float("inf")]]))


def test_what_ships_is_small_and_whole():
    found = stored.trace()
    assert stored.FILE.stat().st_size <= 4_000_000
    assert "".join(found.tokens) == stored.SENTENCE and len(found) == 272 and found.causal and found.predicts
    for layer in range(30):
        weights = found.attention(layer)
        assert weights.shape == (9, 13, 13)
        # A row adds up to 1; 13 entries are each off by at most 1/510.
        assert (weights.sum(-1) - 1).abs().max() <= 13 / 510
    assert found.likely(1)[0][0] == " Rome"


def test_the_explorer_of_what_ships_is_small_and_opens_every_stage():
    figure = stored.explorer(stage="feedforward", layer=3, head=2, token=5)
    assert (figure.stage, figure.layer, figure.head, figure.token) == ("feedforward", 3, 2, 5)
    assert len(json.dumps(figure.state())) < 130_000
    shown = {figure.data["roles"][tensor["role"]]["stage"] for tensor in figure.data["tensors"]}
    assert shown == set(STAGES)


def test_a_trace_comes_back_as_it_was_stored(tmp_path):
    loaded = glassformer.load("shakespeare")
    found = trace(loaded.model, "ROMEO:", tokenizer=loaded.tokenizer)
    size = stored.make(loaded.model, loaded.tokenizer, tmp_path / "small.safetensors", "ROMEO:")
    again, view = stored.load(tmp_path / "small.safetensors")
    assert size == (tmp_path / "small.safetensors").stat().st_size
    assert again.tokens == found.tokens == view["tokens"] and list(again) == list(found)
    for name, record in found.items():
        assert again[name].shape == record.shape and again[name].section == record.section
        off = (again[name].value - record.value).abs().amax()
        # Half a step of a row whose entries differ by at most this much.
        assert off <= (record.value.amax() - record.value.amin()) / 510 * 1.001


def test_what_ships_is_what_the_model_does():
    loaded = glassformer.load(real("smollm2"))
    found, run = stored.trace(), trace(loaded.model, stored.SENTENCE, tokenizer=loaded.tokenizer)
    assert found.tokens == run.tokens and list(found) == list(run)
    for layer in range(30):
        # Half a step in 255, and the rounding of another machine's sums.
        assert (found.attention(layer) - run.attention(layer)).abs().max() <= 1 / 510 + 1e-4
    assert (found.logits.softmax(-1) - run.logits.softmax(-1)).abs().max() <= 1e-3


def test_the_explorer_over_it_reads_another_text_when_it_can_load():
    calls = []

    def load(name):
        calls.append(name)
        return glassformer.load("shakespeare")

    figure = stored.explorer(load=load, layer=3)
    assert figure.live and figure.layer == 3 and not calls and not stored.explorer().live
    figure.text = "ROMEO:"
    assert calls == ["smollm2"] and "".join(figure.data["tokens"]) == "ROMEO:"
