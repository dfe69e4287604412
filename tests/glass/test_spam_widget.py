"""The spam figure: its JavaScript against the library's MLP and Python's counting, its still, its state, its errors."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import traitlets

from glassformer.glass.widgets import MIME, module_source, style_source
from glassformer.glass.widgets.spam import ACTIVATIONS, EMAILS, Spam, features
from glassformer.models.mlp import MLP
from tests.glass.script import evaluator

STATES = 100
MONEY, ASK = ["free", "prize", "don't", "won"], ["click", "call", "won"]
PIECES = [
    "FREE",
    "free",
    "freedom",
    "Free!",
    "!!",
    "don't",
    "DON’T",
    "'free'",
    "won",
    "Call",
    "ſend",
    "\u212a",
    "İ!",
    "click-",
    "\n",
]
WEIGHTS = {"w1": [[0.9, -0.4], [1.2, 0.3], [-0.5, 0.8]], "b1": [-1.0, 0.2], "w2": [1.7, -0.6], "b2": -0.3}
TORCH = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}


@pytest.fixture(scope="module")
def compute():
    evaluate = evaluator("spam")
    return lambda state: evaluate(f"compute({json.dumps(state)})")


def random_states():
    rng = np.random.default_rng(20250401)
    for i in range(STATES):
        text = "".join(rng.choice([" ", " ", "", ", "]) + piece for piece in rng.choice(PIECES, rng.integers(0, 23)))
        yield {
            "weights": {
                "w1": rng.normal(size=(3, 2)).tolist(),
                "b1": rng.normal(size=2).tolist(),
                "w2": (3 * rng.normal(size=2)).tolist(),
                "b2": float(rng.normal()),
            },
            "activation": list(ACTIVATIONS)[i % 3],
            "money": MONEY,
            "ask": ASK,
            "emails": [{"text": "x", "label": 0}],
            "selected": 0,
            "text": text,
        }


@torch.no_grad()
def library(state, x):
    """The hidden values and the output z of the library's MLP in float64."""
    model, weights = MLP([3, 2, 1], TORCH[state["activation"]]).double(), state["weights"]
    model.layers[0].weight.copy_(torch.tensor(weights["w1"], dtype=torch.float64).T)
    model.layers[0].bias.copy_(torch.tensor(weights["b1"], dtype=torch.float64))
    model.layers[1].weight.copy_(torch.tensor([weights["w2"]], dtype=torch.float64))
    model.layers[1].bias.fill_(weights["b2"])
    x = torch.tensor(x, dtype=torch.float64)
    return model.hidden(x), model(x)[0]


def test_compute_agrees_with_the_library(compute):
    counted = np.zeros(3)
    for state in random_states():
        got, figure = compute(state), Spam(**state)
        x = features(state["text"], MONEY, ASK)
        assert got["features"] == x
        hidden, z = library(state, x)
        np.testing.assert_allclose(got["hidden"], hidden, rtol=0, atol=1e-6)
        assert math.isclose(got["z"], z, abs_tol=1e-6)
        assert math.isclose(got["p"], torch.sigmoid(z), abs_tol=1e-6)
        assert got["spam"] == bool(torch.sigmoid(z) >= 0.5)
        assert "".join(piece["text"] for piece in got["pieces"]) == state["text"]
        for part, expected in zip(figure.forward(), (x, hidden, got["p"]), strict=True):
            np.testing.assert_allclose(part, expected, rtol=0, atol=1e-9)
        counted += x
    assert counted.min() > STATES / 2


def test_what_is_sent_on_sums_up(compute):
    got = compute(Spam(weights=WEIGHTS, text="Free prize!! Click").state())
    np.testing.assert_allclose(np.sum(got["sent"][0], 0) + WEIGHTS["b1"], got["sums"], rtol=0, atol=1e-12)
    assert math.isclose(np.sum(got["sent"][1]) + WEIGHTS["b2"], got["z"], abs_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("", [0, 0, 0]),
        ("FREE, Free; free! freedom carefree free-range", [1, 4, 0]),
        ("don't DON'T don’t dont", [0, 2, 0]),
        ("won", [0, 1, 1]),  # in both lists
        ("'free'", [0, 0, 0]),  # an apostrophe is part of its word
        ("click!!call", [2, 0, 2]),
    ],
)
def test_features(compute, text, counts):
    assert features(text, MONEY, ASK) == counts
    assert compute(Spam(weights=WEIGHTS, money=MONEY, ask=ASK, text=text).state())["features"] == counts


