"""The figure of merges: its JavaScript against the library's tokenizer, its still, its state and its errors."""

import json
import random
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
import traitlets

from glassformer.data.plays import plays
from glassformer.glass.widgets import MIME, module_source, style_source
from glassformer.glass.widgets.merges import MOST, Merges
from glassformer.tokenize import BPE
from tests.glass.script import evaluator

TEXTS = 100
SCRIPTS = (
    (32, 126), (9, 13), (0xA0, 0x17F), (0x391, 0x3A1), (0x410, 0x44F), (0x5D0, 0x5EA), (0x627, 0x63A), (0x905, 0x939),
    (0x93E, 0x94D), (0xE01, 0xE3A), (0x2000, 0x200D), (0x2160, 0x2188), (0xBC, 0xBE), (0x3041, 0x3096),
    (0x4E00, 0x9FA5),
    (0xAC00, 0xD7A3), (0x1F300, 0x1F64F), (0x1F3FB, 0x1F3FF), (0xFE0F, 0xFE0F), (0xFEFF, 0xFEFF), (0, 31), (0x85, 0x85),
)  # fmt: skip
WORDS = (
    "the",
    "The",
    " king",
    "'s",
    "'LL",
    "don't",
    " 1984",
    "\n\n",
    "   ",
    "\t",
    " héros",
    "👍🏽",
    "🇮🇹",
    "e\u0301",
    "…",
)


@pytest.fixture(scope="module")
def bpe():
    return BPE.train((passage for passage in plays()[0].passages), 256 + 400)


@pytest.fixture(scope="module")
def evaluate():
    return evaluator("merges")


@pytest.fixture(scope="module")
def compute(evaluate):
    return lambda state: evaluate(f"compute({json.dumps(state)})")


def random_texts():
    """Texts of 0 to 60 characters or words, from many scripts, with signs that join and characters of control."""
    draw = random.Random(20261128)
    for number in range(TEXTS):
        if number % 3 == 0:
            yield "".join(chr(draw.randint(*draw.choice(SCRIPTS))) for _ in range(draw.randint(0, 60)))
        elif number % 3 == 1:
            yield "".join(draw.choice(WORDS) for _ in range(draw.randint(0, 40)))
        else:
            passage = draw.choice(plays()[draw.randrange(25)].passages)
            yield passage[: draw.randint(1, 200)] + chr(draw.randint(*draw.choice(SCRIPTS)))


def test_compute_agrees_with_the_library(bpe, compute):
    draw, merged = random.Random(1), 0
    for text in random_texts():
        used = draw.choice([0, 1, draw.randint(0, 400), 400])
        figure = Merges.of(bpe, text, used)
        got, library = compute(figure.state()), BPE(bpe.tokens, bpe.merges[:used])
        assert got["ids"] == library.encode(text) == figure.bpe().encode(text), text
        pieces = [bytes(piece) for word in got["pieces"] for piece in word]
        assert pieces == [bpe.tokens[i] for i in got["ids"]] and b"".join(pieces).decode() == text
        assert (got["bytes"], got["characters"]) == (len(text.encode()), len(text))
        merged += used > 0 and len(got["ids"]) < len(text.encode())
    assert merged > TEXTS / 3


def test_a_step_reaches_the_next_merge_that_changes_the_text(bpe, compute):
    text, used, seen = "the king and the thief", 0, []
    while True:
        got = compute(Merges.of(bpe, text, used).state())
        seen.append(got["ids"])
        if got["next"] < 0:
            break
        if got["next"] > used:  # no merge in between changes anything
            assert BPE(bpe.tokens, bpe.merges[: got["next"]]).encode(text) == got["ids"]
        used = got["next"] + 1
        assert compute(Merges.of(bpe, text, used).state())["last"] == used - 1
    assert seen[-1] == bpe.encode(text) and len(seen) > 5
    assert all(len(a) > len(b) for a, b in pairwise(seen))


def test_two_merges_that_make_the_same_bytes_make_one_token(compute):
    table = [[64, 64], [64, 256], [256, 64]]  # aa, a + aa, aa + a: the last two make the same
    for used in range(4):
        figure = Merges(table=table, text="aaaa aaa", used=used)
        assert compute(figure.state())["ids"] == figure.bpe().encode("aaaa aaa")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "With 0 merges, 7 bytes are 7 tokens: 75, 78, 86, 220, 75, 78, 86. No merge has changed this text. "
        "The next one "
             "that changes it is number 1, “l” + “o”."),
        ({"used": 2}, "With 2 merges, 7 bytes are 3 tokens: 257, 220, 257. The latest merge used here is number "
        "2, “lo” + “w”. "
                      "No later one changes it."),
        ({"text": "é", "used": 1}, "With 1 merge, 2 bytes are 2 tokens: 127, 102. No merge has changed this "
        "text. No later one "
                                   "changes it."),
        ({"text": ""}, "There is no text, so there are no tokens."),
    ],
)  # fmt: skip
def test_the_sentence(compute, change, sentence):
    state = {"text": "low low", "table": [[75, 78], [256, 86]], "used": 0} | change
    assert compute(Merges(**state).state())["sentence"] == sentence


def test_a_long_text_is_cut(compute):
    got = compute(Merges(text="👍" * (MOST + 1)).state())
    assert got["characters"] == MOST and got["bytes"] == 4 * MOST
    assert got["sentence"].endswith("Only the first 300 characters are read.")


def test_tokens_are_shown(evaluate):
    shown = [evaluate(f"shown({list(text)})") for text in (b" the", b"\n", b"\xf0\x9f", b"\x91", "é👍".encode(), b"\0")]
    assert [(s["text"], s["raw"]) for s in shown] == [
        ("␣the", False), ("↵", False), ("F0 9F", True), ("91", True), ("é👍", False), ("00", True),
    ]  # fmt: skip


def test_the_module_is_one_file():
    source, style = module_source("merges"), style_source("merges")
    assert re.findall(r"^(?:export|import)\b.*", source, re.M) == ["export { compute };", "export default { render };"]
    assert "innerHTML" not in source
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(\s*['\"]?(?![#$])", source + style)
    assert ".gf-range" in style and ".gf-merges" in style


@pytest.mark.parametrize("text", ["low lower", "", "$5 👍 नमस्ते\n" * 5])
@pytest.mark.filterwarnings("error")
def test_still(text):
    still = Merges(text=text).still()
    ET.fromstring(still)
    assert still == Merges(text=text).still() and len(still) < 400_000


def test_state_round_trip(bpe):
    figure = Merges.of(bpe, "to be", 7)
    state = json.loads(json.dumps(figure.state()))
    assert sorted(state) == ["table", "text", "used"]
    assert Merges(**state).state() == state == figure._repr_mimebundle_()[0][MIME]["state"]
    assert figure.bpe().tokens == bpe.tokens


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"table": [[75, 256]]},
            "table must hold pairs of ids that exist by then, from 0 to 255; number 0 is [75, 256].",
        ),
        (
            {"table": [[75, 78], [1]]},
            "table must hold pairs of ids that exist by then, from 0 to 256; number 1 is [1].",
        ),
        ({"used": 1}, "used must be from 0 to 0, the merges of table, not 1."),
        ({"text": 3}, "The 'text' trait of a Merges instance expected a unicode string"),
    ],
)
def test_a_bad_value_is_named(change, message):
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        Merges(**change)


def test_another_rule_is_refused():
    with pytest.raises(ValueError, match="must be split by the rule 'gpt-2'"):
        Merges.of(BPE.train("a 1", 257, rule="smollm"), "a")
