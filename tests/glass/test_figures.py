"""The drawn figures: each is a picture that says what it shows, and shows what it is given."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from glassformer.glass import figures
from glassformer.glass.figures import Plane
from glassformer.glass.style import data_of, svg

CASES = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
FIGURES = {
    "boxes": lambda: figures.boxes(["x = 3", "y = 6"], ["double"], ["slope 2"]),
    "cells": lambda: figures.cells({"a": [1.0, -2.0], "b": [0.0, 3.5]}, ["left", "right"], "A table"),
    "curves": lambda: figures.curves(
        {"up": ([1, 2, 3], [1, 10, 100]), "flat": ([1, 2, 3], [5, 5, 5])}, "x", "y", log=True
    ),
    "cycle": lambda: figures.cycle(["guess", "compare"]),
    "descents": lambda: figures.descents(np.square, {"slow": [3, 2.9], "fast": [3, -3.1]}),
    "gates": lambda: figures.gates({"update gate": torch.rand(5, 3, generator=torch.Generator().manual_seed(0))}),
    "layers": lambda: figures.layers([2, 5, 3], ["in", "hidden", "out"]),
    "lookup": lambda: figures.lookup(["love", "death"], 1, [[0.5, -1], [2, 3]]),
    "network": lambda: figures.network([["a", "b"], ["c"]], [[[1.0], [-2.0]]], ["in", "out"]),
    "orbits": lambda: figures.orbits({"before": CASES, "after": CASES / 2}),
    "planes": lambda: figures.planes(Plane("line", CASES, [0, 1, 1, 1], lambda x: x.sum(1) - 0.5, border=0.0)),
    "there_and_back": lambda: figures.there_and_back(
        [["x = 2", "x = 3"], ["h = 6"], ["L = 36"]], [["+3", ""], ["+12"], [""]], ["in", "hidden", "loss"], "Twice."
    ),
    "spread": lambda: figures.spread(
        {"a": ([1, 0.5], [0, 0.1]), "b": ([0.2, 0.1], [0, 0])}, [10, 40], "T", "right", 0.1
    ),
    "tangents": lambda: figures.tangents(np.square, lambda x: 2 * x, [3, -1, 0]),
    "unrolled": lambda: figures.unrolled(["a", "b"], ["h₁", "h₂"], "loss", ["slope", "× 0.5"]),
}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("error")
def test_a_figure_is_small_well_formed_and_says_what_it_shows(name):
    figure = FIGURES[name]()
    text = svg(figure)
    ET.fromstring(text)
    assert len(text) < 40_000 and text == svg(FIGURES[name]())
    assert figure._glassformer_alt.endswith(".") and len(figure._glassformer_alt) > 30


def test_the_words_of_a_figure_stay_as_they_are():
    figure = figures.curves({"a rate of 0.0912": ([0, 1], [0, 1])}, "x", "y", "learning rate 0.0912")
    assert ">learning rate 0.0912</text>" in svg(figure)


def test_the_ground_is_tinted_where_the_answer_is_yes():
    """The border between no and yes lies where the output is the border: here on the line x₁ + x₂ = 0.7."""
    (axes,) = figures.planes(Plane("line", CASES, [0, 1, 1, 1], lambda x: x.sum(1), border=0.7)).axes
    line = [c.get_paths()[0].vertices for c in axes.collections][-1]
    assert np.allclose(line.sum(1), 0.7, atol=1e-6)
    marks = [(line.get_marker(), *line.get_xydata()[0]) for line in axes.lines]
    assert marks == [("o", 0, 0), ("s", 0, 1), ("s", 1, 0), ("s", 1, 1)]


def test_cases_on_one_point_are_drawn_as_rings():
    (axes,) = figures.planes(Plane("folded", [[0, 0], [1, 0], [1, 0], [2, 1]], [0, 1, 1, 0])).axes
    assert [line.get_markersize() for line in axes.lines] == [8, 8, 13, 8]


def test_a_walk_is_drawn_on_the_curve():
    figure = figures.descents(np.square, {"one": [3.0, 2.4, 1.92]})
    lines = data_of(figure)[0]["lines"]
    assert lines[1] == [3.0, 9.0, 2.4, 5.76, 1.92, 3.6864]


def test_thinning_a_path_moves_it_by_less_than_anyone_can_see():
    from glassformer.glass.style import _corners

    x = np.linspace(0, 300, 2001)
    points = list(zip(x, 80 * np.sin(x / 20), strict=True))
    kept = np.array(_corners(points))
    assert len(kept) < 150
    assert np.abs(np.interp(x, *kept.T) - np.array(points)[:, 1]).max() < 0.5  # 0.1 across the line, more straight up
    assert _corners([(0.0, 0.0), (5.0, 0.0), (9.0, 0.0)]) == [(0.0, 0.0), (9.0, 0.0)]


@pytest.mark.parametrize("units", [1, 2, 3])
def test_the_units_of_a_network_stay_on_the_paper_and_apart(units):
    """Circles lie above the names at 0.22 and below the upper edge at 2.9, and do not overlap."""
    figure = figures.network([["u"] * units, ["v"]], [[[1.0]] * units], ["in", "out"])
    circles = [patch for patch in figure.axes[0].patches if patch.center[0] < 1]
    heights = sorted(circle.center[1] for circle in circles)
    assert heights[0] - 0.36 > 0.3 and heights[-1] + 0.36 < 2.9
    assert all(upper - lower > 0.72 for lower, upper in pairwise(heights))


def test_an_example_there_and_back_shows_every_value_and_every_slope():
    columns, slopes = [["x = 2", "x = 3"], ["h = 6"]], [["+3", "+2"], ["+1"]]
    figure = figures.there_and_back(columns, slopes, ["in", "out"], "Twice.")
    shown = {text.get_text().strip() for text in figure.axes[0].texts}
    assert {words for column in (*columns, *slopes) for words in column} < shown


def test_equal_shades_of_a_gate_are_one_rectangle_and_no_shade_is_lost():
    values = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 0.5], [0.8, 0.5], [0.8, 0.5]])
    (axes,) = figures.gates({"gate": values}).axes
    boxes = [(p.get_x(), p.get_y(), p.get_width(), round(p.get_alpha(), 2)) for p in axes.patches]
    assert boxes == [(0, 1, 3, 0.0), (3, 1, 2, 0.8), (0, 0, 2, 1.0), (2, 0, 3, 0.5)]
