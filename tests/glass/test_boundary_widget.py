"""The boundary figure: its JavaScript against the library's MLP, its recorded networks, its still, state and errors."""

import json
import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
import torch
import traitlets

from glassformer.data import recorded
from glassformer.glass.widgets import MIME, module_source, style_source
from glassformer.glass.widgets.boundary import Boundary, parameters
from glassformer.models.mlp import MLP
from tests.glass.script import evaluator

STATES = 100


@pytest.fixture(scope="module")
def evaluate():
    return evaluator("boundary")


@pytest.fixture(scope="module")
def compute(evaluate):
    return lambda state: evaluate(f"compute({json.dumps(state)})")


def network(rng, width, depth, problem="p"):
    sizes = [2, *[width] * depth, 1]
    weights = [[rng.normal(size=pair).tolist(), rng.normal(size=pair[1]).tolist()] for pair in pairwise(sizes)]
    accuracies = rng.uniform(size=rng.integers(1, 8)).tolist()
    return {"problem": problem, "width": width, "depth": depth, "accuracies": accuracies, "weights": weights}


def random_states():
    rng = np.random.default_rng(20250601)
    for i in range(STATES):
        width, depth = (2, 3, 5, 7)[i % 4], 1 + i % 3
        points = np.column_stack((rng.uniform(-1, 1, (11, 2)), rng.integers(0, 2, 11))).tolist()
        networks = [network(rng, width, depth)]
        yield {"networks": networks, "points": {"p": points}, "problem": "p", "width": width, "depth": depth}


def library(weights):
    """The same network as the library's MLP in float64."""
    model = MLP([len(weights[0][0]), *(len(b) for _, b in weights)], torch.tanh).double()
    with torch.no_grad():
        for layer, (weight, bias) in zip(model.layers, weights, strict=True):
            layer.weight.copy_(torch.tensor(weight, dtype=torch.float64).T)
            layer.bias.copy_(torch.tensor(bias, dtype=torch.float64))
    return model


def test_compute_agrees_with_the_library(compute):
    for state in random_states():
        got, model = compute(state), library(state["networks"][0]["weights"])
        points = torch.tensor(state["points"]["p"], dtype=torch.float64)
        with torch.no_grad():
            z = model(points[:, :2])[:, 0]
        np.testing.assert_allclose(got["z"], z, rtol=0, atol=1e-6)
        assert got["right"] == ((z >= 0) == (points[:, 2] == 1)).tolist()
        assert got["correct"] == sum(got["right"])
        numbers = sum(weight.numel() for weight in model.parameters())
        assert got["parameters"] == parameters(state["width"], state["depth"]) == numbers
        assert got["formula"].endswith(f" = {numbers}")
        left = got["formula"].split(" = ")[0].replace("·", "*")
        assert eval(left, {}) == numbers
        np.testing.assert_allclose(Boundary(**state).output(points[:, :2].numpy()), z, rtol=0, atol=1e-9)
        accuracies = state["networks"][0]["accuracies"]
        expected = [min(accuracies), np.median(accuracies), max(accuracies)]
        np.testing.assert_allclose([got["low"], got["middle"], got["high"]], expected, rtol=0, atol=1e-12)


def test_the_shades_are_those_of_the_library(evaluate):
    """Row by row from the top, at the middle of each cell; a cell on the edge of two shades is left out."""
    figure = Boundary(problem="spiral", width=8, depth=3)
    weights = figure.chosen()["weights"]
    got = np.array(evaluate(f"shades({json.dumps(weights)})"))
    line = 1.1 * (2 * (np.arange(72) + 0.5) / 72 - 1)
    x, y = np.meshgrid(line, line[::-1])
    with torch.no_grad():
        p = torch.sigmoid(library(weights)(torch.tensor(np.stack((x, y), -1)))[..., 0]).numpy()
    sure = abs(8 * p - np.round(8 * p)) > 1e-6
    sure |= (p < 0.1) | (p > 0.9)
    assert got.shape == (72, 72) and sure.mean() > 0.99
    np.testing.assert_array_equal(got[sure], np.minimum(7, np.floor(8 * p))[sure])


