"""What is left out because it is there twice, or almost: never too much, and seldom too little."""

import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glassformer.data.plays import plays
from glassformer.train.data import Duplicate, deduplicate
from glassformer.train.data.deduplicate import shingles, similarity

WORDS = st.lists(st.sampled_from(["a", "b", "c", "A", "\n"]), max_size=9).map(" ".join)


def test_without_the_package_it_is_said_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketch", None)  # what Python takes for: not installed
    with pytest.raises(ImportError) as error:
        deduplicate(["one"])
    assert str(error.value) == (
        "deduplicate needs the package datasketch, which comes with pip install 'glassformer[train]'."
    )


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"threshold": 0.0}, "threshold must be above 0 and at most 1, not 0.0."),
        ({"threshold": 1.1}, "threshold must be above 0 and at most 1, not 1.1."),
        ({"threshold": float("nan")}, "threshold must be above 0 and at most 1, not nan."),
        ({"shingle": 0}, "shingle must be at least 1 and permutations at least 2, not 0 and 128."),
        ({"permutations": 1}, "shingle must be at least 1 and permutations at least 2, not 5 and 1."),
    ],
)
def test_an_argument_out_of_range_is_named(arguments, sentence):
    with pytest.raises(ValueError) as error:
        deduplicate(["one"], **arguments)
    assert str(error.value) == sentence


def test_shingles_are_runs_of_words_in_lower_case():
    assert shingles("To be  or\nnot", 3) == {"to be or", "be or not"}
    assert shingles("To be", 3) == {"to be"} and shingles(" ", 3) == {""}


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_similarity_is_jaccards_index(one, two):
    both = sum(element in one and element in two for element in range(10))
    either = sum(element in one or element in two for element in range(10))
    assert similarity(one, two) == (both / either if either else 1.0)


def passages(number, words=60):
    return [passage for passage in plays()[0].passages if len(passage.split()) > words][:number]


@pytest.fixture(scope="module", autouse=True)
def datasketch(request):
    return pytest.importorskip("datasketch", reason="needs datasketch: pip install 'glassformer[train]'")


def changed(text, word):
    """The same with one word replaced."""
    return " ".join("otherwise" if place == word else each for place, each in enumerate(text.split()))


def test_what_is_there_twice_is_found_among_much_that_is_not():
    texts = passages(40)
    near = changed(texts[7], 20)
    kept, left_out = deduplicate([*texts, texts[3], near, texts[3].upper()], 0.7)
    own = similarity(shingles(texts[7]), shingles(near))
    assert kept == list(range(40)) and 0.7 < own < 1
    assert left_out == [Duplicate(40, 3, 1.0), Duplicate(41, 7, own), Duplicate(42, 3, 1.0)]


def test_a_second_copy_of_what_was_left_out_is_no_more_similar_than_the_first():
    (text,) = passages(1)
    near = changed(text, 20)
    kept, left_out = deduplicate([text, near, near, text], 0.7)
    own = similarity(shingles(text), shingles(near))
    assert kept == [0] and left_out == [Duplicate(1, 0, own), Duplicate(2, 0, own), Duplicate(3, 0, 1.0)]


def test_the_most_similar_one_is_named_and_the_earliest_of_equals():
    """Of 100 words with n changed, 96 − 5n shingles of 96 + 5n are shared: 0.90, 0.81 and 0.73."""
    text = " ".join(f"word{number}" for number in range(100))
    one, other = changed(text, 20), changed(text, 50)
    both = changed(one, 50)
    far = changed(both, 80)
    assert deduplicate([far, text, one], 0.75) == ([0, 1], [Duplicate(2, 1, 91 / 101)])
    assert deduplicate([one, other, text], 0.85) == ([0, 1], [Duplicate(2, 0, 91 / 101)])
    assert deduplicate([text, one, both], 0.85) == ([0, 2], [Duplicate(1, 0, 91 / 101)]), (
        "what is left out counts no more"
    )


@given(st.lists(WORDS, max_size=12), st.sampled_from([0.05, 0.5, 0.9, 1.0]), st.integers(1, 3))
def test_nothing_is_left_out_that_is_less_similar_than_asked(texts, threshold, shingle):
    kept, left_out = deduplicate(texts, threshold, shingle, permutations=16)
    assert kept == sorted(kept) and sorted([*kept, *(one.document for one in left_out)]) == [*range(len(texts))]
    for one in left_out:
        first, second = (shingles(texts[number], shingle) for number in (one.document, one.kept))
        assert one.kept in kept and one.kept < one.document
        assert one.similarity == similarity(first, second) >= threshold
    assert len({texts[number] for number in kept}) == len(kept), "equal texts are found in any case"


@given(st.lists(WORDS, min_size=1, max_size=9), st.data())
def test_texts_of_the_same_shingles_are_always_found(texts, data):
    """They have the same hashes, so they share every bucket."""
    texts = [*texts, data.draw(st.sampled_from(texts)).swapcase()]
    assume(texts[-1] not in texts[:-1])
    for threshold in (0.1, 0.8, 1.0):
        assert len(texts) - 1 not in deduplicate(texts, threshold, permutations=16)[0]


def test_as_many_are_missed_as_the_docstring_says(datasketch):
    """A pair of index s shares one of b buckets of r numbers with probability 1 − (1 − sʳ)ᵇ."""
    index = datasketch.MinHashLSH(threshold=0.8, num_perm=128, weights=(0.1, 0.9))
    missed = [round(100 * (1 - similar**index.r) ** index.b, 1) for similar in (0.8, 0.85, 0.9)]
    assert missed == [13.3, 2.5, 0.1]


def test_pairs_well_above_the_threshold_are_found():
    texts = passages(60)
    near = [changed(text, 0) for text in texts]  # the first word is in one shingle only
    assert min(similarity(shingles(a), shingles(b)) for a, b in zip(texts, near, strict=True)) > 0.9
    kept, left_out = deduplicate([*texts, *near], 0.8)
    assert kept == [*range(60)] and [(one.document, one.kept) for one in left_out] == [(60 + n, n) for n in range(60)]


def test_half_a_character_and_no_text_at_all_are_borne():
    assert deduplicate([]) == ([], [])
    assert deduplicate(["\ud800", "", " ", "\ud800"])[0] == [0, 1]
