"""Texts are tokenized once: on disk stands what would be in memory, whole or not at all, and it is found again."""

import json
import multiprocessing
import os
import signal
from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Core
from tokenizers import models, pre_tokenizers

from glassformer.tokenize import BPE, CharTokenizer, Tokenizer
from glassformer.train.data import Files, Texts, fingerprint, open_tokens, shards, tokenize, tokenizing
from glassformer.train.data import texts as in_memory

LETTERS = "abc de\n"
CHARACTERS = CharTokenizer(LETTERS)
DOCUMENTS = st.lists(st.text(LETTERS, min_size=1, max_size=40), min_size=1, max_size=7)


def everything(tokens):
    return tokens.at(np.arange(len(tokens))).tolist()


def folders(cache):
    """What stands in the cache besides locks."""
    return sorted(path for path in cache.iterdir() if path.is_dir())


def words():
    """White space alone has no token here."""
    core = Core(models.WordLevel({"[UNK]": 0, "a": 1, "b": 2}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Tokenizer(core)


@settings(max_examples=25)  # each waits for the disk
@given(DOCUMENTS, st.integers(1, 9), st.integers(1, 9), st.sampled_from([None, 6]))
def test_on_disk_is_what_is_in_memory(tmp_path_factory, documents, shard, chunk, separator):
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_memory, "CHUNK", chunk)  # a document comes in many parts
        kept = tokenize(Texts(documents), CHARACTERS, separator=separator)
        stored = tokenize(Texts(documents), CHARACTERS, cache, separator, shard)
    end = [] if separator is None else [separator]
    rows = [CHARACTERS.encode(document) + end for document in documents]
    assert everything(stored) == everything(kept) == [number for row in rows for number in row]
    assert stored.documents.tolist() == kept.documents.tolist() == np.cumsum([0, *map(len, rows)]).tolist()
    assert len(list(cache.glob("*/tokens-*.bin"))) == -(-len(stored) // shard)
    assert stored.digest == kept.digest
    assert tokenize(Texts(documents), CHARACTERS, cache, separator, shard).digest == kept.digest


@given(st.lists(st.sampled_from(["a", "b a", " ", "\n\n", "a " * 3]), min_size=1, max_size=6))
def test_a_document_without_a_token_is_none_and_gets_no_separator(documents):
    rows = [row for text in documents if (row := [1 if word == "a" else 2 for word in text.split()])]
    if not rows:
        with pytest.raises(ValueError, match="The texts hold no tokens"):
            tokenize(Texts(documents), words(), separator=0)
        return
    tokens = tokenize(Texts(documents), words(), separator=0)
    assert everything(tokens) == [number for row in rows for number in [*row, 0]]
    assert np.diff(tokens.documents).tolist() == [len(row) + 1 for row in rows]


def test_they_are_made_once_and_found_again(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("abc", "utf-8")
    first = tokenize(Files(tmp_path / "a.txt"), CHARACTERS, tmp_path / "cache")
    monkeypatch.delattr(tokenizing, "Writer")
    monkeypatch.delattr(tokenizing, "encoder")
    again = tokenize(Files(str(tmp_path / "*.txt")), CharTokenizer(LETTERS), str(tmp_path / "cache"))
    assert everything(again) == everything(first) and again.digest == first.digest


def test_they_are_made_anew_for_whatever_may_change_them(tmp_path):
    path, cache = tmp_path / "a.txt", tmp_path / "cache"
    path.write_text("abc", "utf-8")

    def made(**options):
        tokens = tokenize(Files(path), **{"tokenizer": CHARACTERS, "cache": cache} | options)
        return everything(tokens), len(folders(cache))

    assert made() == ([0, 1, 2], 1)
    assert made(separator=6) == ([0, 1, 2, 6], 2)
    assert made(tokenizer=CharTokenizer("cab")) == ([1, 2, 0], 3)
    assert made(shard=2) == ([0, 1, 2], 4)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert made() == ([0, 1, 2], 5)
    path.write_text("ddd d", "utf-8")
    assert made() == ([4, 4, 4, 3, 4], 6)
    assert made() == ([4, 4, 4, 3, 4], 6)


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(tokenizing, "Writer")
    assert everything(tokenize(Texts("abc"), CHARACTERS)) == [0, 1, 2]
    assert not list(tmp_path.iterdir())


def test_damaged_ones_are_made_anew(tmp_path):
    for name in ("tokens-00000.bin", "documents.bin", "meta.json"):
        tokenize(Texts("abc de"), CHARACTERS, tmp_path)
        (folder,) = folders(tmp_path)
        os.truncate(folder / name, 3)
        with pytest.raises(ValueError, match="is damaged"):
            open_tokens(folder)
        assert everything(tokenize(Texts("abc de"), CHARACTERS, tmp_path)) == CHARACTERS.encode("abc de")
        assert folders(tmp_path) == [folder]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_one_leaves_nothing(tmp_path, kind):
    class Corpus(Texts):
        def parts(self):
            yield from super().parts()
            assert [path.suffix for path in folders(tmp_path)] == [".part"], "so much is written"
            raise kind

    with pytest.raises(kind):
        tokenize(Corpus("abc"), CHARACTERS, tmp_path)
    assert folders(tmp_path) == []
    assert everything(tokenize(Texts("abc"), CHARACTERS, tmp_path)) == [0, 1, 2], "and the lock is free"


def test_a_full_disk_leaves_nothing(tmp_path):
    """The limit on a file's size stands in for it: the write fails, and so does the closing, which tries again."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(OSError):
            tokenize(Texts(["abc" * 100] * 1000), CHARACTERS, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert folders(tmp_path) == []


class Killed(Files):
    """The process that reads them is killed when all but the last is written."""

    def parts(self):
        yield from super().parts()
        os.kill(os.getpid(), signal.SIGKILL)


def work(corpus, cache, meeting, said):
    meeting.wait(60)
    said.put(tokenize(corpus, CHARACTERS, cache, shard=1000).digest)


def in_processes(corpora, cache):
    """Each tokenizes one of ``corpora``, all at once; their exit codes and what they found."""
    fork = multiprocessing.get_context("fork")  # they begin at once, for nothing has to be imported again
    meeting, said = fork.Barrier(len(corpora)), fork.Queue()
    running = [fork.Process(target=work, args=(corpus, cache, meeting, said)) for corpus in corpora]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    codes = [process.exitcode for process in running]
    return codes, [said.get(timeout=60) for code in codes if code == 0]


def test_of_a_killed_process_nothing_is_used_and_several_at_once_make_them_once(tmp_path):
    path, cache = tmp_path / "a.txt", tmp_path / "cache"
    path.write_text("abc de\n" * 50_000, "utf-8")
    kept = tokenize(Files(path), CHARACTERS)
    assert in_processes([Killed(path)], cache) == ([-signal.SIGKILL], [])
    assert [folder.suffix for folder in folders(cache)] == [".part"]
    assert in_processes([Files(path)] * 3, cache) == ([0] * 3, [kept.digest] * 3)
    (folder,) = folders(cache)
    assert everything(open_tokens(folder)) == everything(kept)


def test_who_comes_second_waits_and_takes_what_the_first_has_made(tmp_path, monkeypatch):
    second_asks, read, found = Event(), [], []

    class Lock(tokenizing.FileLock):
        def acquire(self, *args, **kwargs):
            if not first_has_it.is_set():
                first_has_it.set()
            else:
                second_asks.set()
            return super().acquire(*args, **kwargs)

    class Corpus(Texts):
        def parts(self):
            read.append(1)
            if len(read) == 1:
                second.start()
                assert second_asks.wait(60), "the second asks while the first is at work"
                assert not found
            yield from super().parts()

    first_has_it = Event()
    monkeypatch.setattr(tokenizing, "FileLock", Lock)
    corpus = Corpus("abc")
    second = Thread(target=lambda: found.append(tokenize(corpus, CHARACTERS, tmp_path)))
    first = tokenize(corpus, CHARACTERS, tmp_path)
    second.join(60)
    assert len(read) == 1 and everything(found[0]) == everything(first) == [0, 1, 2]


def test_a_file_that_changes_meanwhile_is_told_and_nothing_is_left(tmp_path):
    class Changing(Files):
        def parts(self):
            yield from super().parts()
            (tmp_path / "a.txt").write_text("abcd", "utf-8")

    (tmp_path / "a.txt").write_text("abc", "utf-8")
    with pytest.raises(ValueError, match="A file changed while it was tokenized; start again"):
        tokenize(Changing(tmp_path / "a.txt"), CHARACTERS, tmp_path / "cache")
    assert folders(tmp_path / "cache") == []


def test_what_it_was_made_of_can_be_read_beside_it(tmp_path):
    tokens = tokenize(Texts(["abc", "de"]), CHARACTERS, tmp_path, separator=6)
    (folder,) = folders(tmp_path)
    assert json.loads((folder / "meta.json").read_text("utf-8")) == {
        "tokenizer": fingerprint(CHARACTERS),
        "separator": 6,
        "sources": Texts(["abc", "de"]).sources(),
        "files": shards.VERSION,
        "version": shards.VERSION,
        "dtype": "<u2",
        "tokens": 7,
        "documents": 2,
        "shard": 1 << 27,
        "vocab": 7,
        "sha256": tokens.digest,
    }


def test_a_special_token_that_is_written_out_is_text():
    bpe = Tokenizer.from_bpe(BPE.train("to be or not to be " * 9, 270, special=("<|endoftext|>",)))
    tokens = tokenize(Texts(["to <|endoftext|>", "be"]), bpe, separator=bpe.eos)
    assert [place for place, token in enumerate(everything(tokens)) if token == bpe.eos] == [
        *(tokens.documents[1:] - 1)
    ]
    assert bpe.decode(everything(tokens[: tokens.documents[1] - 1])) == "to <|endoftext|>"


@pytest.mark.parametrize("cached", [False, True])
def test_what_cannot_be_tokenized_is_told_where(tmp_path, cached):
    cache = tmp_path / "cache" if cached else None
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "abc"}\n\n{"text": "xyz"}\n', "utf-8")
    for corpus, place in ((Files(path), f"{path}, line 3"), (Texts(["abc", "xyz"]), "document 2")):
        with pytest.raises(ValueError) as error:
            tokenize(corpus, CHARACTERS, cache)
        assert str(error.value) == f"{place}: text holds 'x', which is none of the 7 characters of the vocabulary."
        fast = Tokenizer.from_characters(LETTERS)
        with pytest.raises(ValueError) as error:
            tokenize(corpus, fast, cache)
        assert str(error.value) == f"{place}: text holds 'x', which is none of the 7 tokens of the vocabulary."
    path.write_text('{"text": ""}\n', "utf-8")
    with pytest.raises(ValueError, match="The texts hold no tokens"):
        tokenize(Files(path), CHARACTERS, cache)
    assert cache is None or folders(cache) == []


@pytest.mark.parametrize("separator", [-1, 7])
def test_a_separator_outside_the_vocabulary_is_said(separator):
    with pytest.raises(ValueError) as error:
        tokenize(Texts("abc"), CHARACTERS, separator=separator)
    assert str(error.value) == f"separator must be from 0 to 6, not {separator}."


def test_a_tokenizer_is_known_by_what_decides_its_ids():
    bpe = BPE.train("to be or not to be " * 9, 265)
    made = [
        CHARACTERS,
        CharTokenizer("abc de"),
        CharTokenizer(LETTERS[::-1]),
        Tokenizer.from_characters(LETTERS),
        Tokenizer.from_bpe(bpe),
        Tokenizer.from_bpe(BPE.train("to be or not to be " * 9, 264)),
        Tokenizer.from_bpe(BPE(bpe.tokens, bpe.merges, "llama-bpe")),
    ]
    assert len({fingerprint(tokenizer) for tokenizer in made}) == len(made)
    assert fingerprint(CharTokenizer(LETTERS)) == fingerprint(CHARACTERS)
    assert fingerprint(Tokenizer.from_bpe(bpe)) == fingerprint(made[4])
    made[4].encode("to be", parse_special=False)
    made[4].batch(["to", "be or"])
    assert fingerprint(Tokenizer.from_bpe(bpe)) == fingerprint(made[4]), "also when it has been used"
    with pytest.raises(ValueError, match="tokenizer must be a Tokenizer or a CharTokenizer, not a BPE"):
        fingerprint(bpe)
