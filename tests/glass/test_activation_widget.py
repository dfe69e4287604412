"""The activation figure: its JavaScript against PyTorch and autograd, its still, its state and its errors."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import traitlets

from glassformer.glass.widgets import MIME, module_source, style_source
from glassformer.glass.widgets.activation import FLAT, FUNCTIONS, Activation
from tests.glass.script import evaluator

STATES = 100


@pytest.fixture(scope="module")
def evaluate():
    return evaluator("activation")


@pytest.fixture(scope="module")
def compute(evaluate):
    return lambda state: evaluate(f"compute({json.dumps(state)})")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compute_agrees_with_pytorch(compute, name):
    zs = [*np.random.default_rng(20250511).uniform(-6, 6, STATES).tolist(), -6.0, 0.0, 6.0]
    values, slopes = Activation(function=name).at(torch.tensor(zs, dtype=torch.float64))
    for z, value, slope in zip(zs, values.tolist(), slopes.tolist(), strict=True):
        got = compute({"function": name, "z": z})
        assert math.isclose(got["value"], value, abs_tol=1e-7)
        assert math.isclose(got["slope"], slope, abs_tol=1e-7)
        assert got["flat"] == (abs(slope) < FLAT)


def test_erf_agrees_with_pytorch(evaluate):
    xs = [*np.random.default_rng(3).uniform(-7, 7, 300).tolist(), 0.0, 1e-9, -30.0]
    expected = torch.erf(torch.tensor(xs, dtype=torch.float64))
    np.testing.assert_allclose(evaluate(f"{json.dumps(xs)}.map(erf)"), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_shade_is_where_the_slope_is_flat(evaluate, name):
    for start, end in evaluate(f"stretches({json.dumps(name)})"):
        z = torch.linspace(start, end, 50, dtype=torch.float64)
        assert (Activation(function=name).at(z)[1].abs() < FLAT).all()
    assert bool(evaluate(f"stretches({json.dumps(name)})"))


@pytest.mark.parametrize(
    ("function", "z", "sentence"),
    [
        ("tanh", 2, "tanh at 2: value 0.96, slope 0.07: nearly flat."),
        ("tanh", 0.5, "tanh at 0.5: value 0.46, slope 0.79."),
        (
            "tanh",
            -3,
            "tanh at −3: value almost −1, slope 0.01: saturated. "
            "The curve runs along −1, so nearly no gradient passes.",
        ),
        (
            "sigmoid",
            -6,
            "sigmoid at −6: value almost 0, slope almost 0: saturated. "
            "The curve runs along 0, so nearly no gradient passes.",
        ),
        ("ReLU", -1, "ReLU at −1: value 0, slope 0: flat. Below 0 no gradient passes."),
        (
            "ReLU",
            0,
            "ReLU at 0: value 0, slope 0: flat. At 0 PyTorch takes the slope to be 0, and below it no gradient passes.",
        ),
        ("ReLU", 3, "ReLU at 3: value 3, slope 1."),
        (
            "leaky ReLU",
            -2,
            "leaky ReLU at −2: value −0.02, slope 0.01. Below 0 it is nearly flat, but a hundredth of the gradient "
            "still passes.",
        ),
        (
            "GELU",
            -0.75,
            "GELU at −0.75: value −0.17, slope almost 0: flat. Here is the bottom of its dip, where the slope "
            "changes its sign.",
        ),
        (
            "GELU",
            -4,
            "GELU at −4: value almost 0, slope almost 0: saturated. "
            "The curve runs along 0, so nearly no gradient passes.",
        ),
        ("SiLU", 0, "SiLU at 0: value 0, slope 0.5."),
    ],
)
def test_the_sentence(compute, function, z, sentence):
    assert compute({"function": function, "z": z})["sentence"] == sentence


def test_the_module_is_one_file():
    source, style = module_source("activation"), style_source("activation")
    assert re.findall(r"^(?:export|import)\b.*", source, re.M) == ["export { compute };", "export default { render };"]
    assert "innerHTML" not in source
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(\s*['\"]?(?![#$])", source + style)
    assert ".gf-range" in style and ".gf-activation" in style


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("error")
def test_still(name):
    still = Activation(function=name, z=-6).still()
    ET.fromstring(still)
    assert still == Activation(function=name, z=-6).still()
    assert len(still) < 60_000
    assert {"var(--fig-ink, #24262b)", "var(--fig-c0, #1f6f78)", "var(--fig-c1, #c2571a)"} <= set(
        re.findall(r"var\([^)]*\)", still)
    )


def test_state_round_trip():
    figure = Activation(function="GELU", z=-1)
    state = json.loads(json.dumps(figure.state()))
    assert state == {"function": "GELU", "z": -1.0}
    assert Activation(**state).state() == state
    assert figure._repr_mimebundle_()[0][MIME]["state"] == state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"function": "relu"}, "function must be one of sigmoid, tanh, ReLU, leaky ReLU, GELU, SiLU, not 'relu'."),
        ({"z": 6.5}, "z must be from −6 to 6, not 6.5."),
        ({"z": math.nan}, "z must be from −6 to 6, not nan."),
        ({"z": "a"}, "The 'z' trait of an Activation instance expected a float"),
    ],
)
def test_a_bad_value_is_named(change, message):
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        Activation(**change)
