"""What is kept apart for validation: neither lost nor on both sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.data.plays import plays
from glassformer.train.data import Tokens, last_documents, last_share, shakespeare, some_documents

SHARE = st.floats(0.01, 0.99)


@given(st.integers(2, 300), SHARE)
def test_the_last_share_is_cut_as_nanogpt_cuts_it(length, share):
    text = "".join(chr(65 + number % 50) for number in range(length))
    cut = int(length * (1 - share))
    if cut == 0:
        with pytest.raises(ValueError) as error:
            last_share(text, share)
        assert str(error.value) == f"A share of {share} leaves nothing on one side of {length}."
        return
    assert last_share(text, share) == (text[:cut], text[cut:])
    train, held = last_share(Tokens.of(range(length)), share)
    assert (train.first, train.last, held.first, held.last) == (0, cut, cut, length)


def test_the_data_of_nanogpt_is_split_where_it_splits_it():
    """data/shakespeare_char/prepare.py: ``data[: int(n * 0.9)]``, of 1,115,394 characters: 1,003,854 and 111,540."""
    train, held = last_share("x" * 1_115_394)
    assert (len(train), len(held)) == (1_003_854, 111_540)


@given(st.lists(st.integers(1, 30), min_size=2, max_size=9), SHARE)
def test_the_last_documents_are_kept_apart_whole_at_the_nearest_border(lengths, share):
    tokens = Tokens.of([list(range(length)) for length in lengths])
    train, held = last_documents(tokens, share)
    assert len(train) + len(held) == sum(lengths) and (held.first, held.last) == (train.last, sum(lengths))
    borders = [sum(lengths[:number]) for number in range(1, len(lengths))]
    assert len(train) in borders
    wanted = sum(lengths) * (1 - share)
    assert abs(len(train) - wanted) == min(abs(border - wanted) for border in borders)


@given(st.integers(2, 30), SHARE, st.integers(0, 99))
def test_some_documents_are_kept_apart_and_none_is_lost(number, share, seed):
    documents = [str(one) for one in range(number)]
    train, held = some_documents(documents, share, seed)
    assert sorted([*train, *held], key=int) == documents
    assert train == sorted(train, key=int) and held == sorted(held, key=int)
    assert len(held) == min(max(1, round(number * share)), number - 1)
    assert (train, held) == some_documents(documents, share, seed)


def test_chance_keeps_every_document_apart_as_often():
    counts = [0] * 10
    for seed in range(2000):
        for document in some_documents([str(one) for one in range(10)], 0.2, seed)[1]:
            counts[int(document)] += 1
    assert max(abs(count - 400) for count in counts) < 4 * (2000 * 0.2 * 0.8) ** 0.5  # four standard deviations


SPLITS = [
    lambda share: last_share("abc", share),
    lambda share: last_documents(Tokens.of([[1], [2]]), share),
    lambda share: some_documents(["a", "b"], share),
]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
@pytest.mark.parametrize("split", SPLITS)
def test_a_share_that_is_none_is_said(split, share):
    with pytest.raises(ValueError) as error:
        split(share)
    assert str(error.value) == f"share must be between 0 and 1, not {share}."


def test_a_single_document_is_not_put_on_both_sides():
    with pytest.raises(ValueError, match="There is a single document, which cannot be on both sides; see last_share"):
        last_documents(Tokens.of([[1, 2, 3]]))
    for documents in ([], ["one"]):
        with pytest.raises(ValueError, match=f"at least 2 documents, one for each side, not {len(documents)}"):
            some_documents(documents)
    with pytest.raises(ValueError, match="seed must be from 0"):
        some_documents(["one", "two"], seed=-1)


def test_two_plays_are_kept_apart_whole():
    train, held = shakespeare()
    assert (len(train), len(held)) == (23, 2) and len(plays()) == 25
    assert sum(map(len, train)) > 2_000_000
    lines = {line for play in held for line in play.splitlines() if len(line) > 60}
    learned = {line for play in train for line in play.splitlines()}
    assert len(lines & learned) / len(lines) < 0.005, "no passage of theirs is learned from"


def test_a_play_is_its_passages_with_an_empty_line_between():
    title = plays()[5].title
    train, (held,) = shakespeare(title)
    assert held == "\n\n".join(plays()[5].passages) + "\n" and len(train) == 24
    assert shakespeare([title]) == shakespeare(iter([title])) == (train, [held])
    assert len(shakespeare([])[0]) == 25 and shakespeare([])[1] == []


def test_plays_that_cannot_be_kept_apart_are_said():
    with pytest.raises(ValueError, match="validation names 'Hamlet 2', which is none of "):
        shakespeare(["Hamlet 2"])
    with pytest.raises(ValueError, match="validation must leave a play to learn from, and it names all of them"):
        shakespeare([play.title for play in plays()])
