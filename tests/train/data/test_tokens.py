"""A long row of tokens: what stands where, whether it lies in one array or in many files, and in a stretch of it."""

import json
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.train.data import Tokens, open_tokens
from glassformer.train.data.shards import Writer, dtype_for

DOCUMENTS = st.lists(st.lists(st.integers(0, 28), min_size=1, max_size=13), min_size=1, max_size=7)


def write(folder, documents, vocab=29, shard=1 << 27):
    """Written document by document, each in two parts."""
    with Writer(folder, vocab, shard) as writer:
        for document in documents:
            writer.add(document[:2])
            writer.add(document[2:])
            writer.end()
    return open_tokens(folder)


def sharded(documents, shard):
    """In memory, in several arrays."""
    row = np.concatenate([np.asarray(document) for document in documents])
    starts = np.cumsum([0, *map(len, documents)])
    return Tokens(
        tuple(row[first : first + shard] for first in range(0, len(row), shard)), starts, 0, len(row), "known"
    )


def joined(documents):
    return [number for document in documents for number in document]


def everything(tokens):
    return tokens.at(np.arange(len(tokens))).tolist()


@settings(max_examples=60)
@given(DOCUMENTS, st.integers(1, 11), st.data())
def test_a_stretch_of_a_stretch_is_what_it_is_in_a_list(documents, shard, data):
    tokens, row = sharded(documents, shard), joined(documents)
    number = [text for text, document in enumerate(documents, start=1) for _ in document]
    for _ in range(3):
        place = st.one_of(st.none(), st.integers(-len(row) - 2, len(row) + 2))
        stretch = slice(data.draw(place), data.draw(place))
        tokens, row, number = tokens[stretch], row[stretch], number[stretch]
        assert everything(tokens) == row and len(tokens) == len(row)
        borders = [0, *(i for i in range(1, len(row)) if number[i] != number[i - 1]), len(row)]
        assert tokens.documents.tolist() == borders
        texts = tokens.texts(np.arange(len(row)))
        assert texts.tolist() == [text - number[0] + 1 for text in number]


@given(DOCUMENTS, st.integers(1, 11), st.data())
def test_rows_and_places_of_any_shape(documents, shard, data):
    tokens, row = sharded(documents, shard), joined(documents)
    places = np.array(data.draw(st.lists(st.integers(0, len(row) - 1), min_size=6, max_size=6))).reshape(2, 1, 3)
    assert tokens.at(places).tolist() == [[[row[place] for place in line] for line in block] for block in places]
    assert tokens.at(places).dtype == np.int64
    length = data.draw(st.integers(1, len(row)))
    starts = np.array(data.draw(st.lists(st.integers(0, len(row) - length), min_size=1, max_size=5)))
    assert tokens.rows(starts, length).tolist() == [row[start : start + length] for start in starts]
    assert tokens.rows(starts[:0], length).shape == (0, length)


@pytest.mark.parametrize("starts", [[3], [-1], [0, 3, 1]])
def test_a_row_that_reaches_outside_is_refused(starts):
    tokens = Tokens.of([[1, 2, 3], [4, 5], [6, 7, 8]])
    with pytest.raises(ValueError) as error:
        tokens[:5].rows(np.array(starts), 3)
    assert str(error.value) == f"A row of 3 must begin from 0 to 2, not {starts}."


