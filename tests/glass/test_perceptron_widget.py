"""The interactive perceptron: its JavaScript against the library, its Python state, its still."""

import json
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import traitlets
from py_mini_racer import MiniRacer

from glassformer.glass.style import use_style
from glassformer.glass.widgets import MIME, module_source, style_source
from glassformer.glass.widgets.perceptron import Perceptron
from glassformer.parts.neuron import Neuron, identity, step

ACTIVATIONS = {"sigmoid": torch.sigmoid, "step": step, "identity": identity}
POINTS = [{"x": [6.0, 1.0, 13.0], "label": 1, "name": "A & <b>"}, {"x": [0.0, 0.0, 2.0], "label": 0, "name": "B"}]


@pytest.fixture(scope="module")
def compute():
    engine = MiniRacer()
    source = module_source("perceptron")
    engine.eval("\n".join(line for line in source.splitlines() if not line.startswith("export")))
    engine.eval("const call = (text) => JSON.stringify(compute(JSON.parse(text)))")
    return lambda state: json.loads(engine.call("call", json.dumps(state)))


def random_state(rng: np.random.Generator) -> dict:
    points = [
        {
            "x": [float(rng.uniform(0, 10)), int(rng.integers(2)), float(rng.uniform(0, 30))],
            "label": int(rng.integers(2)),
            "name": "m",
        }
        for _ in range(13)
    ]
    return {
        "points": points,
        "w": rng.uniform(-1, 1, 3).tolist(),
        "b": float(rng.uniform(-6, 6)),
        "free": int(rng.integers(2)),
        "activation": str(rng.choice(list(ACTIVATIONS))),
        "selected": int(rng.integers(13)),
    }


def boundary(w: list[float], c: float) -> np.ndarray | None:
    """The ends of w₁ x + w₃ y + c = 0 in the plane: where it meets the four edges, by solving for each."""
    hits = [(x, -(c + w[0] * x) / w[2]) for x in (0.0, 10.0)] + [(-(c + w[2] * y) / w[0], y) for y in (0.0, 30.0)]
    inside = sorted(
        {(round(x, 9), round(y, 9)) for x, y in hits if -1e-9 <= x <= 10 + 1e-9 and -1e-9 <= y <= 30 + 1e-9}
    )
    return np.array(inside) if len(inside) == 2 else None


def test_javascript_equals_the_library_on_random_states(compute):
    rng = np.random.default_rng(0)
    lines = 0
    for _ in range(100):
        state = random_state(rng)
        result = compute(state)
        neuron = Neuron(torch.tensor(state["w"], dtype=torch.float64), state["b"]).double()
        x = torch.tensor([p["x"] for p in state["points"]], dtype=torch.float64)
        with torch.no_grad():
            neuron.weight.copy_(torch.tensor(state["w"], dtype=torch.float64))
            neuron.bias.fill_(state["b"])
            z = neuron.weighted_sum(x)
        out = ACTIVATIONS[state["activation"]](z)
        np.testing.assert_allclose(result["z"], z.numpy(), rtol=0, atol=1e-6)
        np.testing.assert_allclose(result["out"], out.numpy(), rtol=0, atol=1e-6)
        predicted = (z >= 0).int().tolist()  # the output is at least one half exactly where z is at least 0
        assert result["predicted"] == predicted
        assert result["correct"] == sum(p == m["label"] for p, m in zip(predicted, state["points"], strict=True))
        expected = boundary(state["w"], state["b"] + state["w"][1] * state["free"])
        assert (result["boundary"] is None) == (expected is None)
        if expected is not None:
            lines += 1
            np.testing.assert_allclose(sorted(map(tuple, result["boundary"])), expected, rtol=0, atol=1e-6)
    assert 30 < lines < 100, "states with and without a boundary in view were met"


def test_the_sentence_says_the_calculation(compute):
    state = {"points": POINTS, "w": [0.3, 0.8, 0.1], "b": -2.0, "free": 1, "activation": "sigmoid", "selected": 0}
    sentence = compute(state)["sentence"]
    assert "z = 0.3·6 + 0.8·1 + 0.1·13 − 2 = 1.9, so the output is 0.87: spam" in sentence
    assert sentence.endswith("2 of 2 e-mails are on the right side.")


@pytest.mark.parametrize("w", [[0.0, 0.8, 0.1], [0.3, 0.8, 0.0], [0.0, 0.0, 0.0]])
def test_weights_of_zero(compute, w):
    result = compute({"points": POINTS, "w": w, "b": -0.9, "free": 0, "activation": "step", "selected": 1})
    line = result["boundary"]
    if not any((w[0], w[2])):
        assert line is None
    else:
        for x, y in line:
            assert math.isclose(w[0] * x + w[2] * y, 0.9, abs_tol=1e-9)


def test_module_is_common_part_and_own_part():
    source = module_source("perceptron")
    assert source.index("function html(") < source.index("function compute(")
    assert source.count("export default") == 1
    assert ".gf-range" in style_source("perceptron")


def test_state_and_bundle():
    figure = Perceptron(POINTS, b=-1.0)
    expected = {"points": POINTS, "w": [0.3, 0.8, 0.1], "b": -1.0, "free": 1, "activation": "sigmoid", "selected": 0}
    assert figure.state() == expected
    bundle = figure._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data[MIME]["module"] == "perceptron" and data[MIME]["state"] == expected
    assert "application/vnd.jupyter.widget-view+json" in data


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_still_is_deterministic_xml_in_theme_colors(activation):
    use_style()
    stills = [Perceptron(POINTS, activation=activation, b=b).still() for b in (-2.0, -2.0, 9.0)]
    assert stills[0] == stills[1] != stills[2]
    ET.fromstring(stills[0])
    assert "var(--fig-c0, #1f6f78)" in stills[0] and "var(--fig-ink" in stills[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w": [1.0, 2.0]}, r"w must be 3 weights, one for each feature, not \[1\.0, 2\.0\]"),
        ({"free": 2}, "free must be 0 or 1, not 2"),
        ({"activation": "relu"}, "activation must be sigmoid or step or identity, not 'relu'"),
        ({"selected": 2}, "selected must be the number of one of 2 e-mails, not 2"),
        ({"points": []}, "points must be at least one"),
        ({"points": [{"x": [1, 2, 3], "label": 0, "name": ""}]}, "points must be at least one"),
    ],
)
def test_bad_values_name_argument_rule_and_value(change, message):
    with pytest.raises(traitlets.TraitError, match=message):
        Perceptron(**{"points": POINTS, **change})