def test_what_is_recorded_is_what_is_computed(compute):
    """Every stored network has the accuracy that was measured, and it is the median one of its seeds."""
    found = recorded("boundary")
    assert len(found["networks"]) == 27
    for entry in found["networks"]:
        figure = Boundary(**{name: entry[name] for name in ("problem", "width", "depth")})
        got = compute(figure.state())
        assert math.isclose(got["correct"] / found["test"], entry["accuracy"], abs_tol=1e-9)
        assert math.isclose(got["middle"], entry["accuracy"], abs_tol=1e-9)
        assert len(entry["accuracies"]) == len(found["seeds"]) == 5
        assert entry["accuracies"][found["seeds"].index(entry["seed"])] == entry["accuracy"]
    for points in found["points"].values():
        assert len(points) == found["test"]
        assert sum(label for *_, label in points) == found["test"] / 2


def test_the_sentence(compute):
    state = Boundary().state()
    one = {"problem": "p", "width": 2, "depth": 1, "weights": [[[[0, 0], [0, 0]], [0, 0]], [[[0], [0]], [1]]]}
    state |= {"points": {"p": [[0, 0, 1], [0, 0, 1], [0, 0, 0]]}, "problem": "p", "width": 2, "depth": 1}
    got = compute({**state, "networks": [{**one, "accuracies": [0.5, 0.25, 1]}]})["sentence"]
    assert got == (
        "P, 1 hidden layer of 2 units, 9 parameters: this network is right on 2 of 3 test points. "
        "With 3 seeds the accuracy was from 0.25 to 1, with median 0.5."
    )
    got = compute({**state, "networks": [{**one, "accuracies": [0.5, 0.5]}]})["sentence"]
    assert got.endswith("With 2 seeds the accuracy was always 0.5.")


def test_the_module_is_one_file():
    source, style = module_source("boundary"), style_source("boundary")
    assert re.findall(r"^(?:export|import)\b.*", source, re.M) == ["export { compute };", "export default { render };"]
    assert "innerHTML" not in source
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(\s*['\"]?(?![#$])", source + style)
    assert ".gf-range" in style and ".gf-boundary" in style


@pytest.mark.parametrize("change", [{}, {"problem": "spiral", "width": 8, "depth": 3}])
@pytest.mark.filterwarnings("error")
def test_still(change):
    still = Boundary(**change).still()
    ET.fromstring(still)
    assert still == Boundary(**change).still()
    assert len(still) < 60_000
    assert {"var(--fig-ink, #24262b)", "var(--fig-c0, #1f6f78)", "var(--fig-c1, #c2571a)"} <= set(
        re.findall(r"var\([^)]*\)", still)
    )


def test_state_round_trip():
    figure = Boundary(problem="moons", width=4, depth=2)
    state = json.loads(json.dumps(figure.state()))
    assert sorted(state) == ["depth", "networks", "points", "problem", "width"]
    assert len(json.dumps(state)) < 40_000  # it stands on a page
    assert Boundary(**state).state() == state
    assert figure._repr_mimebundle_()[0][MIME]["state"] == state


ONE = network(np.random.default_rng(1), 2, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem": "xor"}, "problem must be one of circle, moons, spiral, not 'xor'."),
        ({"width": 3}, "width must be one of 2, 4, 8, not 3."),
        ({"depth": 4}, "depth must be one of 1, 2, 3, not 4."),
        ({"networks": []}, "networks must hold at least one network."),
        ({"networks": [{"problem": "p"}]}, "networks[0] must have problem, width, depth, accuracies, weights; width, "),
        ({"networks": [{**ONE, "depth": 2}]}, "networks[0]['weights'] must be 3 layers for depth 2, not 2."),
        ({"networks": [{**ONE, "width": 3}]}, "networks[0]['weights'][0][0] must be 2 rows of 3 finite numbers, not "),
        ({"networks": [{**ONE, "accuracies": [2]}]}, "networks[0]['accuracies'] must be numbers from 0 to 1, not [2]."),
        (
            {"networks": [ONE, network(np.random.default_rng(2), 3, 2)]},
            "networks must hold every width with every depth once for each problem; ('p', 2, 2) is there 0 times.",
        ),
        ({"networks": [ONE], "points": {"q": [[0, 0, 1]]}}, "points must hold points for each problem; 'p' has none."),
        ({"networks": [ONE], "points": {"p": [[0, 1]]}}, "points['p'] must be points of x, y and a label, not [0, 1]."),
        ({"networks": [ONE], "points": {"p": [[0, 0, 2]]}}, "points['p'] must have labels 0 or 1, not 2.0."),
    ],
)
def test_a_bad_value_is_named(change, message):
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        Boundary(**change)
