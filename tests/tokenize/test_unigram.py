"""Unigram: the lattice against all cuts written out, ids against the library, and training against its promise."""

import math
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from glassformer.data.plays import plays
from glassformer.tokenize import Lattice, Unigram
from glassformer.tokenize.em import prune, seed, step
from glassformer.tokenize.lattice import log_add
from glassformer.tokenize.unigram import BYTES, words

SCORES = st.dictionaries(st.text("ABC", min_size=2, max_size=3), st.floats(-9, 3), max_size=9)
CHARACTERS = {"A": -1.5, "B": -2.25, "C": -0.5}


def all_cuts(text: str, scores: dict[str, float]) -> list[tuple[list[str], float]]:
    cuts = []
    for places in product([False, True], repeat=len(text) - 1):
        ends = [0, *(i + 1 for i, cut in enumerate(places) if cut), len(text)]
        pieces = [text[a:b] for a, b in pairwise(ends)]
        if all(piece in scores for piece in pieces):
            cuts.append((pieces, sum(scores[piece] for piece in pieces)))
    return cuts


@pytest.mark.parametrize(
    ("added", "best"),
    [
        ({}, "A B C"),
        ({"AB": 2.0}, "AB C"),
        ({"AB": 2.0, "BC": 5.0}, "A BC"),
        ({"AB": 2.0, "BC": 5.0, "ABC": 10.0}, "ABC"),
    ],
)
def test_sentencepiece_example(added: dict[str, float], best: str) -> None:
    # google/sentencepiece, src/unigram_model_test.cc
    lattice = Lattice("ABC", {"A": 0.0, "B": 0.0, "C": 0.0, **added})
    assert " ".join(lattice.viterbi()) == best


def test_sentencepiece_example_of_n_best() -> None:
    scores = {"A": 0.0, "B": 0.0, "C": 0.0, "AB": 2.0, "BC": 5.0, "ABC": 10.0}
    ways = Lattice("ABC", scores).n_best(5)
    assert [" ".join(pieces) for pieces, _ in ways] == ["ABC", "A BC", "AB C", "A B C"]
    assert [score for _, score in ways] == [10.0, 5.0, 2.0, 0.0]
    assert Lattice("ABC", scores).n_best(2) == ways[:2]


@given(text=st.text("ABC", min_size=1, max_size=8), pieces=SCORES, n=st.integers(1, 7))
def test_the_lattice_finds_what_writing_out_all_cuts_finds(text: str, pieces: dict[str, float], n: int) -> None:
    scores = {**CHARACTERS, **pieces}
    lattice, cuts = Lattice(text, scores), all_cuts(text, scores)
    ranked = sorted((score for _, score in cuts), reverse=True)
    best = lattice.viterbi()
    # Sums of at most 8 numbers in another order: equal to rounding in float64.
    assert "".join(best) == text
    assert sum(scores[piece] for piece in best) == pytest.approx(ranked[0], abs=1e-12)
    ways = lattice.n_best(n)
    assert [score for _, score in ways] == pytest.approx(ranked[:n], abs=1e-12)
    assert len({tuple(way) for way, _ in ways}) == len(ways)
    counts, log_p = lattice.expected()
    total = sum(math.exp(score) for _, score in cuts)
    assert log_p == pytest.approx(math.log(total), abs=1e-10)
    for piece in scores:
        expected = sum(math.exp(score) * way.count(piece) for way, score in cuts) / total
        assert counts.get(piece, 0.0) == pytest.approx(expected, abs=1e-10)


def test_a_long_text_does_not_underflow() -> None:
    counts, log_p = Lattice("A" * 5000, {"A": -1.0, "AA": -2.0}, longest=2).expected()
    # Each way has probability e^-5000, and there are Fibonacci(5001) of them.
    golden = (1 + math.sqrt(5)) / 2
    assert log_p == pytest.approx(5001 * math.log(golden) - math.log(math.sqrt(5)) - 5000, rel=1e-12)
    assert counts["A"] + 2 * counts["AA"] == pytest.approx(5000)
    assert log_add(-math.inf, -3.0) == -3.0


def library(scores: dict[str, float]) -> Tokenizer:
    core = Tokenizer(models.Unigram(list(scores.items()), unk_id=0, byte_fallback=BYTES[0] in scores))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    return core


@pytest.mark.parametrize("fallback", [False, True])
@given(
    pieces=st.dictionaries(
        st.text("abc▁é", min_size=1, max_size=4), st.integers(-40, 20).map(lambda n: n / 4), max_size=13
    ),
    text=st.text(st.sampled_from("aabbc é\u00e9日👍▁\n"), max_size=30),
)
def test_ids_are_those_of_the_library(fallback: bool, pieces: dict[str, float], text: str) -> None:
    # Scores in quarters: sums are exact and ties are frequent, so the rule for ties is tested too.
    scores = {"<unk>": 0.0, **(dict.fromkeys(BYTES, -11.0) if fallback else {}), **pieces}
    assert Unigram(scores).encode(text) == library(scores).encode(text).ids


