"""The sampling figure: its JavaScript against the library's sampling, its still, its state and its errors."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import traitlets

from glassformer.generate.sampling import Sampling as Rules
from glassformer.glass.distributions import MOST, TEMPERATURES, distribution
from glassformer.glass.widgets.sampling import Sampling
from tests.glass.script import evaluator

STATES = 100


@pytest.fixture(scope="module")
def evaluate():
    return evaluator("sampling")


def test_compute_agrees_with_the_library(evaluate):
    rng = np.random.default_rng(12)
    inside = 0
    for _ in range(STATES):
        logits = torch.tensor(rng.normal(0, rng.uniform(0.5, 4), 300)).sort(descending=True).values
        rules = {
            "temperature": float(rng.choice(TEMPERATURES)),
            "top_k": int(rng.integers(1, MOST + 1)) if rng.random() < 0.5 else MOST + 1,
            "top_p": float(rng.uniform(0.1, 0.99)) if rng.random() < 0.5 else 1.0,
            "min_p": float(rng.uniform(0.001, 0.4)) if rng.random() < 0.5 else 0.0,
        }
        one = distribution("a", ["x"] * MOST, logits)
        got = evaluate(f"compute({json.dumps({'distributions': [one], 'prompt': 'a', **rules})})")
        sampling = Rules(
            temperature=rules["temperature"],
            top_k=rules["top_k"] if rules["top_k"] <= MOST else None,
            top_p=rules["top_p"],
            min_p=rules["min_p"] or None,
        )
        expected = sampling.probabilities(logits[None], torch.zeros(1, 0, dtype=torch.long))[0]
        assert got["keep"][:MOST] == (expected[:MOST] > 0).tolist()
        if got["inside"]:
            inside += 1
            whole = (logits / rules["temperature"]).softmax(0)
            assert got["mass"] >= float(whole[expected > 0].sum()) - 1e-4
            assert got["after"][0] <= float(expected[0]) + 1e-4
            continue
        kept = (logits / rules["temperature"]).softmax(0)[expected > 0].sum()
        np.testing.assert_allclose(got["after"][:MOST], expected[:MOST], atol=2e-4)
        assert math.isclose(got["after"][MOST], float(expected[MOST:].sum()), abs_tol=2e-4)
        assert math.isclose(got["mass"], float(kept), abs_tol=2e-4)
        assert math.isclose(got["entropy"], float(torch.special.entr(expected).sum()), abs_tol=3e-3)
    assert 0 < inside < STATES / 2


def test_the_sentence(evaluate):
    figure = Sampling(prompt="The capital of France is Paris, and the capital of Italy is", top_k=1)
    said = evaluate(f"compute({json.dumps(figure.state())})")["sentence"]
    assert said == (
        "One token survives, with 76.9 % of the mass. Entropy 0 nats. The most likely token, “␣Rome”, now has 100 %."
    )


def test_the_stored_distributions_are_whole():
    for one in Sampling().distributions:
        figure = Sampling(prompt=one["prompt"])
        assert math.isclose(sum(np.exp(one["logs"])) + np.exp(one["rest"][9]), 1, abs_tol=1e-3)
        assert math.isclose(sum(figure.probabilities()), 1)


@pytest.mark.filterwarnings("error")
def test_still_and_state():
    figure = Sampling(temperature=0.7, top_k=5)
    ET.fromstring(figure.still())
    assert len(figure.still()) < 60_000
    state = json.loads(json.dumps(figure.state()))
    assert Sampling(**state).state() == state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": "a"}, "prompt must be one of The capital"),
        ({"temperature": 0.0}, "temperature must be 0.1, 0.2, … 2.0, not 0.0."),
        ({"top_k": 0}, "top_k must be from 1 to 41, not 0."),
        ({"top_p": 0.0}, "top_p must be from 0.05 to 1.0, not 0.0."),
        ({"min_p": 0.6}, "min_p must be from 0.0 to 0.5, not 0.6."),
    ],
)
def test_a_bad_value_is_named(change, message):
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        Sampling(**change)


def test_too_few_logits_are_refused():
    with pytest.raises(ValueError, match=re.escape("tokens must be 40 of more than 40 logits, not 40 of 40.")):
        distribution("a", ["x"] * MOST, torch.zeros(MOST))
