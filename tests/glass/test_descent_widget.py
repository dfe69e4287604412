"""The descent figure: its JavaScript against autograd and the library's optimizers, its still, its state and errors."""

import json
import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
import torch
import traitlets
from torch.nn.functional import binary_cross_entropy_with_logits

from glassformer.glass.widgets import MIME, module_source, style_source
from glassformer.glass.widgets.descent import LOSSES, Descent
from glassformer.train.optimizer import Adam, GradientDescent, Momentum, RMSProp
from tests.glass.script import evaluator

OPTIMIZERS = {"gradient descent": GradientDescent, "momentum": Momentum, "RMSProp": RMSProp, "Adam": Adam}
EXAMPLES = 11
STATES = 100


@pytest.fixture(scope="module")
def evaluate():
    return evaluator("descent")


@pytest.fixture(scope="module")
def compute(evaluate):
    return lambda state: evaluate(f"(({{ heights, ...rest }}) => rest)(compute({json.dumps(state)}))")


def random_states():
    rng = np.random.default_rng(20250207)
    for i in range(STATES):
        labels = rng.integers(0, 2, EXAMPLES)
        yield {
            "surface": list(LOSSES)[i % 3],
            "data": [
                {"x": float(x), "label": int(y)} for x, y in zip(rng.normal(size=EXAMPLES) * 2, labels, strict=True)
            ],
            "start": (rng.uniform(-1, 1, 2) * [4, 2]).tolist(),
            "lr": float(10 ** rng.uniform(-3, 1)),
            "steps": int(rng.integers(0, 101)),
            "shown": list(OPTIMIZERS),
        }


def loss_of(state):
    x, y = (torch.tensor([float(e[key]) for e in state["data"]], dtype=torch.float64) for key in ("x", "label"))
    return {
        "long valley": lambda p: (p[0] ** 2 + 100 * p[1] ** 2) / 2,
        "cross-entropy": lambda p: binary_cross_entropy_with_logits(p[0] * x + p[1], y),
        "squared error": lambda p: torch.nn.functional.mse_loss(torch.sigmoid(p[0] * x + p[1]), y),
    }[state["surface"]]


def reference(state, kind):
    """Up to 100 steps of the library's own optimizer, its gradients from autograd, in float64."""
    place = torch.tensor(state["start"], dtype=torch.float64, requires_grad=True)
    optimizer, loss = kind([place], lr=state["lr"]), loss_of(state)
    places, losses = [], []
    while len(places) <= 100 and bool((place.detach().abs() <= 1e6).all()):
        optimizer.zero_grad()
        value = loss(place)
        value.backward()
        places.append(place.tolist())
        losses.append(value.item())
        optimizer.step()
    return places, losses


def follow(state, kind, path):
    """Every step of ``path`` done again by the library's optimizer, each from the place where the path has it."""
    place = torch.tensor(state["start"], dtype=torch.float64, requires_grad=True)
    optimizer, loss = kind([place], lr=state["lr"]), loss_of(state)
    for here in path[:-1]:
        place.data = torch.tensor(here, dtype=torch.float64)
        optimizer.zero_grad()
        loss(place).backward()
        optimizer.step()
        yield place.tolist()


def test_paths_agree_with_the_library(compute):
    """RMSProp over the neuron's losses is chaotic at a large rate: there starts 1e-12 apart end far apart, and whole
    paths cannot agree. So each of its steps is compared with the library's from the same place and with its memory."""
    diverged = 0
    for state in random_states():
        got = compute(state)["paths"]
        for name, kind in OPTIMIZERS.items():
            places, losses = got[name]["places"], got[name]["losses"]
            if name == "RMSProp" and state["surface"] != "long valley":
                assert len(places) == 101
                np.testing.assert_allclose(places[1:], list(follow(state, kind, places)), rtol=1e-6, atol=1e-6)
                values = [float(loss_of(state)(torch.tensor(p, dtype=torch.float64))) for p in places[::10]]
                np.testing.assert_allclose(losses[::10], values, rtol=1e-6, atol=1e-9)
            else:
                expected = reference(state, kind)
                diverged += len(expected[0]) < 101
                assert len(places) == len(expected[0])
                np.testing.assert_allclose(places, expected[0], rtol=1e-6, atol=1e-6)
                np.testing.assert_allclose(losses, expected[1], rtol=1e-6, atol=1e-9)
    assert diverged >= 10  # the ends of diverging paths were really compared


def test_the_losses_keep_their_digits_far_away(evaluate):
    """Where sigmoid rounds to 0 or 1: the loss is −z or z, and the slope is still a number, not 0 / 0."""

    def at(surface, z, y):
        return evaluate(f"SURFACES['{surface}'].at([1, 0], [{{ x: {z}, label: {y} }}])")

    assert at("cross-entropy", -800, 1) == [800, 800, -1]
    assert at("cross-entropy", 800, 0) == [800, 800, 1]
    assert at("squared error", -800, 1) == [1, 0, 0]
    loss, _, slope = at("cross-entropy", 40, 1)
    assert math.isclose(loss, math.exp(-40), rel_tol=1e-12) and math.isclose(slope, -math.exp(-40), rel_tol=1e-12)