def flat(z):
    """Weights whose output is z for every e-mail."""
    return {"w1": [[0, 0]] * 3, "b1": [0, 0], "w2": [0, 0], "b2": z}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"text": "Free prize money!! Click", "weights": flat(math.log(0.93 / 0.07))},
            "2 exclamation marks, 3 money words, 1 request: 0.93, spam.",
        ),
        (
            {"text": "Win! Call, reply", "weights": flat(-0.001)},
            "1 exclamation mark, 1 money word, 2 requests: under 0.5, not spam.",
        ),
        ({"text": "", "weights": flat(0)}, "0 exclamation marks, 0 money words, 0 requests: 0.5, spam."),
        ({"text": "", "weights": flat(-9)}, "0 exclamation marks, 0 money words, 0 requests: under 0.01, not spam."),
        (
            {"weights": flat(9)},
            "4 exclamation marks, 3 money words, 1 request: over 0.99, spam. Its label is spam.",
        ),
        (
            {"weights": flat(9), "selected": 3},
            "0 exclamation marks, 1 money word, 0 requests: over 0.99, spam. "
            "Its label is not spam: the network is wrong.",
        ),
    ],
)
def test_the_sentence(compute, change, sentence):
    assert compute(Spam(**change).state())["sentence"] == sentence


def test_the_module_is_one_file():
    source, style = module_source("spam"), style_source("spam")
    assert re.findall(r"^(?:export|import)\b.*", source, re.M) == ["export { compute };", "export default { render };"]
    assert "innerHTML" not in source
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(\s*['\"]?(?![#$])", source + style)
    assert ".gf-range" in style and ".gf-spam" in style


@pytest.mark.parametrize("change", [{}, {"text": ""}, {"activation": "relu", "text": "!" * 400}])
@pytest.mark.filterwarnings("error")
def test_still(change):
    still = Spam(weights=WEIGHTS, **change).still()
    ET.fromstring(still)
    assert still == Spam(weights=WEIGHTS, **change).still()
    assert len(still) < 60_000
    assert {"var(--fig-ink, #24262b)", "var(--fig-paper, #fdfcf8)"} <= set(re.findall(r"var\([^)]*\)", still))


def test_state_round_trip():
    figure = Spam(weights=WEIGHTS, activation="relu", money=["gold"], ask=["dig"], selected=2)
    state = json.loads(json.dumps(figure.state()))
    assert sorted(state) == ["activation", "ask", "emails", "money", "selected", "text", "weights"]
    assert state["text"] == EMAILS[2][0]
    assert Spam(**state).state() == state
    assert figure._repr_mimebundle_()[0][MIME]["state"] == state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": {"w1": [[1, 2]]}}, "weights must have w1, b1, w2 and b2, not w1."),
        ({"weights": {**WEIGHTS, "w1": [[1, 2]]}}, "weights['w1'] must be 3 rows of 2 finite numbers, not [[1, 2]]."),
        ({"weights": {**WEIGHTS, "b2": math.inf}}, "weights['b2'] must be a finite number, not inf."),
        ({"activation": "gelu"}, "activation must be one of tanh, sigmoid, relu, not 'gelu'."),
        ({"money": ["Free"]}, "money must hold words of the letters a to z and apostrophes, not 'Free'."),
        ({"ask": ["call me"]}, "ask must hold words of the letters a to z and apostrophes, not 'call me'."),
        ({"emails": []}, "emails must hold at least one e-mail, not []."),
        ({"emails": [{"text": "a"}]}, "emails[0] must have text and label; label is missing."),
        ({"emails": [{"text": "a", "label": 2}]}, "emails[0]['label'] must be 0 or 1, not 2."),
        ({"selected": 6}, "selected must be an index of the 6 emails, not 6."),
    ],
)
def test_a_bad_value_is_named(change, message):
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        Spam(**{"weights": WEIGHTS, **change})


def test_weights_are_never_invented():
    with pytest.raises(traitlets.TraitError, match="weights must be given: w1, b1, w2 and b2 of a trained network"):
        Spam()
