"""Splitting rules: our spelling of the classes against the library's, for every character, and both on random text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from glassformer.tokenize.split import (
    ALIASES,
    LIBRARY,
    RULES,
    _spell,
    _unicode,
    canonical,
    cut_special,
    expressions,
    split,
)

# Characters that were assigned after this Python's Unicode are other characters to the library.
KNOWN = st.characters(exclude_categories=("Cs", "Cn"))
# Where rules have their edges: digits, runs of space and line breaks, apostrophes, other digits and other spaces.
EDGES = st.sampled_from(
    [*"ab1 \n\t\r'.,_s", "'S", "ſ", "½", "Ⅷ", "٣", "一", "é", "\u2028", "\xa0", "\x1c", "\x85", "  ", "👍🏽"]
)
TEXT = st.lists(st.one_of(EDGES, st.text(KNOWN, max_size=3)), max_size=12).map("".join)


def reference(text: str, rule: str) -> list[str]:
    cuts = [pre_tokenizers.Split(Regex(cut), "isolated") for cut in expressions(rule)]
    return [piece for piece, _ in pre_tokenizers.Sequence(cuts).pre_tokenize_str(text)]


@pytest.mark.parametrize("name", "LNSXOM")
def test_a_class_holds_the_same_characters_as_in_the_library(name: str) -> None:
    import re

    characters = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cs", "Cn")]
    ours = re.compile(_unicode()[name])
    library = pre_tokenizers.Split(Regex(LIBRARY[name]), "removed")
    for first in range(0, len(characters), 4096):
        block = "".join(characters[first : first + 4096])
        left = "".join(piece for piece, _ in library.pre_tokenize_str(block))
        assert ours.sub("", block) == left


@pytest.mark.parametrize("rule", RULES)
@given(text=TEXT)
def test_pieces_are_those_of_the_library(rule: str, text: str) -> None:
    assert split(text, rule) == reference(text, rule)


@pytest.mark.parametrize("rule", RULES)
@given(text=st.text(st.characters(max_codepoint=127), max_size=30))
def test_pieces_of_plain_text_are_those_of_the_library(rule: str, text: str) -> None:
    assert split(text, rule) == reference(text, rule)


@pytest.mark.parametrize("rule", RULES)
@given(text=st.text(max_size=30))
def test_pieces_joined_are_the_text(rule: str, text: str) -> None:
    assert "".join(split(text, rule)) == text


@pytest.mark.parametrize(
    ("rule", "pieces"),
    [
        ("gpt-2", ["In", " 1984", ",", " we", "'ll", "  ", " WE", "'", "LL"]),
        ("smollm", ["In", " ", "1", "9", "8", "4", ",", " we", "'ll", "  ", " WE", "'", "LL"]),
        ("llama-bpe", ["In", " ", "198", "4", ",", " we", "'ll", "  ", " WE", "'LL"]),
        ("qwen2", ["In", " ", "1", "9", "8", "4", ",", " we", "'ll", "  ", " WE", "'LL"]),
    ],
)
def test_rules_differ_where_they_should(rule: str, pieces: list[str]) -> None:
    assert split("In 1984, we'll   WE'LL", rule) == pieces


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rule 'tekken' is not known.*gpt-2"):
        split("text", "tekken")
    assert all(canonical(alias) == rule for alias, rule in ALIASES.items())


def test_a_class_that_is_not_known_stays_as_it_is() -> None:
    assert _spell("<L><Q>", LIBRARY) == r"\p{L}<Q>"


def test_of_special_tokens_that_begin_alike_the_longest_wins() -> None:
    assert list(cut_special("a<|x|>b<|x|>|", ["<|x", "<|x|>"])) == [
        ("a", False),
        ("<|x|>", True),
        ("b", False),
        ("<|x|>", True),
        ("|", False),
    ]
    assert list(cut_special("", ["<|x|>"])) == []
