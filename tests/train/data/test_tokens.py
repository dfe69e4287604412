"""Tokens on disk are those in memory: made once, whole, and found again."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.tokenize import BPE, CharTokenizer, Tokenizer
from glassformer.train.data import Files, Texts, Tokens, open_tokens, shakespeare, tokenize
from glassformer.train.data import pieces as cutting

LETTERS = "abc de\n"
CHARACTERS = CharTokenizer(LETTERS)
DOCUMENTS = st.lists(st.text(LETTERS, min_size=1, max_size=40), min_size=1, max_size=7)


def everything(tokens):
    return tokens.at(np.arange(len(tokens))).tolist()


@settings(max_examples=40)
@given(DOCUMENTS, st.integers(1, 9))
def test_shards_on_disk_hold_what_is_in_memory(tmp_path_factory, documents, shard):
    cache = tmp_path_factory.mktemp("cache")
    kept = tokenize(Texts(documents), CHARACTERS)
    stored = tokenize(Texts(documents), CHARACTERS, cache, shard=shard)
    assert everything(stored) == everything(kept) == CHARACTERS.encode("".join(documents))
    assert stored.documents.tolist() == kept.documents.tolist() == np.cumsum([0, *map(len, documents)]).tolist()
    assert len(list(cache.glob("*/tokens-*.bin"))) == -(-len(stored) // shard)
    first = len(stored) // 3
    assert everything(stored[first:]) == everything(kept)[first:]
    assert stored.digest == kept.digest


def test_documents_end_with_the_separator():
    tokens = tokenize(Texts(["ab", "c"]), CHARACTERS, separator=6)
    assert everything(tokens) == [*CHARACTERS.encode("ab"), 6, *CHARACTERS.encode("c"), 6]
    assert tokens.documents.tolist() == [0, 3, 5]
    assert tokens.texts(np.arange(5)).tolist() == [1, 1, 1, 2, 2]


def test_they_are_made_once_and_anew_when_a_file_changes(tmp_path):
    (tmp_path / "a.txt").write_text("abc", "utf-8")
    first = tokenize(Files(tmp_path / "a.txt"), CHARACTERS, tmp_path / "cache")
    folder = next((tmp_path / "cache").glob("*/"))
    made = (folder / "meta.json").stat().st_mtime_ns
    assert everything(tokenize(Files(tmp_path / "a.txt"), CHARACTERS, tmp_path / "cache")) == everything(first)
    assert (folder / "meta.json").stat().st_mtime_ns == made
    (tmp_path / "a.txt").write_text("ddd d", "utf-8")
    assert everything(tokenize(Files(tmp_path / "a.txt"), CHARACTERS, tmp_path / "cache")) == CHARACTERS.encode("ddd d")
    other = CharTokenizer("dcba e\n")
    assert everything(tokenize(Files(tmp_path / "a.txt"), other, tmp_path / "cache")) == other.encode("ddd d")


def test_damaged_ones_are_made_anew(tmp_path):
    tokenize(Texts(["abc de"]), CHARACTERS, tmp_path)
    folder = next(path for path in tmp_path.iterdir() if path.is_dir())
    os.truncate(folder / "tokens-00000.bin", 3)
    with pytest.raises(ValueError, match="is damaged: it has 3 bytes instead of 12"):
        open_tokens(folder)
    assert everything(tokenize(Texts(["abc de"]), CHARACTERS, tmp_path)) == CHARACTERS.encode("abc de")
    (folder / "meta.json").write_text("{", "utf-8")
    with pytest.raises(ValueError, match=r"meta\.json is damaged"):
        open_tokens(folder)


def test_an_interrupted_one_leaves_nothing(tmp_path):
    class Corpus(Texts):
        def parts(self):
            yield from super().parts()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tokenize(Corpus(["abc"]), CHARACTERS, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_two_processes_make_them_once(tmp_path):
    (tmp_path / "a.txt").write_text("abc de\n" * 20_000, "utf-8")
    code = (
        "import sys; from glassformer.tokenize import CharTokenizer;"
        "from glassformer.train.data import Files, tokenize;"
        "print(tokenize(Files(sys.argv[1]), CharTokenizer('abc de\\n'), sys.argv[2]).digest)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.txt"), str(tmp_path / "cache")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=120)[0] for process in running}
    assert len(said) == 1 and [process.returncode for process in running] == [0, 0]
    assert len([path for path in (tmp_path / "cache").iterdir() if path.is_dir()]) == 1


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_long_documents_are_tokenized_in_pieces_to_the_same_ids(monkeypatch, kind):
    text = shakespeare()[0][0][:60_000]
    tokenizer = (
        CharTokenizer("".join(sorted(set(text))))
        if kind == "characters"
        else Tokenizer.from_bpe(BPE.train(text, 400, special=("<|endoftext|>",)))
    )
    whole = tokenizer.encode(text)
    parts = [part.text for part in cutting.pieces(_split(text, 1000), tokenizer, longest=3000)]
    assert len(parts) > 10 and "".join(parts) == text
    assert [token for part in parts for token in tokenizer.encode(part)] == whole


def _split(text, size):
    from glassformer.train.data.texts import Part

    for first in range(0, len(text), size):
        yield Part(text[first : first + size], False, "here", size)
    yield Part("", True, "here", 0)


def test_a_special_token_that_is_written_out_is_text():
    bpe = Tokenizer.from_bpe(BPE.train("to be or not to be " * 9, 270, special=("<|endoftext|>",)))
    tokens = tokenize(Texts(["to <|endoftext|>"]), bpe, separator=bpe.eos)
    assert everything(tokens).count(bpe.eos) == 1 and len(tokens) > 10


def test_what_cannot_be_tokenized_is_told_where(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "abc"}\n{"text": "xyz"}\n', "utf-8")
    with pytest.raises(ValueError, match=r"a\.jsonl, line 2: .*x"):
        tokenize(Files(tmp_path / "a.jsonl"), CHARACTERS)
    with pytest.raises(ValueError, match="separator must be from 0 to 6, not 7"):
        tokenize(Texts(["abc"]), CHARACTERS, separator=7)
    with pytest.raises(FileNotFoundError, match="holds no tokens"):
        open_tokens(tmp_path)


@pytest.mark.parametrize(
    "given_, sentence",
    [([], "must not be empty"), ([[1, -2]], "ids must be from 0, not -2"), ([[0.5]], "one row of whole numbers")],
)
def test_what_are_no_tokens_is_said(given_, sentence):
    with pytest.raises(ValueError, match=sentence):
        Tokens.of(given_)


def test_rows_do_not_reach_beyond_the_end():
    tokens = Tokens.of([[1, 2, 3], [4, 5]])
    assert tokens.rows(np.array([0, 2]), 3).tolist() == [[1, 2, 3], [3, 4, 5]]
    with pytest.raises(ValueError, match="A row of 3 must begin from 0 to 2"):
        tokens.rows(np.array([3]), 3)
