"""The XOR figure: its JavaScript against the library's MLP and autograd, its still, its state and its errors."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import traitlets

from glassformer.glass.widgets import MIME, module_source, style_source
from glassformer.glass.widgets.xor import CASES, GATES, Xor
from glassformer.models.mlp import MLP
from tests.glass.script import evaluator

STATES = 100
ZERO = {"W": [[0, 0], [0, 0]], "c": [0, 0], "v": [0, 0], "d": 0}


@pytest.fixture(scope="module")
def call():
    evaluate = evaluator("xor")
    return lambda expression, *arguments: evaluate(f"({expression})(...{json.dumps(arguments)})")


@pytest.fixture(scope="module")
def compute(call):
    return lambda state: call("compute", state)


def random_states():
    """States with each gate and each setting of the switches, none with a case on a fold or an output of ½."""
    rng = np.random.default_rng(20250214)
    for i in range(STATES):
        yield {
            "W": rng.uniform(-2, 2, (2, 2)).tolist(),
            "c": rng.uniform(-2, 2, 2).tolist(),
            "v": rng.uniform(-2, 2, 2).tolist(),
            "d": float(rng.uniform(-1, 1)),
            "gate": list(GATES)[i % 5],
            "bend": i % 4 < 2 or i % 7 == 0,
            "biases": i % 2 == 0,
        }


def library(state):
    """The same network as the library's MLP in float64; what is switched off is left out of its gradient."""
    model = MLP([2, 2, 1], torch.relu if state["bend"] else lambda x: x).double()
    hidden, output = model.layers
    on = float(state["biases"])
    with torch.no_grad():
        hidden.weight.copy_(torch.tensor(state["W"], dtype=torch.float64).T)
        hidden.bias.copy_(torch.tensor(state["c"], dtype=torch.float64) * on)
        output.weight.copy_(torch.tensor([state["v"]], dtype=torch.float64))
        output.bias.fill_(state["d"] * on)
    hidden.bias.requires_grad_(state["biases"])
    output.bias.requires_grad_(state["biases"])
    return model


X = torch.tensor(CASES, dtype=torch.float64)


def wanted(state):
    return torch.tensor(GATES[state["gate"]], dtype=torch.float64)


def inside(polygon, points):
    """Which points a convex polygon, its corners counterclockwise, holds."""
    corners = np.array(polygon)
    sides = np.roll(corners, -1, 0) - corners
    length = np.hypot(*sides.T)
    sides, corners, length = sides[length > 1e-9], corners[length > 1e-9], length[length > 1e-9]
    way = points[:, None] - corners
    distance = (sides[:, 0] * way[..., 1] - sides[:, 1] * way[..., 0]) / length
    return distance.min(1) >= 0


def test_compute_agrees_with_the_library(compute):
    rng = np.random.default_rng(11)
    sure = 0
    for state in random_states():
        got, model = compute(state), library(state)
        with torch.no_grad():
            out = model(X)[:, 0]
            np.testing.assert_allclose(got["hidden"], model.hidden(X), rtol=0, atol=1e-6)
            np.testing.assert_allclose(got["out"], out, rtol=0, atol=1e-6)
            assert got["answer"] == (out >= 0.5).long().tolist()
            assert got["wanted"] == list(GATES[state["gate"]])
            assert got["correct"] == int(((out >= 0.5) == (wanted(state) == 1)).sum())
            assert math.isclose(got["loss"], torch.nn.functional.mse_loss(out, wanted(state)), abs_tol=1e-6)
            assert got["sentence"].startswith(f"{got['correct']} of 4 cases ")
            for ends in got["border"]:  # a segment lies on out = ½ from end to end
                middle = torch.tensor([ends[0], np.mean(ends, 0).tolist(), ends[1]], dtype=torch.float64)
                np.testing.assert_allclose(model(middle)[:, 0], 0.5, rtol=0, atol=1e-6)
            for unit, ends in enumerate(got["folds"]):
                assert len(ends) in ((0, 2) if state["bend"] else (0,))
                for end in ends:
                    row = model.layers[0](torch.tensor(end, dtype=torch.float64))
                    assert abs(float(row[unit])) < 1e-6
            points = rng.uniform(-0.5, 1.5, (200, 2))
            values = model(torch.tensor(points))[:, 0].numpy()
        clear = abs(values - 0.5) > 1e-6
        yes = np.any([inside(region, points) for region in got["regions"]] + [np.zeros(200, bool)], 0)
        np.testing.assert_array_equal(yes[clear], values[clear] >= 0.5)
        sure += clear.sum()
    assert sure > 190 * STATES


