"""The recurrent figure: its JavaScript against the library's cell, its still, its state and its errors."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import traitlets

from glassformer.glass.widgets import MIME, module_source, style_source
from glassformer.glass.widgets.recurrent import MOST, Recurrent, split
from glassformer.parts.recurrent import RNNCell
from tests.glass.script import evaluator

STATES = 100
VOCABULARY = ("cat", "sat", "here", "don't", "été")


@pytest.fixture(scope="module")
def evaluate():
    return evaluator("recurrent")


@pytest.fixture(scope="module")
def compute(evaluate):
    return lambda state: evaluate(f"compute({json.dumps(state)})")


def random_states():
    """Sentences of 0 to 17 words, some unknown, with random vectors and weights."""
    rng = np.random.default_rng(20250307)
    for i in range(STATES):
        words = rng.choice([*VOCABULARY, "dog", "“Cat,”", "…"], i % 18)
        yield {
            "x": {word: rng.normal(size=2).tolist() for word in VOCABULARY},
            "words": list(VOCABULARY),
            "w_xh": rng.normal(size=(2, 2)).tolist(),
            "w_hh": rng.normal(size=(2, 2)).tolist(),
            "b": rng.normal(size=2).tolist(),
            "sentence": " ".join(words),
            "step": int(rng.integers(0, MOST + 1)),
        }


@torch.no_grad()
def library(state, words):
    """The hidden state after each word by the library's cell in float64, and both parts of each sum."""
    cell = RNNCell(2, 2, bias=False).double()
    cell.from_input.weight.copy_(torch.tensor(state["w_xh"], dtype=torch.float64).T)
    cell.from_hidden.weight.copy_(torch.tensor(state["w_hh"], dtype=torch.float64).T)
    b, carried = torch.tensor(state["b"], dtype=torch.float64), (torch.zeros(1, 2, dtype=torch.float64),)
    for word in words:
        read = cell.from_input(torch.tensor([state["x"][word]], dtype=torch.float64))
        before = cell.from_hidden(carried[0])
        carried = cell.step(read + b, carried)
        yield read[0].numpy(), before[0].numpy(), carried[0][0].numpy()


def test_compute_agrees_with_the_library(compute):
    read = 0
    for state in random_states():
        got, figure = compute(state), Recurrent(**state)
        assert [step["word"] for step in got["steps"]] == figure.read()
        for step, (from_input, from_hidden, hidden) in zip(got["steps"], library(state, figure.read()), strict=True):
            np.testing.assert_allclose(step["from_input"], from_input, rtol=0, atol=1e-6)
            np.testing.assert_allclose(step["from_hidden"], from_hidden, rtol=0, atol=1e-6)
            np.testing.assert_allclose(step["sum"], from_input + from_hidden + state["b"], rtol=0, atol=1e-6)
            np.testing.assert_allclose(step["hidden"], hidden, rtol=0, atol=1e-6)
            read += 1
        states = [[0, 0], *(step["hidden"] for step in got["steps"])]
        np.testing.assert_allclose(figure.hidden(), states, rtol=0, atol=1e-9)
        assert got["step"] == min(state["step"], len(got["steps"]))
        assert got["unknown"] == (["dog"] if "dog" in state["sentence"] else [])
        assert got["dropped"] == max(0, len([w for w in split(state["sentence"]) if w in VOCABULARY]) - MOST)
    assert read > 4 * STATES
    assert any(compute(state)["dropped"] for state in random_states())


def test_cat_sat_here(compute):
    """The guide's worked example, and PyTorch's own network agrees."""
    expected = [[0.3185, 0.5299], [0.6857, 0.6459], [0.7241, 0.8756]]
    figure = Recurrent()
    got = [step["hidden"] for step in compute(figure.state())["steps"]]
    np.testing.assert_allclose(got, expected, rtol=0, atol=5e-5)  # four decimals
    rnn = torch.nn.RNN(2, 2).double()
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(figure.w_xh).T)
        rnn.weight_hh_l0.copy_(torch.tensor(figure.w_hh).T)
        rnn.bias_ih_l0.copy_(torch.tensor(figure.b, dtype=torch.float64))
        rnn.bias_hh_l0.zero_()
        out, _ = rnn(torch.tensor([figure.x[word] for word in figure.read()], dtype=torch.float64))
    np.testing.assert_allclose(got, out.numpy(), rtol=0, atol=1e-6)  # the weights come as float32


