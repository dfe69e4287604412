import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure

from glassformer.glass.style import MIME, SERIES, VARIABLES, bundle, data_of, describe, svg, use_style


def draw():
    use_style()
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 3], [2, 4, 8], label="doubling")
    axes.scatter(range(100), np.arange(100) ** 2)
    axes.bar([1, 2], [3, 4])
    axes.imshow(np.zeros((3, 5)))
    axes.set_title("A title")
    axes.set_xlabel("x")
    axes.annotate("here", (1, 2))
    return figure


@pytest.fixture
def figure():
    return draw()


def test_svg_is_the_same_twice_and_reaches_nothing_else_on_a_page(figure):
    text = svg(figure)
    assert svg(draw()) == text
    ET.fromstring(text)
    assert "<style" not in text and "<metadata" not in text and "http://www.w3.org/2000/svg" in text
    assert ">A title</text>" in text  # text is kept as text


def test_colors_are_variables_with_fallbacks(figure):
    text = svg(figure)
    assert f"var(--fig-c0, {SERIES[0]})" in text and "var(--fig-ink" in text
    for color, name in VARIABLES.items():
        assert text.count(color) == text.count(f"var({name}, {color})")


def test_data_are_numbers_and_words(figure):
    (axes,) = data_of(figure)
    assert axes["words"] == ["A title", "x", "here"]
    assert axes["lines"] == [[1, 2, 2, 4, 3, 8]]
    assert axes["points"][0]["shape"] == [100, 2] and len(axes["points"][0]["sample"]) <= 20
    assert axes["images"] == [[0.0] * 15]
    assert len(axes["patches"]) == 8


def test_data_follow_a_change(figure):
    before = data_of(figure)
    figure.axes[0].lines[0].set_ydata([2, 4, 9])
    assert data_of(figure) != before


def test_bundle_has_the_description(figure):
    describe(figure, "A line and\n points.")
    assert bundle(figure)[MIME]["alt"] == "A line and points."


@pytest.mark.parametrize("alt", ["", "A line"])
def test_a_description_is_a_sentence(figure, alt):
    with pytest.raises(ValueError, match="alt must be a sentence"):
        describe(figure, alt)
