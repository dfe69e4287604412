"""The flow as text: it fits, and says what the trace says."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.glass.terminal import WIDTH, fit, flow, quoted
from glassformer.glass.trace import trace
from tests.glass.small import IDS, MODELS, Letters, beside, small


def columns(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.mark.parametrize("name", MODELS)
def test_every_line_fits_and_every_shape_is_there(name):
    found = trace(small(name), IDS, **beside(name))
    text = flow(found)
    assert max(map(columns, text.splitlines())) <= WIDTH
    for record in found.values():
        if "expert" not in record.title:
            shape = f"[{', '.join(record.shape.split())}] = {list(record.size)}"
            words = re.sub(r"^(encoder · )?layer \d+ · ", "", record.title)
            assert re.search(rf"^ *{words} +{re.escape(shape)} +{record.section}$", text, re.M), record
    for token, chance in found.likely(5):
        assert re.search(rf'^  "{token}" +{chance:.1%}', text, re.M)
    for i, norm in enumerate(found.norms()[1:, -1].tolist()):
        assert re.search(rf"^  layer {i} +{norm:.4g}  █", text, re.M)


def test_equal_layers_are_folded():
    assert "layer 0 to 2 (× 3)\n" in flow(trace(small(), IDS))
    assert "layer 1 to 2 (× 2)\n" in flow(trace(small("odd"), IDS)) and "layer 0\n" in flow(trace(small("odd"), IDS))
    both = flow(trace(small("translator"), IDS, **beside("translator")))
    assert "encoder layer 0 to 2 (× 3)\n" in both and "\nlayer 0 to 1 (× 2)\n" in both


def test_the_longest_bar_is_the_largest_length():
    text = flow(trace(small(), IDS))
    bars = {float(m[1]): len(m[2]) for m in re.finditer(r"^  (?:embedded|layer \d+) +(\S+)  (\S+)$", text, re.M)}
    assert len(bars) == 4 and [bars[x] for x in sorted(bars)] == sorted(bars.values()) and max(bars.values()) == 54


def test_what_was_not_kept_is_left_out():
    text = flow(trace(small(), IDS, taps="predictions"))
    assert "length of the residual stream" not in text and "most likely" in text


def test_a_token_cannot_steer_the_terminal():
    class Wild(Letters):
        def decode(self, ids):
            return ["\x1b[2J", "\r\n", "日本", "\u202e"][ids[0] % 4]

    text = flow(trace(small(), [0, 1, 2, 3], tokenizer=Wild()))
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert max(map(columns, text.splitlines())) <= WIDTH and '"日本"' in text


@given(st.text(), st.integers(2, 30))
def test_fit_fills_its_columns(text, width):
    fitted = fit(text, width)
    assert columns(fitted) == width
    assert fitted.rstrip(" ") == text.rstrip(" ") or fitted.rstrip(" ").endswith("…")
    assert quoted(text).isprintable()
