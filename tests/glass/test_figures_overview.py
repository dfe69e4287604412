"""The drawings of sections 3 and 4: they say what they show, and a share is a part of the whole."""

import matplotlib.pyplot as plt
import pytest

from glassformer.glass import figures
from glassformer.glass.style import data_of, svg

FIGURES = {
    "pipeline": lambda: figures.pipeline([("tokenizer", "[13]"), ("embedding", "[13, 576]")]),
    "chain_and_web": lambda: figures.chain_and_web(["The", "old", "dog"]),
    "shares": lambda: figures.shares({"one": {"a": 3, "b": 1}, "two": {"a": 1, "b": 1}}, "Parts"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_it_says_what_it_shows_and_is_small(name):
    figure = FIGURES[name]()
    assert len(figure._glassformer_alt) > 40
    assert len(svg(figure)) < 100_000
    plt.close(figure)


def test_shares_add_up_to_the_whole_bar():
    figure = FIGURES["shares"]()
    assert "a 75%" in figure._glassformer_alt and "b 25%" in figure._glassformer_alt
    ends = [bar.get_x() + bar.get_width() for bar in figure.axes[0].patches]
    assert max(ends) == pytest.approx(1.0)
    assert data_of(figure)
    plt.close(figure)