def test_the_states_try_everything():
    states = list(random_states())
    assert {(s["gate"], s["bend"], s["biases"]) for s in states} == {
        (gate, bend, biases) for gate in GATES for bend in (False, True) for biases in (False, True)
    }
    for state in states:
        model = library(state)
        with torch.no_grad():
            sums, out = model.layers[0](X), model(X)
        if state["biases"]:
            assert sums.abs().min() > 1e-4
        assert (out - 0.5).abs().min() > 1e-6


def test_the_training_step_agrees_with_autograd(call):
    for state in random_states():
        model = library(state)
        torch.nn.functional.mse_loss(model(X)[:, 0], wanted(state)).backward()
        hidden, output = model.layers
        got = call("(state) => descend(state, 1, 1)", state)  # a rate of 1: the step is the gradient
        np.testing.assert_allclose(np.array(state["W"]) - got["W"], hidden.weight.grad.T, rtol=0, atol=1e-6)
        np.testing.assert_allclose(np.array(state["v"]) - got["v"], output.weight.grad[0], rtol=0, atol=1e-6)
        if state["biases"]:
            np.testing.assert_allclose(np.array(state["c"]) - got["c"], hidden.bias.grad, rtol=0, atol=1e-6)
            np.testing.assert_allclose(state["d"] - got["d"], output.bias.grad[0], rtol=0, atol=1e-6)
        else:
            assert (got["c"], got["d"]) == (state["c"], state["d"])


def test_a_hundred_steps_are_a_hundred_steps(call):
    state = Xor(W=[[0.6, -0.4], [-0.3, 0.7]], c=[0.1, 0.05], v=[0.5, 0.6], d=0.2).state()
    model = library(state)
    optimizer = torch.optim.SGD(model.parameters(), lr=call("() => RATE"))
    for _ in range(100):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(X)[:, 0], wanted(state)).backward()
        optimizer.step()
    got = call("(state) => descend(state, STEPS)", state)
    np.testing.assert_allclose(got["W"], model.layers[0].weight.detach().T, rtol=0, atol=1e-6)
    np.testing.assert_allclose(got["v"], model.layers[1].weight.detach()[0], rtol=0, atol=1e-6)
    halves = call("(state) => descend({ ...state, ...descend(state, 50) }, 50)", state)
    assert halves == got


@pytest.mark.parametrize(
    ("button", "before", "correct"),
    [
        ("Solved by hand", {"gate": "XNOR", "bend": False, "biases": False, **ZERO}, 4),
        ("|x₁ − x₂|", {**ZERO, "c": [1, 1], "d": 2, "bend": False}, 4),
        ("|x₁ − x₂|", {"biases": False}, 4),
        ("All weights 1", {}, 3),
        ("All weights 1", {"gate": "OR"}, 4),
        ("All weights 1", {"gate": "AND", "c": [-1, -1]}, 4),
    ],
)
def test_a_preset_does_what_it_says(call, button, before, correct):
    state = Xor(**before).state()
    got = call("(name, state) => ({ ...state, ...PRESETS[name]() })", button, state)
    assert Xor(**got).state() == got
    assert call("compute", got)["correct"] == correct
    if button == "Solved by hand":
        assert got == Xor().state()
    if button == "All weights 1":
        assert (got["c"], got["d"], got["gate"]) == (state["c"], state["d"], state["gate"])


