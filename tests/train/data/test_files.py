"""Documents in files: what is read, in which order, and what each bad file is told."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.train.data import Files, Texts, reading

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXT = st.text(CHARACTERS, min_size=1)
HARD = "one\r\ntwo\u2028three\x85four\x0bfive\x1csix\ufeff\rseven\n"  # what some call line ends, and marks


def lines(*texts):
    return "".join(json.dumps({"text": text}) + "\n" for text in texts)


@given(st.lists(TEXT, min_size=1, max_size=5), st.booleans())
def test_any_unicode_text_is_read_as_it_was_written(tmp_path_factory, texts, ascii_only):
    folder = tmp_path_factory.mktemp("texts")
    raw = "\n".join(json.dumps({"text": text, "more": [text]}, ensure_ascii=ascii_only) for text in texts)
    (folder / "a.jsonl").write_bytes(raw.encode())
    assert list(Files(folder).documents()) == texts
    (folder / "b.txt").write_bytes(("x" + texts[0]).encode())
    assert list(Files(folder / "b.txt").documents()) == ["x" + texts[0]]


def test_line_ends_and_marks_inside_a_text_stay(tmp_path):
    (tmp_path / "a.txt").write_bytes(HARD.encode())
    (tmp_path / "b.jsonl").write_bytes(json.dumps({"text": HARD}, ensure_ascii=False).encode())
    assert list(Files(tmp_path).documents()) == [HARD, HARD]


def test_a_byte_order_mark_at_the_beginning_is_taken_off(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    (tmp_path / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + lines("one", "two").replace("\n", "\r\n").encode())
    assert list(Files(tmp_path).documents()) == ["one\r\ntwo\n", "one", "two"]


def test_empty_lines_of_jsonl_and_documents_without_a_character_are_passed_over(tmp_path):
    (tmp_path / "b.jsonl").write_text("\n" + lines("one") + "  \n" + lines("", "two"), "utf-8")
    assert list(Files(tmp_path).documents()) == ["one", "two"]


def test_folders_and_patterns_are_read_in_order_and_each_file_once(tmp_path):
    for name in ("b.txt", "a.txt", ".hidden.txt", "deep/c.txt", ".git/d.txt", "deep/.e/f.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, "utf-8")
    assert list(Files(tmp_path).documents()) == ["a.txt", "b.txt", "deep/c.txt"]
    assert list(Files([tmp_path / "b.txt", tmp_path / "*.txt"]).documents()) == ["b.txt", ".hidden.txt", "a.txt"]
    assert list(Files(str(tmp_path / "*" / "*.txt")).documents()) == [".git/d.txt", "deep/c.txt"]
    assert list(Files(tmp_path / ".git").documents()) == [".git/d.txt"], "a hidden folder that is asked for is read"
    assert Files(tmp_path).size == len("a.txtb.txtdeep/c.txt")


def test_a_file_of_two_names_is_read_once_under_the_first(tmp_path):
    (tmp_path / "a.jsonl").write_text(lines("one"), "utf-8")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.jsonl")
    assert [path.name for path in Files(tmp_path).paths] == ["a.jsonl"]
    assert list(Files(tmp_path / "b.txt").documents()) == [lines("one")], "its own name says what it is"


def test_paths_are_relative_or_begin_at_home(tmp_path, monkeypatch):
    (tmp_path / "[a].txt").write_text("one", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("[a].txt", "*.txt", ".", "~/*.txt", "~"):
        files = Files(path)
        assert list(files.documents()) == ["one"]
        stat = (tmp_path / "[a].txt").stat()
        assert files.sources() == [
            {"path": str(tmp_path / "[a].txt"), "size": 3, "mtime_ns": stat.st_mtime_ns},
        ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.JSONL", "a.ndjson"])
def test_a_name_says_that_every_line_is_a_document(tmp_path, name):
    (tmp_path / name).write_text(lines("one", "two"), "utf-8")
    assert list(Files(tmp_path).documents()) == ["one", "two"]
    (tmp_path / "a.json").write_text(lines("one"), "utf-8")
    assert list(Files(tmp_path / "a.json").documents()) == [lines("one")]


def test_large_files_take_little_memory(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"to be or not to be\n" * 400_000)
    (tmp_path / "b.jsonl").write_bytes(lines("to be or not to be").encode() * 40_000)
    files = Files(tmp_path)
    tracemalloc.start()
    read = sum(part.read for part in files.parts())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == files.size > 8_000_000 and peak < 1 << 20  # a chunk is 128 KiB, as bytes and as text, twice at most


def test_what_comes_before_a_bad_place_is_read_without_looking_ahead(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "CHUNK", 4)
    (tmp_path / "a.txt").write_bytes(b"goodbad\xff")
    (tmp_path / "b.jsonl").write_bytes(lines("good").encode() + b"bad")
    for name in ("a.txt", "b.jsonl"):
        parts = Files(tmp_path / name).parts()
        assert next(parts).text == "good"
        with pytest.raises(ValueError):
            list(parts)


@given(TEXT, st.binary(min_size=1, max_size=4), st.integers(0, 40), st.integers(1, 9))
def test_the_byte_and_the_line_are_those_of_the_whole_file(tmp_path_factory, text, bad, place, chunk):
    """Python's decoder, given all bytes at once, says which byte is wrong. Chunks end anywhere, also in characters."""
    data = b"x" + text.encode()[:place] + bad.replace(b"\0", b"\n") + b"\n\xffend"
    with pytest.raises(UnicodeDecodeError) as wrong:
        data.decode()
    first = wrong.value.start
    path = tmp_path_factory.mktemp("bad") / "a.txt"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ValueError) as error:
        patch.setattr(reading, "CHUNK", chunk)
        list(Files(path).documents())
    line = data[:first].count(b"\n") + 1
    assert str(error.value) == f"{path} is not UTF-8 text: byte {first} (line {line}) is 0x{data[first]:02x}."


