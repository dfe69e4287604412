"""What is kept apart, and what is left out because it is there twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.data.plays import plays
from glassformer.train.data import (
    Tokens,
    deduplicate,
    last_documents,
    last_share,
    shakespeare,
    some_documents,
)
from glassformer.train.data.deduplicate import shingles, similarity


@given(st.integers(2, 300), st.floats(0.01, 0.99))
def test_the_last_share_is_cut_as_nanogpt_cuts_it(length, share):
    cut = int(length * (1 - share))
    if not 0 < cut < length:
        with pytest.raises(ValueError, match="leaves nothing on one side"):
            last_share("x" * length, share)
        return
    one, two = last_share("".join(chr(65 + number % 50) for number in range(length)), share)
    assert len(one) == cut and len(one) + len(two) == length


@given(st.lists(st.integers(1, 30), min_size=2, max_size=9), st.floats(0.05, 0.9))
def test_whole_documents_are_kept_apart(lengths, share):
    tokens = Tokens.of([list(range(length)) for length in lengths])
    train, held = last_documents(tokens, share)
    assert len(train) + len(held) == sum(lengths) and len(train) and len(held)
    assert train.documents.tolist() == tokens.documents[: len(train.documents)].tolist()


@given(st.integers(2, 30), st.floats(0.05, 0.9), st.integers(0, 99))
def test_some_documents_are_kept_apart_and_none_is_lost(number, share, seed):
    documents = [str(one) for one in range(number)]
    train, held = some_documents(documents, share, seed)
    assert train and held and sorted([*train, *held], key=int) == documents
    assert train == sorted(train, key=int) and (train, held) == some_documents(documents, share, seed)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_that_is_none_is_said(share):
    with pytest.raises(ValueError, match="share must be between 0 and 1"):
        last_share("abc", share)


def test_a_single_document_is_not_put_on_both_sides():
    with pytest.raises(ValueError, match="single document"):
        last_documents(Tokens.of([[1, 2, 3]]))
    with pytest.raises(ValueError, match="at least 2 documents"):
        some_documents(["one"])


def test_two_plays_are_kept_apart_whole():
    train, held = shakespeare()
    assert (len(train), len(held)) == (23, 2) and len(plays()) == 25
    assert sum(map(len, train)) > 2_000_000
    lines = {line for play in held for line in play.splitlines() if len(line) > 60}
    learned = {line for play in train for line in play.splitlines()}
    assert len(lines & learned) / len(lines) < 0.005, "no passage of theirs is learned from"
    with pytest.raises(ValueError, match="'Hamlet 2'"):
        shakespeare(["Hamlet 2"])
    with pytest.raises(ValueError, match="must leave a play"):
        shakespeare([play.title for play in plays()])


datasketch = pytest.importorskip("datasketch", reason="needs datasketch: pip install 'glassformer[train]'")


def test_what_is_there_twice_is_found_among_much_that_is_not():
    passages = [passage for passage in plays()[0].passages if len(passage.split()) > 40][:60]
    near = passages[7].replace(passages[7].split()[20], "otherwise", 1)
    texts = [*passages, passages[3], near]
    kept, left_out = deduplicate(texts, 0.7)
    assert kept == list(range(60))
    assert [(one.document, one.kept) for one in left_out] == [(60, 3), (61, 7)]
    assert left_out[0].similarity == 1.0
    assert left_out[1].similarity == similarity(shingles(passages[7]), shingles(near)) < 1


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=9).map(" ".join), max_size=12))
def test_nothing_is_left_out_that_is_less_similar_than_asked(texts):
    kept, left_out = deduplicate(texts, 0.5, shingle=2, permutations=16)
    assert sorted([*kept, *(one.document for one in left_out)]) == list(range(len(texts)))
    for one in left_out:
        assert one.kept in kept and one.kept < one.document
        first, second = (shingles(texts[number], 2) for number in (one.document, one.kept))
        assert one.similarity == 1.0 or similarity(first, second) == one.similarity >= 0.5


def test_arguments_out_of_range_are_said():
    with pytest.raises(ValueError, match="threshold must be above 0"):
        deduplicate(["one"], 0.0)
    with pytest.raises(ValueError, match="shingle must be at least 1"):
        deduplicate(["one"], 0.5, shingle=0)
