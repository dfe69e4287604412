"""The rotary figure: its JavaScript against the library's rotation, its still, its state and its errors."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import traitlets

from glassformer.glass.widgets import MIME
from glassformer.glass.widgets.rotary import LAST, Rotary
from glassformer.parts.rotary import Rotary as Rotation
from tests.glass.script import evaluator

STATES = 100


@pytest.fixture(scope="module")
def compute():
    evaluate = evaluator("rotary")
    return lambda state: evaluate(f"compute({json.dumps(state)})")


def random_states():
    """Any pair of heads of several widths, any base, any two vectors and positions."""
    rng = np.random.default_rng(20250404)
    for _ in range(STATES):
        d_k = int(rng.choice([2, 8, 64, 128]))
        yield {
            "query": rng.uniform(-2, 2, 2).tolist(),
            "key": rng.uniform(-2, 2, 2).tolist(),
            "m": int(rng.integers(LAST + 1)),
            "n": int(rng.integers(LAST + 1)),
            "d_k": d_k,
            "pair": int(rng.integers(d_k // 2)),
            "power": int(rng.integers(2, 7)),
        }


def library(state, m, n):
    """The vectors as the library turns them, in their pair of a head that is 0 elsewhere: ``[2, 2]``."""
    rotation, found = Rotation(state["d_k"], 10.0 ** state["power"]), []
    for vector, position in ((state["query"], m), (state["key"], n)):
        x = torch.zeros(1, 1, 1, state["d_k"], dtype=torch.float64)
        places = [state["pair"], state["pair"] + state["d_k"] // 2]
        x[..., places] = torch.tensor(vector, dtype=torch.float64)
        cos, sin = rotation.tables(torch.tensor([[position]]), position + 1)
        found.append(rotation(x, cos, sin)[0, 0, 0, places])
    return torch.stack(found)


def test_compute_agrees_with_the_library(compute):
    for state in random_states():
        got, turned = compute(state), library(state, state["m"], state["n"])
        np.testing.assert_allclose([got["q"], got["k"]], turned, rtol=0, atol=3e-5)  # the library's angles are float32
        np.testing.assert_allclose(got["score"], turned[0] @ turned[1], rtol=0, atol=1e-4)
        np.testing.assert_allclose([got["q"], got["k"]], Rotary(**state).turned(), rtol=0, atol=1e-9)
        assert got["score"] == pytest.approx(got["at"], abs=1e-9)
        assert got["at"] == pytest.approx(float(Rotary(**state).score(np.array(state["m"] - state["n"]))), abs=1e-9)


def test_the_score_depends_on_the_distance_only(compute):
    for state in random_states():
        shift = LAST - max(state["m"], state["n"])
        moved = compute({**state, "m": state["m"] + shift, "n": state["n"] + shift})
        assert moved["score"] == pytest.approx(compute(state)["score"], abs=1e-9)


def test_it_says_what_it_shows(compute):
    said = compute(Rotary(m=3, n=1, pair=0).state())["sentence"]
    assert said == (
        "The query at 3 is turned by 172°, the key at 1 by 57° (57° a position, once around in 6.3 positions). "
        "The distance is 2, the score −0.06."
    )


@pytest.mark.parametrize(
    "state",
    [
        {"m": -1}, {"n": LAST + 1}, {"pair": 32}, {"power": 7}, {"d_k": 7}, {"query": [1, 3]}, {"key": [1]},
    ],
)  # fmt: skip
def test_other_values_are_refused(state):
    with pytest.raises(traitlets.TraitError, match=f"^{next(iter(state))} must be"):
        Rotary(**state)


def test_the_still_is_a_drawing_and_the_bundle_holds_the_state():
    figure = Rotary()
    assert ET.fromstring(figure.still()).tag.endswith("svg")
    data = figure._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    assert data[MIME]["state"] == figure.state() and set(figure.state()) == {
        "query", "key", "m", "n", "d_k", "pair", "power"
    }  # fmt: skip