PLAY = plays()[3].passages[:20]


@pytest.fixture(scope="module")
def trained() -> Unigram:
    return Unigram.train(PLAY, 151)


def test_training_gives_the_size_asked_for(trained: Unigram) -> None:
    assert trained.vocab == 151
    assert {c for text in PLAY for c in text.replace(" ", "▁")} <= trained.ids.keys()
    assert "▁the" in trained.ids
    pieces = [score for piece, score in trained.scores.items() if piece != "<unk>"]
    assert pieces == sorted(pieces, reverse=True)
    # The last step is a pruning, which does not share out the probability of what it dropped.
    assert 0.7 < sum(map(math.exp, pieces)) <= 1 + 1e-9


def test_ids_of_a_trained_one_are_those_of_the_library(trained: Unigram) -> None:
    text = " ".join(plays()[5].passages[:20]) + " 日本 x日"
    assert trained.encode(text) == library(trained.scores).encode(text).ids


@given(text=st.text(st.sampled_from("".join(sorted({c for text in PLAY for c in text}))), max_size=40))
def test_text_of_known_characters_comes_back(trained: Unigram, text: str) -> None:
    assert trained.decode(trained.encode(text)) == text


@given(text=st.text(max_size=40).filter(lambda text: "▁" not in text))
def test_any_text_comes_back_with_byte_pieces(trained: Unigram, text: str) -> None:
    with_bytes = Unigram({**trained.scores, **dict.fromkeys(BYTES, -20.0)})
    assert with_bytes.decode(with_bytes.encode(text)) == text


def test_the_likelihood_never_falls() -> None:
    counted = {"▁the": 7, "▁then": 3, "▁hen": 2, "▁net": 5, "▁tent": 1}
    scores, seen = seed(counted, 30, 4), []
    for _ in range(12):
        scores, likelihood = step(counted, scores)
        seen.append(likelihood)
    # What a piece with an expected count below 1e-6 takes along is far below this.
    assert all(later >= earlier - 1e-4 for earlier, later in pairwise(seen))
    assert seen[-1] > seen[0] + 1
    assert sum(map(math.exp, scores.values())) == pytest.approx(1)


def test_pruning_drops_what_costs_least() -> None:
    counted = {"abab": 5, "cd": 7, "ef": 50}
    scores = {**dict.fromkeys("abcdef", -3.0), "ab": -2.0, "cd": -2.0, "ef": -5.75, "abab": -3.9}
    # Lost without cd: 7 · (−2 + 6) = 28. Without ef, used most: 50 · (−5.75 + 6) = 12.5. Without abab: 5 · (−3.9 + 4).
    # Without ab: nothing, no best cut uses it. The characters stay.
    assert prune(counted, scores, 9).keys() == scores.keys() - {"ab"}
    assert prune(counted, scores, 8).keys() == scores.keys() - {"ab", "abab"}
    assert prune(counted, scores, 7).keys() == scores.keys() - {"ab", "abab", "ef"}


def test_seeds_are_the_characters_and_what_covers_most() -> None:
    found = seed({"abc": 4, "abd": 1, "xyz": 1}, 2, 3)
    assert set(found) == {*"abcdxyz", "abc", "ab"}  # 12 and 10 characters of text; bc covers 8; xyz occurs once
    assert set(seed({"ab": 2, "xyz": 1}, 99, 3)) == {*"abxyz", "ab"}
    assert max(map(len, seed({"abcd": 4}, 99, 2))) == 2


def test_words_keep_the_space_before_them() -> None:
    assert words(" a  b▁c") == ["▁a", "▁", "▁b", "▁c"]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: Unigram({"a": -1.0}), "'<unk>'"),
        (lambda: Unigram({"<unk>": 0.0}).decode([1]), "from 0 to 0, not 1"),
        (lambda: Unigram({"<unk>": 0.0}).decode([-1]), "from 0 to 0, not -1"),
        (lambda: Unigram.train("", 10), "texts must not be empty"),
        (lambda: Unigram.train("abc", 3), r"vocab \(3\) must be more than the 3 characters"),
        (lambda: Unigram.train("abc", 9, shrink=1.0), "shrink must be between 0 and 1, not 1.0"),
        (lambda: Lattice("aX", {"a": 0.0}), "text holds 'X', which no piece covers"),
        (lambda: Lattice("a", {"a": 0.0}).n_best(0), "n must be at least 1, not 0"),
    ],
)
def test_what_does_not_fit_is_refused(made: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        made()  # type: ignore[operator]