@given(TEXT, st.integers(1, 9))
def test_a_character_on_the_border_of_two_chunks_is_whole(tmp_path_factory, text, chunk):
    path = tmp_path_factory.mktemp("chunks") / "a.txt"
    path.write_bytes(("x" + text).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "CHUNK", chunk)
        assert list(Files(path).documents()) == ["x" + text]


@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("a.txt", b"", "{} is empty."),
        ("a.txt", b"\xef\xbb\xbf", "{} is empty."),
        ("a.txt", b" \n\t", "{} holds no text but white space."),
        ("a.txt", "\ufeff\u2003\n".encode(), "{} holds no text but white space."),
        ("a.txt", b"one\ntwo\0three", "{} is binary, not text: byte 7 (line 2) is 0."),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0", "{} is binary, not text: byte 8 (line 3) is 0."),
        ("a.txt", b"one\nna\xefve", "{} is not UTF-8 text: byte 6 (line 2) is 0xef."),
        ("a.txt", "\ufeffone\n".encode() + b"na\xefve", "{} is not UTF-8 text: byte 9 (line 2) is 0xef."),
        ("a.txt", b"half \xed\xa0\x80", "{} is not UTF-8 text: byte 5 (line 1) is 0xed."),
        ("a.txt", b"cut \xe2\x82", "{} is not UTF-8 text: byte 4 (line 1) is 0xe2."),
        ("a.txt", "\ufeffone".encode("utf-16-le"), "{} is not UTF-8 text: it looks like UTF-16. Save it as UTF-8."),
        ("a.txt", "\ufeffone".encode("utf-16-be"), "{} is not UTF-8 text: it looks like UTF-16. Save it as UTF-8."),
        ("a.jsonl", "\ufeff{}".encode("utf-16-le"), "{} is not UTF-8 text: it looks like UTF-16. Save it as UTF-8."),
        ("a.jsonl", b"", "{} is empty."),
        ("a.jsonl", b"\n \n", "{} is empty."),
        ("a.jsonl", b'{"text": "one"}\n\n{"text": ', "{}, line 3 is not JSON: Expecting value."),
        ("a.jsonl", b"one", "{}, line 1 is not JSON: Expecting value."),
        ("a.jsonl", b'{"text": "one"}{"text": "two"}', "{}, line 1 is not JSON: Extra data."),
        (
            "a.jsonl",
            b'{"text": "one"}\n{"words": "two"}',
            '{}, line 2 must be an object with a text, such as {{"text": "To be"}}.',
        ),
        ("a.jsonl", b'["one"]', '{}, line 1 must be an object with a text, such as {{"text": "To be"}}.'),
        ("a.jsonl", b'{"text": 7}', '{}, line 1 must be an object with a text, such as {{"text": "To be"}}.'),
        ("a.jsonl", b'{"text": "x\\ud800"}', "{}, line 1 holds half a character (0xd800 at 1)."),
        ("a.jsonl", b'\n{"text": "\xff"}', "{} is not UTF-8 text: byte 11 (line 2) is 0xff."),
        ("a.jsonl", b'\xef\xbb\xbf{"text": "\xff"}', "{} is not UTF-8 text: byte 13 (line 1) is 0xff."),
        ("a.jsonl", b'{"text": "one"}\n{\0', "{} is binary, not text: byte 17 (line 2) is 0."),
    ],
)
def test_a_bad_file_is_told_where_it_is_bad(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        list(Files(path).documents())
    assert str(error.value) == sentence.format(path)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"text": ' + "9" * 5000 + "}"])
def test_a_line_that_json_cannot_bear_is_told_too(tmp_path, content):
    (tmp_path / "a.jsonl").write_text(content, "utf-8")
    with pytest.raises(ValueError, match=r"a\.jsonl, line 1 is not JSON: "):
        list(Files(tmp_path).documents())


def test_what_is_not_there_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    for path in ("none.txt", "*.txt", "empt*"):
        with pytest.raises(FileNotFoundError) as error:
            Files(tmp_path / path)
        assert str(error.value) == f"There is no file or folder {tmp_path / path}."
    with pytest.raises(FileNotFoundError) as error:
        Files(tmp_path)
    assert str(error.value) == f"The folder {tmp_path} holds no files."
    with pytest.raises(ValueError, match=r"paths must not be empty: there is nothing to read\."):
        Files([])


@given(st.lists(st.text(CHARACTERS, max_size=9), min_size=1, max_size=5), st.integers(1, 4))
def test_texts_in_memory_are_documents_too(documents, chunk):
    from glassformer.train.data import texts

    if not any(documents):
        with pytest.raises(ValueError, match="documents must not be empty: there is nothing to learn from"):
            Texts(documents)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "CHUNK", chunk)
        corpus = Texts(documents)
        assert list(corpus.documents()) == [document for document in documents if document]
        assert sum(part.read for part in corpus.parts()) == corpus.size == len("".join(documents))


def test_texts_are_known_by_what_they_say_and_where_they_end():
    known = [str(Texts(one).sources()) for one in ("ab", ["a", "b"], ["b", "a"], ["ab", "c"], ["a", "bc"])]
    assert len(set(known)) == 5 and Texts("ab").sources() == Texts(iter(["ab"])).sources()


def test_half_a_character_in_memory_is_told():
    with pytest.raises(ValueError) as error:
        list(Texts(["whole", "half \ud800"]).documents())
    assert str(error.value) == "document 2 holds half a character (0xd800 at 5)."