def test_all_weights_1_never_solve_xor(compute):
    for c1, c2, d in np.random.default_rng(5).uniform(-3, 3, (200, 3)):
        state = Xor(W=[[1, 1], [1, 1]], v=[1, 1], c=[c1, c2], d=d).state()
        got = compute(state)
        assert got["correct"] < 4
        assert "No weight is below 0" in got["sentence"]


def test_random_is_that_of_linear(call):
    draws = call("() => Array.from({ length: 300 }, () => PRESETS.Random())")
    values = np.array([[*np.ravel(draw["W"]), *draw["c"], *draw["v"], draw["d"]] for draw in draws])
    limit = 1 / math.sqrt(2)
    assert values.shape == (300, 9)
    assert abs(values).max() <= limit
    assert (values.max(0) > 0.9 * limit).all()
    assert (values.min(0) < -0.9 * limit).all()  # 300 draws miss the last twentieth once in five million
    assert all(sorted(draw) == ["W", "c", "d", "v"] for draw in draws)


TILT = "Without a bend the hidden units only tilt the plane: the answer's border is one straight line."
ORIGIN = "Without biases the output at (0,0) is always 0."


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "4 of 4 cases are right. The output is 0, 1, 1, 0 for (0,0), (0,1), (1,0), (1,1)."),
        ({"gate": "XNOR"}, "0 of 4 cases are right. The output is 0, 1, 1, 0 for (0,0), (0,1), (1,0), (1,1)."),
        (
            {"bend": False},
            f"3 of 4 cases are right. The output is 2, 1, 1, 0 for (0,0), (0,1), (1,0), (1,1). {TILT}",
        ),
        (
            {"gate": "NAND", "biases": False},
            f"1 of 4 cases is right. The output is 0, −1, −1, −2 for (0,0), (0,1), (1,0), (1,1). {ORIGIN}",
        ),
        (
            {"c": [0, -3], "v": [1, 1]},
            "3 of 4 cases are right. The output is 0, 1, 1, 2 for (0,0), (0,1), (1,0), (1,1). No weight is below 0, so "
            "the output cannot fall when an input rises; XOR needs it to. Unit 2 is 0 in all four cases, so training "
            "cannot move its weights.",
        ),
        (
            {"gate": "AND", "c": [-2, -2], "d": 0.4999},
            "3 of 4 cases are right. The output is under 0.5, under 0.5, under 0.5, under 0.5 for (0,0), (0,1), (1,0), "
            "(1,1). Both units are 0 in all four cases, so training cannot move their weights.",
        ),
        (
            {"gate": "AND", "bend": False, "d": -1},  # a line could do better, so nothing is said of it
            "2 of 4 cases are right. The output is 1, 0, 0, −1 for (0,0), (0,1), (1,0), (1,1).",
        ),
    ],
)
def test_the_sentence(compute, change, sentence):
    assert compute(Xor(**change).state())["sentence"] == sentence


def test_what_the_sentence_says_is_true(compute, call):
    rng = np.random.default_rng(7)
    for _ in range(300):
        weights = {"W": rng.uniform(-3, 3, (2, 2)), "c": rng.uniform(-3, 3, 2), "v": rng.uniform(-3, 3, 2)}
        state = {**{k: x.tolist() for k, x in weights.items()}, "d": rng.uniform(-3, 3)}
        straight = compute(Xor(**state, bend=False).state())
        assert straight["correct"] < 4
        assert len(straight["border"]) <= 1
        assert compute(Xor(**state, gate="XNOR", biases=False).state())["out"][0] == 0
        now = compute(Xor(**state).state())
        for j in (0, 1):
            if f"Unit {j + 1} is 0" in now["sentence"]:
                then = call("(state) => descend(state, 5)", Xor(**state).state())
                assert [row[j] for row in then["W"]] == [row[j] for row in state["W"]]
                assert (then["c"][j], then["v"][j]) == (state["c"][j], state["v"][j])


def test_a_fold_that_is_nowhere(compute):
    got = compute(Xor(**ZERO).state())
    assert got["folds"] == [[], []]
    assert got["regions"] == got["border"] == []
    assert got["answer"] == [0, 0, 0, 0]


