"""The figures about positions: pictures that say what they show."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from glassformer.glass import figures
from glassformer.glass.style import svg
from glassformer.parts.position import sinusoids


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_waves_draw_the_columns_that_are_asked_for():
    table = sinusoids(torch.arange(40), 16)
    figure = figures.waves(table, [0, 6, 12])
    lines = [line.get_ydata() for line in figure.axes[0].lines if len(line.get_ydata()) == 40]
    np.testing.assert_allclose(lines[0] - 5, table[:, 0], atol=1e-6)
    np.testing.assert_allclose(lines[2], table[:, 12], atol=1e-6)
    assert len(svg(figure)) < 100_000


def test_looks_has_a_panel_for_each_scheme():
    even = np.full((3, 16), 1 / 16)
    near = np.eye(16)[[0, 0, 0]] + 1e-6
    figure = figures.looks({"even": even, "near": near, "third": even})
    assert [axes.get_title(loc="left") for axes in figure.axes[:3]] == ["even", "near", "third"]
    assert len(figure.axes[0].lines) == 4  # three heads and the line of equal weights
    assert "even, 50%" in figure._glassformer_alt and "near, 100%" in figure._glassformer_alt


def test_reach_marks_the_trained_length():
    figure = figures.reach({"one": {"a": [2, 2.5, 3]}, "two": {"b": [1, 1, 1], "c": [2, 2, 2]}}, length=8, wide=8)
    first = figure.axes[0].lines
    assert list(first[0].get_xdata()) == [4.5, 12.5, 20.5] and list(first[1].get_xdata()) == [8, 8]
    assert "a ends at 3.00; b ends at 1.00" in figure._glassformer_alt
