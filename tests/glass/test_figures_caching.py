"""The figures on the cache and on norms say what they show, and show what they are given."""

import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import pytest
import torch

from glassformer.glass import figures
from glassformer.glass.style import data_of, svg

CLOUD = torch.randn(7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
FIGURES = {
    "recomputed": lambda: figures.recomputed(list("abcdefg"), 4),
    "prefix_mask": lambda: figures.prefix_mask(5, 2, shift=0, title="off"),
    "growth": lambda: figures.growth({"a": ([1, 10], [2, 20]), "b": ([1, 10], [3, 3])}, "MB", {"weights": 7}),
    "roofline": lambda: figures.roofline(100, 10, {"read": [(0.5, 4), (64, 90)]}),
    "memory_map": lambda: figures.memory_map({"reserved": [1, 1, -1, -1, 2, -2, 0], "paged": [1, 1, 2]}, columns=4),
    "recall_by_window": lambda: figures.recall_by_window([4, 8], {"all": [3.0, 1.0], "some": [5.0, 1.0]}, "loss"),
    "onto_sphere": lambda: figures.onto_sphere({"before": CLOUD, "after": CLOUD / 2}, {"before": -1.0, "after": 1.7}),
    "parameter_shares": lambda: figures.parameter_shares({"m": {"a": 0.25, "b": 0.75}, "n": {"a": 0.95, "b": 0.05}}),
    "by_layer": lambda: figures.by_layer({"largest": [1, 100], "median": [1, 2]}, "size"),
    "paired": lambda: figures.paired({"one": [1.0, 1.2], "two": [0.9, 1.1]}, "loss"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_each_is_a_picture_with_words_and_small(name):
    figure = FIGURES[name]()
    picture = svg(figure)
    ET.fromstring(picture)
    assert len(picture) < 100_000 and figure.get_figwidth() <= 7.2
    assert figure._glassformer_alt.endswith(".") and len(figure._glassformer_alt) > 40
    assert "var(--fig-" in picture and data_of(figure)
    plt.close(figure)


def test_what_is_read_without_and_with_a_cache():
    alt = FIGURES["recomputed"]()._glassformer_alt
    assert f"{4 + 5 + 6} in all" in alt and f"{4 + 3 - 1} in all" in alt


def test_cells_of_a_wrong_mask_are_marked():
    assert "10 cells" in FIGURES["prefix_mask"]()._glassformer_alt
    assert "wrong" not in figures.prefix_mask(5, 2)._glassformer_alt


def test_the_memory_map_counts_tokens_and_empty_slots():
    alt = FIGURES["memory_map"]()._glassformer_alt
    assert "reserved: 3 of 7 slots hold tokens, 3 are reserved and empty." in alt and "paged: 3 of 3" in alt


def test_the_roof_is_the_smaller_limit():
    roof = FIGURES["roofline"]().axes[0].lines[0].get_xydata()
    assert all(abs(y - min(100, 10 * x)) < 1e-9 for x, y in roof)


def test_the_bars_of_a_model_fill_it():
    bars = FIGURES["parameter_shares"]().axes[0].patches
    assert sum(bar.get_width() for bar in bars) == pytest.approx(2)