def test_the_module_is_one_file():
    source, style = module_source("xor"), style_source("xor")
    assert source.index("function liveRegion") < source.index("function drawInput")
    exports = ["export { compute, descend, PRESETS };", "export default { render };"]
    assert re.findall(r"^(?:export|import)\b.*", source, re.M) == exports
    assert "innerHTML" not in source
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(\s*['\"]?(?![#$])", source + style)
    assert ".gf-range" in style and ".gf-xor" in style
    assert Xor._esm is not None


STILLS = [
    {},
    {"gate": "XNOR", "biases": False, "W": [[1.2, -0.7], [-0.8, 0.9]], "v": [-2.3, 1.4]},
    {"bend": False},
    {"W": [[1, -1], [-1, 1]], "c": [0, 0], "v": [1, 1]},
    ZERO,
    {**ZERO, "d": 1, "bend": False},
]


@pytest.mark.parametrize("change", STILLS)
@pytest.mark.filterwarnings("error")
def test_still(change):
    still = Xor(**change).still()
    ET.fromstring(still)
    assert still == Xor(**change).still()
    assert len(still) < 60_000
    assert {"var(--fig-ink, #24262b)", "var(--fig-c0, #1f6f78)", "var(--fig-c1, #c2571a)"} <= set(
        re.findall(r"var\([^)]*\)", still)
    )


def test_the_still_draws_what_the_module_computes(compute):
    for state in list(random_states())[:30]:
        figure, got = Xor(**state), compute(state)
        x = np.array(CASES, dtype=float)
        np.testing.assert_allclose(figure._hidden(x), got["hidden"], rtol=0, atol=1e-9)
        assert figure._right() == [a == w for a, w in zip(got["answer"], got["wanted"], strict=True)]
        np.testing.assert_allclose(
            sorted(figure._hidden(piece).sum() for piece in figure._pieces()),
            sorted(np.sum(piece) for piece in got["sheet"]),
            rtol=0,
            atol=1e-9,
        )


def test_the_still_leaves_the_style_alone():
    from matplotlib import rcParams

    before = dict(rcParams)
    Xor().still()
    assert dict(rcParams) == before


def test_state_round_trip():
    figure = Xor(W=[[0.1, -0.7], [0.2, 3.5]], c=[1, 2], v=[-1, 0.5], d=-0.3, gate="NAND", bend=False, biases=False)
    state = json.loads(json.dumps(figure.state()))
    assert sorted(state) == ["W", "bend", "biases", "c", "d", "gate", "v"]
    assert Xor(**state).state() == state
    assert figure._repr_mimebundle_()[0][MIME]["state"] == state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W": [[1.0, 2.0]]}, "W must be 2 rows of 2 finite numbers, not [[1.0, 2.0]]."),
        ({"W": [[1.0, 2.0], [3.0]]}, "W must be 2 rows of 2 finite numbers, not [[1.0, 2.0], [3.0]]."),
        ({"W": [[1.0, 2.0], [3.0, math.nan]]}, "W must be 2 rows of 2 finite numbers, not [[1.0, 2.0], [3.0, nan]]."),
        ({"c": [1.0]}, "c must be 2 finite numbers, not [1.0]."),
        ({"v": [1.0, math.inf]}, "v must be 2 finite numbers, not [1.0, inf]."),
        ({"d": math.inf}, "d must be a finite number, not inf."),
        ({"gate": "NOR"}, "gate must be one of XOR, AND, OR, NAND, XNOR, not 'NOR'."),
        ({"bend": "no"}, "The 'bend' trait of a Xor instance expected a boolean"),
        ({"biases": 2}, "The 'biases' trait of a Xor instance expected a boolean"),
    ],
)
def test_a_bad_value_is_named(change, message):
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        Xor(**change)


def test_a_bad_change_leaves_the_state():
    figure = Xor()
    with pytest.raises(traitlets.TraitError, match="c must be 2 finite numbers"):
        figure.c = [1.0]
    with pytest.raises(traitlets.TraitError, match="expected a float"):
        figure.W = [["a", "b"], [1.0, 1.0]]
    assert (figure.W, figure.c) == ([[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0])
