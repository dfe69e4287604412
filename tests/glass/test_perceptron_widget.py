"""The perceptron figure: its JavaScript against NumPy, its still, its state and its errors."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import traitlets

from glassformer.glass.widgets import MIME, module_source, style_source
from glassformer.glass.widgets.perceptron import EMAILS, Perceptron, email, features
from tests.glass.script import evaluator

POINTS = 13
STATES = 100


@pytest.fixture(scope="module")
def compute():
    evaluate = evaluator("perceptron")
    return lambda state: evaluate(f"compute({json.dumps(state)})")


def random_states():
    rng = np.random.default_rng(20250131)
    for i in range(STATES):
        points = [
            {"x": [float(a), float(f), float(c)], "label": int(y), "name": f"e-mail {k}"}
            for k, (a, f, c, y) in enumerate(
                zip(
                    rng.integers(0, 11, POINTS),
                    rng.integers(0, 2, POINTS),
                    rng.integers(0, 31, POINTS),
                    rng.integers(0, 2, POINTS),
                    strict=True,
                )
            )
        ]
        yield {
            "points": points,
            "w": (rng.normal(size=3) * [0.6, 1.5, 0.2]).tolist(),
            "b": float(rng.normal() * 3),
            "free": int(rng.integers(0, 2)),
            "activation": ("sigmoid", "step", "identity")[i % 3],
            "selected": int(rng.integers(0, POINTS)),
        }


def reference(state):
    """The same by another road: a matrix product, and the line solved for one coordinate on each side of the plane."""
    x = np.array([p["x"] for p in state["points"]])
    z = x @ np.array(state["w"]) + state["b"]
    out = {"sigmoid": 0.5 * (1 + np.tanh(z / 2)), "step": np.heaviside(z, 1.0), "identity": z}[state["activation"]]
    predicted = (z >= 0).astype(int)
    w1, w2, w3 = state["w"]
    c = w2 * state["free"] + state["b"]
    ends = [(x1, (-c - w1 * x1) / w3) for x1 in (0.0, 10.0)] + [((-c - w3 * x3) / w1, x3) for x3 in (0.0, 30.0)]
    ends = sorted(end for end in ends if 0 <= end[0] <= 10 and 0 <= end[1] <= 30)
    return z, out, predicted, ends or None


def test_compute_agrees_with_numpy(compute):
    seen = {"boundary": 0, "none": 0}
    for state in random_states():
        got = compute(state)
        z, out, predicted, boundary = reference(state)
        np.testing.assert_allclose(got["z"], z, rtol=0, atol=1e-6)
        np.testing.assert_allclose(got["out"], out, rtol=0, atol=1e-6)
        assert got["predicted"] == predicted.tolist()
        assert got["correct"] == sum(p == q["label"] for p, q in zip(predicted, state["points"], strict=True))
        seen["none" if boundary is None else "boundary"] += 1
        if boundary is None:
            assert got["boundary"] is None
        else:
            np.testing.assert_allclose(got["boundary"], boundary, rtol=0, atol=1e-6)
        assert f"{got['correct']} of {POINTS} e-mails" in got["sentence"]
        assert ("outside the plane" in got["sentence"]) == (boundary is None)
    assert min(seen.values()) >= 10  # both cases were really tried


def test_the_worked_example(compute):
    got = compute(Perceptron().state())
    assert math.isclose(got["z"][0], 1.9, abs_tol=1e-12)
    assert got["sentence"] == (
        f"“{EMAILS[0][0]}”: z = 0.3·6 + 0.8·1 + 0.1·13 − 2 = 1.9, so the output is 0.87: spam, which is right. "
        "5 of 6 e-mails are on the right side."
    )
    np.testing.assert_allclose(got["boundary"], [[0, 12], [4, 0]], atol=1e-12)  # 0.3 x₁ + 0.1 x₃ = 1.2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation": "step"}, "so the output is 1: spam, which is right."),
        ({"activation": "identity"}, "so the output is z itself, not below 0: spam, which is right."),
        (
            {"w": [-0.3, 0, 0], "b": 0},
            "z = −0.3·6 + 0·1 + 0·13 + 0 = −1.8, so the output is 0.14: not spam, but it is spam.",
        ),
        ({"b": 30}, "so the output is over 0.99: spam"),
        ({"b": -30}, "so the output is under 0.01: not spam"),
    ],
)
def test_the_sentence(compute, change, words):
    assert words in compute(Perceptron(**change).state())["sentence"]


def test_no_line_without_weights_in_the_plane(compute):
    assert compute(Perceptron(w=[0, 0.8, 0]).state())["boundary"] is None


def test_the_module_is_one_file():
    source, style = module_source("perceptron"), style_source("perceptron")
    assert source.index("function liveRegion") < source.index("function drawPlane")
    assert re.findall(r"^(?:export|import)\b.*", source, re.M) == ["export { compute };", "export default { render };"]
    assert "innerHTML" not in source
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(\s*['\"]?(?!#)", source + style)
    assert ".gf-range" in style and ".gf-perceptron" in style
    assert Perceptron._esm is not None


def test_features_are_counted():
    assert features(EMAILS[0][0]) == [6, 1, 13]
    assert features("carefree") == [0, 0, 0]
    assert email("A free B!", 0) == {"x": [1, 1, 2], "label": 0, "name": "A free B!"}


STILLS = [
    {},
    {"free": 0, "activation": "identity"},
    {"activation": "step", "w": [-0.3, 0.8, -0.1], "b": 2},
    {"w": [0, 0.8, 0]},
    {"b": 40},
]


@pytest.mark.parametrize("change", STILLS)
@pytest.mark.filterwarnings("error")
def test_still(change):
    still = Perceptron(**change).still()
    ET.fromstring(still)
    assert still == Perceptron(**change).still()
    assert {"var(--fig-ink, #24262b)", "var(--fig-c0, #1f6f78)", "var(--fig-c1, #c2571a)"} <= set(
        re.findall(r"var\([^)]*\)", still)
    )


def test_the_still_leaves_the_style_alone():
    from matplotlib import rcParams

    before = dict(rcParams)
    Perceptron().still()
    assert dict(rcParams) == before


def test_state_round_trip():
    figure = Perceptron(w=[0.1, -0.7, 0.2], b=1.3, free=0, activation="step", selected=4)
    state = json.loads(json.dumps(figure.state()))
    assert sorted(state) == ["activation", "b", "free", "points", "selected", "w"]
    assert Perceptron(**state).state() == state
    assert figure._repr_mimebundle_()[0][MIME]["state"] == state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w": [1.0, 2.0]}, "w must be 3 finite numbers, not [1.0, 2.0]."),
        ({"w": [1.0, 2.0, math.nan]}, "w must be 3 finite numbers, not [1.0, 2.0, nan]."),
        ({"b": math.inf}, "b must be a finite number, not inf."),
        ({"free": 2}, "free must be 0 or 1, not 2."),
        ({"activation": "relu"}, "activation must be one of sigmoid, step, identity, not 'relu'."),
        ({"selected": 6}, "selected must be an index of the 6 points, not 6."),
        ({"points": []}, "points must hold at least one e-mail, not []."),
        ({"points": [{"x": [1, 2], "label": 0, "name": ""}]}, "points[0]['x'] must be 3 finite numbers, not [1, 2]."),
        ({"points": [{"x": [1, 0, 2], "label": 3, "name": ""}]}, "points[0]['label'] must be 0 or 1, not 3."),
        ({"points": [{"x": [1, 0, 2], "label": 1}]}, "points[0] must have x, label and name; name is missing."),
    ],
)
def test_a_bad_value_is_named(change, message):
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        Perceptron(**change)


def test_a_bad_change_leaves_the_state():
    figure = Perceptron()
    with pytest.raises(traitlets.TraitError, match="w must be 3 finite numbers"):
        figure.w = [1.0]
    with pytest.raises(traitlets.TraitError, match="expected a float"):
        figure.w = ["a", "b", "c"]
    assert figure.w == [0.3, 0.8, 0.1]