@pytest.mark.parametrize(
    ("surface", "lowest"), [("long valley", 0), ("cross-entropy", 0.5967931057), ("squared error", 0.2059946627)]
)
def test_the_lowest_place(compute, surface, lowest):
    state = Descent(surface=surface).state()
    got = compute(state)
    place = torch.tensor(got["minimum"], dtype=torch.float64, requires_grad=True)
    value = loss_of(state)(place)
    value.backward()
    assert math.isclose(got["lowest"], value.item(), rel_tol=1e-9, abs_tol=1e-12)
    assert math.isclose(got["lowest"], lowest, rel_tol=1e-9, abs_tol=1e-12)  # found by LBFGS
    assert place.grad.abs().max() < 1e-5


@pytest.mark.parametrize(
    ("name", "below", "above"), [("gradient descent", 0.01999, 0.02001), ("momentum", 0.03799, 0.03801)]
)
def test_the_bowl_s_limit(compute, name, below, above):
    """Beyond 2/100, with momentum 2·(1 + 0.9)/100, the height across the valley grows for ever; below it shrinks."""

    def across(lr):
        return [abs(b) for _, b in compute(Descent(lr=lr, start=[0, 2]).state())["paths"][name]["places"]]

    shrinking, growing = across(below), across(above)
    assert max(shrinking[-10:]) < max(shrinking[:10])
    assert max(growing[-10:]) > max(growing[:10])
    far = Descent(lr=1.5 * above, start=[0, 2], shown=[name], steps=100)
    assert f"{name} has diverged, its loss is over a million" in compute(far.state())["sentence"]


def test_divergence_ends_a_path(compute):
    got = compute(Descent(lr=10).state())["paths"]["gradient descent"]
    assert 1 < len(got["places"]) == len(got["losses"]) < 20
    assert np.abs(got["places"]).max() <= 1e6


FOUR = (
    "After 40 steps with learning rate 0.018: gradient descent has a loss of 1.43; momentum 0.111 "
    "(jumping to and fro); RMSProp 27.9; "
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, FOUR + "Adam 37.9. Each step of gradient descent crosses the valley, but lands lower."),
        ({"lr": 0.02, "shown": ["Adam"]}, "After 40 steps with learning rate 0.02: Adam has a loss of"),
        ({"lr": 0.022}, "gradient descent has diverged, its loss is over a million; momentum has a loss of 1.46"),
        ({"lr": 0.022}, "Beyond 2/100 = 0.02 each step of gradient descent overshoots by more than it corrects."),
        ({"lr": 0.02}, "At 2/100 = 0.02 each step of gradient descent lands just as high on the other side."),
        ({"lr": 0.04}, "Momentum can take more, but not beyond 2·(1 + 0.9)/100 = 0.038."),
        ({"lr": 0.022, "steps": 5}, "(higher than at the start)"),
        ({"lr": 0.001, "steps": 10, "shown": ["Adam"]}, "(hardly lower than at the start)."),
        (
            {"surface": "squared error"},
            "has a loss of 0.488 (hardly lower than at the start); momentum 0.485 (hardly lower than at the start)",
        ),
        ({"surface": "squared error"}, "The lowest loss on this map is 0.206."),
        ({"surface": "cross-entropy", "lr": 3}, "gradient descent has a loss of 3.25 (jumping to and fro)"),
        ({"steps": 1}, "After 1 step with"),
        ({"steps": 0, "shown": ["Adam"]}, "After 0 steps with learning rate 0.018: Adam has a loss of 119."),
        ({"shown": []}, "No optimizer is shown. Tick at least one."),
    ],
)
def test_the_sentence(compute, change, words):
    assert words in compute(Descent(**change).state())["sentence"]


def test_no_reason_where_it_does_not_apply(compute):
    for change in ({"start": [2, 0]}, {"shown": ["RMSProp", "Adam"]}, {"surface": "cross-entropy"}):
        assert "2/100" not in compute(Descent(lr=0.2, **change).state())["sentence"]


def test_the_rates_of_the_slider(evaluate):
    rates = evaluate("RATES")
    assert rates[0] == 0.001 and rates[-1] == 10 and {0.1, 0.018, 0.02, 1} <= set(rates)
    assert rates == sorted(rates) and max(b / a for a, b in pairwise(rates)) < 1.16
    assert evaluate("RATES.map(nearest)") == list(range(len(rates)))
    for name in LOSSES:  # what a change of the surface sets is what Python starts with
        figure = Descent(surface=name)
        assert evaluate(f"(({{ start, lr }}) => [start, lr])(SURFACES['{name}'])") == [figure.start, figure.lr]


