"""The figures of a model: each shows what it is given, is small, and says what it shows."""

import re
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from glassformer.glass.figures.attention import attention_pattern, heads_grid, shown
from glassformer.glass.figures.stream import lens_table, next_tokens, residual_norms
from glassformer.glass.lens import lens, top_tokens
from glassformer.glass.style import svg
from glassformer.glass.trace import trace
from tests.glass.small import Letters, small

TEXT = "$The cat"


@pytest.fixture(scope="module")
def found():
    return trace(small(), TEXT, tokenizer=Letters())


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def weights(tokens, heads=1, keys=None, seed=5):
    keys = keys or tokens
    table = np.random.default_rng(seed).dirichlet(np.ones(keys), (heads, tokens))
    return np.tril(table) / np.tril(table).sum(-1, keepdims=True)


FIGURES = {
    "attention": lambda t: attention_pattern(t.attention(1)[2], t.tokens, "layer 1, head 2"),
    "attention of 13 tokens": lambda t: attention_pattern(weights(13)[0], [f" w{i}" for i in range(13)]),
    "attention of 60 tokens": lambda t: attention_pattern(weights(60)[0], [f" w{i}" for i in range(60)]),
    "cross": lambda t: attention_pattern(weights(5, keys=3)[0], list("abcde"), "cross", keys=list("xyz")),
    "heads": lambda t: heads_grid(t.attention(1), "layer 1"),
    "many heads": lambda t: heads_grid(weights(31, 32), "layer 7", columns=4),
    "norms": lambda t: residual_norms(t.norms(), t.tokens, "The stream"),
    "norms of one token": lambda t: residual_norms(t.norms()[:, :1], t.tokens[:1]),
    "lens": lambda t: lens_table(top_tokens(lens(small(), t), t.decode), t.tokens, "The lens"),
    "next": lambda t: next_tokens(t.likely(8), "After “t”"),
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("error")
def test_a_figure_is_small_well_formed_and_says_what_it_shows(name, found):
    figure = FIGURES[name](found)
    text = svg(figure)
    ET.fromstring(text)
    assert len(text) < 100_000 and text == svg(FIGURES[name](found))
    assert figure._glassformer_alt.endswith(".") and len(figure._glassformer_alt) > 60
    assert figure.get_figwidth() <= 6.2  # on a phone of 390 px a word of 8.5 pt is then over 7 px high
    assert set(re.findall(r"#[0-9a-f]{6}", text)) <= {"#24262b", "#c9c6bd", "#fdfcf8", "#1f6f78", "#c2571a"}


def test_cells_are_where_the_weights_are():
    table = np.array([[1.0, 0, 0], [0.25, 0.75, 0], [0, 0.5, 0.5]])
    (axes,) = attention_pattern(table, ["a", "b", "c"]).axes
    drawn = np.zeros((3, 3))
    for patch in axes.patches:
        for row, column in np.ndindex(3, 3):
            if patch.get_path().contains_point((column + 0.5, row + 0.5)):
                drawn[row, column] = patch.get_alpha() / 0.5
    np.testing.assert_allclose(drawn, table)
    assert [(t.get_text(), t.get_position()) for t in axes.texts][:2] == [("100", (0.5, 0.5)), ("25", (0.5, 1.5))]
    assert axes.yaxis_inverted()


def test_the_most_read_token_is_named():
    figure = attention_pattern([[1, 0], [0.9, 0.1]], [" x", "y"], "layer 0, head 0")
    assert "The last token, 'y', reads most from ' x': 90%." in figure._glassformer_alt


def test_the_lens_says_when_the_answer_settled():
    rows = [[[("a", 0.2)]], [[("b", 0.3)]], [[("c", 0.6)]], [[("c", 0.9)]]]
    figure = lens_table(rows, ["x"])
    assert "After 'x' it is 'c' at the end, and has been since layer 1." in figure._glassformer_alt
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["embedded", "layer 0", "layer 1", "layer 2"]
    assert [t.get_text() for t in axes.texts] == ["a", "b", "c", "c"]
    np.testing.assert_allclose([p.get_alpha() for p in axes.patches], [0.04 + 0.46 * p for p in (0.2, 0.3, 0.6, 0.9)])


def test_a_part_of_the_lens_names_its_own_layers():
    rows = [[[("a", 0.2)]], [[("b", 0.3)]], [[("c", 0.6)]]]
    figure = lens_table(rows, ["x"], start=15)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["layer 15", "layer 16", "layer 17"]
    assert "from layer 15 to layer 17" in figure._glassformer_alt and "since layer 17." in figure._glassformer_alt


def test_the_lens_shows_the_last_tokens_of_a_longer_text():
    words = list("abcdefghi")
    (axes,) = lens_table([[[(word.upper(), 0.5)] for word in words]] * 2, words).axes
    assert [t.get_text() for t in axes.get_xticklabels()] == words[3:]
    assert [t.get_text() for t in axes.texts] == 2 * [word.upper() for word in words[3:]]


def test_bars_and_lines_are_the_numbers(found):
    (axes,) = next_tokens([(" on", 0.5), ("$", 0.25)]).axes
    assert [p.get_width() for p in axes.patches] == [0.5, 0.25]
    (axes,) = residual_norms(found.norms(), found.tokens).axes
    drawn = np.stack([line.get_ydata() for line in axes.lines], 1)
    np.testing.assert_array_equal(np.sort(drawn, 1), np.sort(found.norms().double().numpy(), 1))


def test_a_token_is_shown():
    assert shown(" cat\n") == "␣cat↵" and shown("x" * 30) == "x" * 11 + "…"
    assert shown("$a$") == r"\$a\$" and shown("\x00") == "�"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: attention_pattern(np.ones((2, 3)), ["a", "b"]),
            "weights must be [2, 2], as the tokens are, not [2, 3].",
        ),
        (
            lambda: attention_pattern(torch.full((1, 1), torch.nan), ["a"]),
            "weights must be [T, S], none of them negative",
        ),
        (lambda: heads_grid(np.ones((2, 3))), "weights must be [H, T, S]"),
        (lambda: residual_norms(np.ones((2, 3)), ["a"]), "norms must be [N + 1, 1], as the tokens are, not [2, 3]."),
        (
            lambda: lens_table([[[("a", 1)]]], ["a", "b"]),
            "top must have 2 columns, one for each token, in every row, not [1].",
        ),
        (lambda: next_tokens([("a", 1.5)]), "likely must be tokens with probabilities between 0 and 1"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
