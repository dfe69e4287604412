"""The figures on generation: what they draw, what they say, and what they refuse."""

import matplotlib.pyplot as plt
import pytest

from glassformer.glass.figures import beam_tree, entropies, rules, ways


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_rules_cross_out_what_is_cut():
    figure = rules([" a", "\n"], {"all": [0.7, 0.3], "cut": [1.0, 0.0], "third": [0.5, 0.5]})
    assert len(figure.axes[1].lines[0].get_xdata()) == 1
    assert not len(figure.axes[0].lines[0].get_xdata())
    assert not figure.axes[3].get_visible()


def test_the_tree_needs_parents_and_marks_the_best():
    levels = [[((" a",), -1.0), ((" b",), -2.0)], [((" b", " c"), -2.1), ((" a", " d"), -3.0)]]
    figure = beam_tree(levels)
    bold = [text.get_text() for text in figure.axes[0].texts if text.get_weight() == "bold"]
    assert bold == ["b\n−2.00", "c\n−2.10"]
    with pytest.raises(ValueError, match="levels must hold the parent of every beam"):
        beam_tree([levels[0], [((" x", " c"), -2.1)]])


def test_curves_and_points():
    assert len(entropies([1, 2], {"a": [0.1, 0.2], "b": [1, 2]}).axes[0].lines) == 2
    assert len(ways({"greedy": (-1.0, 0.4), "other": (-2.0, 0.9)}).axes[0].lines) == 2