@settings(max_examples=25)  # each waits for the disk
@given(DOCUMENTS, st.integers(1, 13))
def test_what_is_written_is_what_is_read(tmp_path_factory, documents, shard):
    folder = tmp_path_factory.mktemp("tokens") / "here"
    tokens = write(folder, documents, shard=shard)
    assert everything(tokens) == joined(documents)
    assert tokens.documents.tolist() == np.cumsum([0, *map(len, documents)]).tolist()
    assert sorted(path.name for path in folder.iterdir()) == [
        "documents.bin",
        "meta.json",
        *(f"tokens-{number:05}.bin" for number in range(-(-len(tokens) // shard))),
    ]


def test_files_are_mapped_not_read_and_cannot_be_changed(tmp_path):
    tokens = write(tmp_path / "here", [[1, 2, 3]], shard=2)
    assert all(isinstance(shard.base, np.memmap) for shard in (*tokens.shards, tokens.starts))
    with pytest.raises(ValueError, match="read-only"):
        tokens.shards[0][0] = 1


@pytest.mark.parametrize("vocab, size", [(2, 2), (65_536, 2), (65_537, 4)])
def test_an_id_takes_as_few_bytes_as_its_vocabulary_allows(tmp_path, vocab, size):
    tokens = write(tmp_path / "here", [[0, vocab - 1, 1]], vocab)
    assert everything(tokens) == [0, vocab - 1, 1] and dtype_for(vocab).itemsize == size
    assert (tmp_path / "here" / "tokens-00000.bin").stat().st_size == 3 * size


def test_numbers_are_little_endian(tmp_path):
    write(tmp_path / "here", [[1, 258], [3]], vocab=300)
    assert (tmp_path / "here" / "tokens-00000.bin").read_bytes() == b"\1\0\2\1\3\0"
    assert (tmp_path / "here" / "documents.bin").read_bytes() == b"".join(n.to_bytes(8, "little") for n in (0, 2, 3))


def test_equal_digests_are_of_equal_tokens(tmp_path):
    different = [[[1, 2], [3]], [[1], [2, 3]], [[1, 2, 3]], [[1, 2], [4]], [[258, 3]]]
    digests = [write(tmp_path / "here", documents, vocab=300, shard=2).digest for documents in different]
    assert len({*digests}) == len(different)
    assert write(tmp_path / "other", different[0], vocab=300).digest == digests[0], "however they are cut into files"
    tokens = open_tokens(tmp_path / "other")
    stretches = [tokens, tokens[:2], tokens[1:], tokens[:2][1:]]
    assert len({stretch.digest for stretch in stretches}) == 4 and tokens[1:].digest == tokens[1:].digest


@pytest.mark.parametrize("ids", [[29], [-1], [3, 29, 5]])
def test_an_id_outside_the_vocabulary_is_refused_and_nothing_is_left(tmp_path, ids):
    with pytest.raises(ValueError) as error:
        write(tmp_path / "here", [[1, 2], [0, 0, *ids]])
    assert str(error.value) == f"ids must be from 0 to 28, not from {min(ids)} to {max(ids)}."
    assert not list(tmp_path.iterdir())


def test_documents_without_a_token_are_none(tmp_path):
    tokens = write(tmp_path / "here", [[], [1, 2], [], [], [3], []])
    assert tokens.documents.tolist() == Tokens.of([[], [1, 2], [], [], [3], []]).documents.tolist() == [0, 2, 3]
    with pytest.raises(ValueError, match="The texts hold no tokens"):
        write(tmp_path / "none", [[], []])
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_shard_must_hold_something(tmp_path):
    with pytest.raises(ValueError, match="shard must be at least 1, not 0"):
        Writer(tmp_path / "here", 29, shard=0)


def change(**settings):
    def changed(folder):
        meta = json.loads((folder / "meta.json").read_text())
        (folder / "meta.json").write_text(json.dumps(meta | settings))

    return changed


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (lambda folder: os.truncate(folder / "tokens-00001.bin", 1), "{}/tokens-00001.bin is damaged: it has 1 bytes"),
        (lambda folder: (folder / "tokens-00000.bin").unlink(), "{}/tokens-00000.bin is damaged: it has 0 bytes"),
        (lambda folder: (folder / "documents.bin").write_bytes(b""), "{}/documents.bin is damaged: it has 0 bytes"),
        (lambda folder: (folder / "meta.json").write_text("{"), "{}/meta.json is damaged"),
        (lambda folder: (folder / "meta.json").write_text("[]"), "{}/meta.json is damaged"),
        (lambda folder: (folder / "meta.json").write_text('{"version": 1}'), "{}/meta.json is damaged (KeyError"),
        (change(dtype="letters"), "{}/meta.json is damaged (TypeError"),
        (change(documents=3), "{}/documents.bin is damaged: it has 24 bytes instead of 32"),
        (change(version=2), "{} is of version 2; 1 is read here."),
    ],
)
def test_a_damaged_folder_is_told(tmp_path, damage, sentence):
    folder = tmp_path / "here"
    write(folder, [[1, 2], [3]], shard=2)
    damage(folder)
    with pytest.raises(ValueError) as error:
        open_tokens(folder)
    assert str(error.value).startswith(sentence.format(folder))


def test_a_folder_without_tokens_is_told(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(FileNotFoundError) as error:
            open_tokens(folder)
        assert str(error.value) == f"{folder} holds no tokens: it has no meta.json."


@settings(max_examples=30)
@given(DOCUMENTS)
def test_ids_in_memory_may_be_lists_arrays_or_a_tensor(documents):
    row = joined(documents)
    for given_ in (documents, [np.array(one) for one in documents], [torch.tensor(one) for one in documents]):
        tokens = Tokens.of(given_)
        assert everything(tokens) == row
        assert tokens.documents.tolist() == np.cumsum([0, *map(len, documents)]).tolist()
    for given_ in (row, tuple(row), np.array(row, np.uint16), torch.tensor(row)):
        assert everything(Tokens.of(given_)) == row and Tokens.of(given_).documents.tolist() == [0, len(row)]


@pytest.mark.parametrize(
    "given_, sentence",
    [
        ([], "documents must not be empty: there are no tokens."),
        ([[], []], "documents must not be empty: there are no tokens."),
        ([[1, -2]], "ids must be from 0, not -2."),
        ([0.5], "A document must be one row of whole numbers, not float64 of shape (1,)."),
        (
            torch.zeros(2, 3, dtype=torch.long),
            "A document must be one row of whole numbers, not int64 of shape (2, 3).",
        ),
        ("abc", "A document must be one row of whole numbers, not <U3 of shape ()."),
    ],
)
def test_what_are_no_tokens_is_said(given_, sentence):
    with pytest.raises(ValueError) as error:
        Tokens.of(given_)
    assert str(error.value) == sentence


def test_a_stretch_has_no_gaps():
    with pytest.raises(ValueError, match="A stretch of tokens must have the stride 1, not 2"):
        Tokens.of([1, 2, 3])[::2]