@pytest.mark.parametrize(
    ("change", "sentence", "note"),
    [
        ({"step": 2}, "After “sat”, step 2 of 3, the hidden state is 0.69 and 0.65.", ""),
        ({"step": 0}, "Before the first of 3 words the hidden state is 0 and 0.", ""),
        ({"step": 12}, "After “here”, step 3 of 3, the hidden state is 0.72 and 0.88.", ""),
        (
            {"sentence": "The CAT, the dog!", "step": 5},
            "After “cat”, step 1 of 1, the hidden state is 0.32 and 0.53.",
            "Skipped, because the network has no vector for them: “the” and “dog”. It knows cat, sat and here.",
        ),
        (
            {"sentence": " … "},
            "There is no word to read, so the hidden state stays at 0 and 0.",
            "It knows cat, sat and here.",
        ),
        (
            {"sentence": "cat " * 13},
            "After “cat”, step 1 of 12, the hidden state is 0.32 and 0.53.",
            "Only the first 12 words are read.",
        ),
        (
            {"sentence": "a b c d e f g cat"},
            "After “cat”, step 1 of 1, the hidden state is 0.32 and 0.53.",
            "Skipped, because the network has no vector for them: “a”, “b”, “c”, “d”, “e” and 2 more. "
            "It knows cat, sat and here.",
        ),
    ],
)
def test_the_sentence(compute, change, sentence, note):
    got = compute(Recurrent(**change).state())
    assert (got["sentence"], got["note"]) == (sentence, note)


def test_the_calculation_spells_out_the_step(evaluate):
    state = json.dumps(Recurrent(b=[-0.1, 0.2]).state())
    rows = evaluate(f"calculation({state}, compute({state}).steps[1])")
    assert [row[0] for row in rows] == ["x Wₓₕ", "h Wₕₕ", "b", "sum", "tanh"]
    plain = [[sum.replace("\u00a0", " "), value] for sum, value in rows[0][2]]
    assert plain == [["0.1 · 0.3 + 0.9 · 0.4", "0.39"], ["0.1 · 0.7 + 0.9 · 0.2", "0.25"]]
    assert rows[2][2][0] == ["", "−0.1"]
    assert rows[3][2][0][0].endswith(" + (−0.1)")


def test_the_module_is_one_file():
    source, style = module_source("recurrent"), style_source("recurrent")
    assert re.findall(r"^(?:export|import)\b.*", source, re.M) == ["export { compute };", "export default { render };"]
    assert "innerHTML" not in source
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(\s*['\"]?(?![#$])", source + style)
    assert ".gf-range" in style and ".gf-recurrent" in style


@pytest.mark.parametrize("change", [{}, {"step": 3}, {"sentence": ""}, {"sentence": "cat " * 20, "step": 12}])
@pytest.mark.filterwarnings("error")
def test_still(change):
    still = Recurrent(**change).still()
    ET.fromstring(still)
    assert still == Recurrent(**change).still()
    assert len(still) < 60_000
    assert {"var(--fig-ink, #24262b)", "var(--fig-c1, #c2571a)"} <= set(re.findall(r"var\([^)]*\)", still))


def test_state_round_trip():
    figure = Recurrent(x={"a": [1, 2], "b": [0.5, -1]}, words=["b"], w_hh=[[0, 1], [1, 0]], sentence="b a", step=1)
    state = json.loads(json.dumps(figure.state()))
    assert sorted(state) == ["b", "sentence", "step", "w_hh", "w_xh", "words", "x"]
    assert Recurrent(**state).state() == state
    assert figure._repr_mimebundle_()[0][MIME]["state"] == state
    assert Recurrent(x={"a": [1, 2]}).words == ["a"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": {"cat": [1.0]}}, "x['cat'] must be 2 finite numbers, not [1.0]."),
        ({"x": {"Cat": [1.0, 2.0]}}, "x must have one lower-case word as each key, not 'Cat'."),
        ({"x": {"a cat": [1.0, 2.0]}}, "x must have one lower-case word as each key, not 'a cat'."),
        ({"words": ["dog"]}, "words must have a vector in x each; 'dog' has none."),
        ({"w_xh": [[1.0, 2.0]]}, "w_xh must be 2 rows of 2 finite numbers, not [[1.0, 2.0]]."),
        ({"w_hh": [[1, 2], [3, math.nan]]}, "w_hh must be 2 rows of 2 finite numbers, not [[1, 2], [3, nan]]."),
        ({"b": ["a", 1]}, "b must be 2 finite numbers, not ['a', 1]."),
        ({"step": -1}, "step must be from 0 to 12, not -1."),
        ({"step": 13}, "step must be from 0 to 12, not 13."),
        ({"sentence": 3}, "The 'sentence' trait of a Recurrent instance expected a unicode string"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named(change, message):
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        Recurrent(**change)
