"""The figures of tokens: each is a picture that says what it shows."""

import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import pytest

from glassformer.glass import figures
from glassformer.glass.figures.tokens import written
from glassformer.glass.style import svg
from glassformer.tokenize import Lattice

LATTICE = Lattice("low", {"l": -3.0, "o": -3.0, "w": -3.0, "lo": -2.0, "low": -1.0})
FIGURES = {
    "pieces": (lambda: figures.pieces({"BPE": [("low", 257), (b" e", 3)], "letters": [("l", None)] * 90}), "low | ␣e"),
    "lattice": (lambda: figures.lattice(LATTICE, LATTICE.viterbi(), "All ways"), "low 0.37"),
    "costs": (
        lambda: figures.costs({"Greek": {"a": 2.0, "b": 3.25}, "Thai": {"a": 4.0, "b": 1.0}}, "x", 1.0),
        "Thai a 4.0",
    ),
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("error")
def test_it_draws_and_says_what(name):
    make, said = FIGURES[name]
    figure = make()
    text = svg(figure)
    ET.fromstring(text)
    assert said in figure._glassformer_alt and len(text) < 100_000
    assert figure.get_figwidth() <= 7.2
    plt.close(figure)


def test_what_a_font_may_lack_is_spelled_out():
    assert written(b"\xf0\x9f") == "F0 9F" and written("👍") == "U+1F44D"
    assert written(" the\n") == "␣the↵" and written("▁да") == "▁да"
