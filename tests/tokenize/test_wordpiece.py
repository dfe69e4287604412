"""WordPiece and BERT's words against the library, and its trainer against the likelihood counted from scratch."""

import math
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from glassformer.tokenize import WordPiece
from glassformer.tokenize.basic import words
from glassformer.tokenize.pairs import Pairs
from glassformer.tokenize.wordpiece import SPECIAL, likeliest

# The library's classes of characters are those of about Unicode 8. It agrees with Python on what was there in Unicode
# 3.2 and has kept its class since.
OLD = unicodedata.ucd_3_2_0
OLD_CHARACTERS = [
    c
    for c in map(chr, range(0x110000))
    if OLD.category(c) == unicodedata.category(c) and unicodedata.category(c) not in ("Cn", "Cs", "Co")
]
TEXT = st.lists(
    st.one_of(
        st.sampled_from([*"abcÉİΣς ,.'-\t\n", "ab", "日", "\u0301", "\x00", "\x0b", "\x85"]),
        st.sampled_from(OLD_CHARACTERS),
    ),
    max_size=25,
).map("".join)
TOKENS = [*SPECIAL, *"abceio,.'日σ", *(f"##{p}" for p in ("a", "b", "c", "ab", "bc", "σ")), "ab", "abc", "an"]


def library(tokens: list[str], lower: bool) -> Tokenizer:
    core = Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=lower)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.add_special_tokens(list(SPECIAL))
    return core


def library_words(text: str, lower: bool) -> list[str]:
    clean = normalizers.BertNormalizer(lowercase=lower).normalize_str(text)
    return [word for word, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(clean)]


@pytest.mark.parametrize("lower", [True, False])
def test_each_character_is_cleaned_folded_and_cut_as_in_the_library(lower: bool) -> None:
    text = "".join(f"a{c}b " for c in OLD_CHARACTERS)
    assert words(text, lower) == library_words(text, lower)


@pytest.mark.parametrize("lower", [True, False])
@given(text=TEXT)
def test_words_are_those_of_the_library(lower: bool, text: str) -> None:
    assert words(text, lower) == library_words(text, lower)


@pytest.mark.parametrize("lower", [True, False])
@given(text=TEXT)
def test_ids_are_those_of_the_library(lower: bool, text: str) -> None:
    assert WordPiece(TOKENS, lower).encode(text) == library(TOKENS, lower).encode(text).ids


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("abcab", ["abc", "##ab"]),  # the longest piece first, not "ab", "##c", …
        ("abd", ["[UNK]"]),  # the whole word is unknown if one piece is
        ("[MASK]ab[SEP]", ["[MASK]", "ab", "[SEP]"]),
        ("Áb", ["ab"]),
        ("a" * 100, ["a"] + ["##a"] * 99),
        ("a" * 101, ["[UNK]"]),
        ("", []),
    ],
)
def test_cutting(text: str, pieces: list[str]) -> None:
    ours = WordPiece(TOKENS)
    assert [ours.tokens[i] for i in ours.encode(text)] == pieces
    assert ours.encode(text) == library(TOKENS, True).encode(text).ids


def likelihood(split_words: list[tuple[list[int], int]]) -> float:
    counts: Counter[int] = Counter()
    for word, times in split_words:
        for token in word:
            counts[token] += times
    total = sum(counts.values())
    return sum(count * math.log(count / total) for count in counts.values())


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.integers(1, 9)), min_size=1, max_size=5)
)
def test_the_pair_joined_raises_the_likelihood_most(split_words: list[tuple[list[int], int]]) -> None:
    # Without a token twice in a row, where neighbors overlap and the count of pairs is not that of merges.
    split_words = [([t for i, t in enumerate(w) if i == 0 or w[i - 1] != t], n) for w, n in split_words]
    pairs = Pairs(split_words)
    chosen = likeliest(pairs)
    after = {}
    for pair in pairs.counts:
        trial = Pairs(split_words)
        trial.merge(pair, 9)
        after[pair] = likelihood(list(zip(trial.words, trial.times, strict=True)))
    assert (chosen is None) == (not after)
    if chosen is not None:
        # Sums in another order: equal to rounding, at some hundreds in size.
        assert after[chosen] == pytest.approx(max(after.values()), abs=1e-9)


def test_trained_pieces() -> None:
    ours = WordPiece.train("the theme of the thesis: the end. " * 3 + "Then them", 61)
    assert ours.tokens[:5] == list(SPECIAL)
    assert "the" in ours.ids
    assert ours.vocab <= 61
    assert ours.decode(ours.encode("The theme.")) == "the theme ."
    assert ours.encode("thesis of them") == library(ours.tokens, True).encode("thesis of them").ids


def test_training_ends_when_no_pair_is_left() -> None:
    ours = WordPiece.train("ab ab", 97)
    assert ours.tokens == [*SPECIAL, "##b", "a", "ab"]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: WordPiece.train("", 100), "texts must not be empty"),
        (lambda: WordPiece.train(" \n", 100), "texts must not be empty"),
        (lambda: WordPiece.train("abc", 7), r"vocab \(7\) must be at least 8"),
        (lambda: WordPiece(["a"]), r"'\[UNK\]'"),
        (lambda: WordPiece(["[UNK]", "a", "a"]), "'a' is there twice"),
        (lambda: WordPiece(["[UNK]"]).decode([1]), "from 0 to 0, not 1"),
        (lambda: WordPiece(["[UNK]"]).decode([-1]), "from 0 to 0, not -1"),
    ],
)
def test_what_does_not_fit_is_refused(made: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        made()  # type: ignore[operator]
