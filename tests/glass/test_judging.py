import pytest

from glassformer.glass.figures import reliability, roc


def test_roc_draws_what_it_gets() -> None:
    figure = roc([0, 0.1, 1], {"one": [0.2, 0.7, 1], "two": [0.1, 0.3, 1]}, most=0.5)
    (axes,) = figure.axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.2, 0.7, 1], [0.1, 0.3, 1]]
    assert axes.get_xlim() == (0, 0.5) and "one, two" in figure._glassformer_alt


def test_reliability_shows_means_and_leaves_empty_bins_out() -> None:
    (axes,) = reliability({"one": [(10, 1.0, 2), (0, 0.0, 0), (5, 4.0, 3)]}).axes
    assert axes.lines[1].get_xydata().ravel().tolist() == pytest.approx([0.1, 0.2, 0.8, 0.6])