def test_a_contour_lies_on_its_level(evaluate):
    """On the bowl's grid, ½ (w² + 100 b²) is 8 at both ends of every piece, up to the cells' straight edges."""
    pieces = np.array(evaluate("contour(explore('long valley').heights, 8)"))
    w, b = pieces[..., 0] / 60 * 8 - 4, pieces[..., 1] / 60 * 4 - 2
    assert len(pieces) > 100
    np.testing.assert_allclose((w**2 + 100 * b**2) / 2, 8, atol=0.1)


def test_the_module_is_one_file():
    source, style = module_source("descent"), style_source("descent")
    assert source.index("function liveRegion") < source.index("function drawPaths")
    assert re.findall(r"^(?:export|import)\b.*", source, re.M) == ["export { compute };", "export default { render };"]
    assert "innerHTML" not in source
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(\s*['\"]?(?!#)", source + style)
    assert ".gf-range" in style and ".gf-descent" in style
    assert Descent._esm is not None


STILLS = [
    {},
    {"lr": 0.2, "steps": 100},
    {"surface": "squared error", "steps": 100},
    {"surface": "cross-entropy", "lr": 10, "shown": ["RMSProp", "Adam", "momentum"]},
    {"surface": "cross-entropy", "data": [{"x": 0, "label": 1}], "steps": 0},
]


@pytest.mark.parametrize("change", STILLS)
@pytest.mark.filterwarnings("error")
def test_still(change):
    still = Descent(**change).still()
    ET.fromstring(still)
    assert still == Descent(**change).still()
    assert len(still) < 60_000
    assert {"var(--fig-ink, #24262b)", "var(--fig-c1, #c2571a)"} <= set(re.findall(r"var\([^)]*\)", still))


def test_the_still_leaves_the_style_alone():
    from matplotlib import rcParams

    before = dict(rcParams)
    Descent().still()
    assert dict(rcParams) == before


def test_the_still_walks_as_the_module_does(compute):
    for surface in LOSSES:
        figure = Descent(surface=surface)
        for name, path in compute(figure.state())["paths"].items():
            places, losses = figure._walk(name)
            np.testing.assert_allclose(places, path["places"][:41], atol=1e-6)
            np.testing.assert_allclose(losses, path["losses"][:41], atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_the_still_without_a_path():
    ET.fromstring(Descent(shown=[]).still())
    ET.fromstring(Descent(start=[10, 10]).still())  # the start lies off the map


def test_the_still_names_the_rate():
    assert "Long valley, learning rate 0.018" in Descent().still()


def test_state_round_trip():
    figure = Descent(surface="squared error", start=[0.5, -1.0], lr=0.7, steps=13, shown=["Adam", "momentum"])
    state = json.loads(json.dumps(figure.state()))
    assert sorted(state) == ["data", "lr", "shown", "start", "steps", "surface"]
    assert state["shown"] == ["momentum", "Adam"]
    assert Descent(**state).state() == state
    assert figure._repr_mimebundle_()[0][MIME]["state"] == state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surface": "saddle"}, "surface must be one of long valley, cross-entropy, squared error, not 'saddle'."),
        ({"start": [1.0]}, "start must be two numbers from -10 to 10, w and b, not [1.0]."),
        ({"start": [1.0, math.nan]}, "start must be two numbers from -10 to 10, w and b, not [1.0, nan]."),
        ({"lr": 0}, "lr must be from 0.001 to 10, not 0"),
        ({"lr": 11.0}, "lr must be from 0.001 to 10, not 11.0."),
        ({"lr": math.nan}, "lr must be from 0.001 to 10, not nan."),
        ({"steps": 101}, "steps must be from 0 to 100, not 101."),
        ({"shown": ["adam"]}, "shown must hold names out of gradient descent, momentum, RMSProp, Adam, not 'adam'."),
        ({"data": []}, "data must hold at least one example, not []."),
        ({"data": [{"x": 1}]}, "data[0] must have x and label; label is missing."),
        ({"data": [{"x": 1, "label": 2}]}, "data[0]['label'] must be 0 or 1, not 2."),
        ({"data": [{"x": math.inf, "label": 1}]}, "data[0]['x'] must be a finite number, not inf."),
        ({"data": [{"x": "many", "label": 1}]}, "data[0]['x'] must be a finite number, not 'many'."),
    ],
)
def test_a_bad_value_is_named(change, message):
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        Descent(**change)


def test_a_bad_change_leaves_the_state():
    figure = Descent()
    with pytest.raises(traitlets.TraitError, match="steps must be from 0 to 100"):
        figure.steps = -1
    assert figure.steps == 40
