"""Documents in files: what is read, in which order, and what each bad file is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.train.data import Files, Texts

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def lines(*texts):
    return "".join(json.dumps({"text": text}) + "\n" for text in texts)


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_any_unicode_text_is_read_as_it_was_written(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("texts")
    (folder / "a.jsonl").write_text(lines(*texts), "utf-8")
    assert list(Files(folder).documents()) == texts
    if not texts[0].isspace():
        (folder / "b.txt").write_bytes(texts[0].encode())
        expected = texts[0].removeprefix("\ufeff")
        assert list(Files(folder / "b.txt").documents()) == ([expected] if expected else [])


def test_folders_and_patterns_are_read_in_order_and_each_file_once(tmp_path):
    for name in ("b.txt", "a.txt", ".hidden.txt", "deep/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, "utf-8")
    assert list(Files(tmp_path).documents()) == ["a.txt", "b.txt", "deep/c.txt"]
    assert list(Files([tmp_path / "b.txt", tmp_path / "*.txt"]).documents()) == ["b.txt", ".hidden.txt", "a.txt"]
    assert Files(tmp_path).size == len("a.txtb.txtdeep/c.txt")


def test_line_ends_stay_and_empty_lines_of_jsonl_do_not(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    (tmp_path / "b.jsonl").write_text("\n" + lines("one") + "  \n" + lines("", "two"), "utf-8")
    assert list(Files(tmp_path).documents()) == ["one\r\ntwo\n", "one", "two"]


def test_a_character_on_the_border_of_two_chunks_is_whole(tmp_path, monkeypatch):
    from glassformer.train.data import reading

    monkeypatch.setattr(reading, "CHUNK", 7)
    (tmp_path / "a.txt").write_text("añ€𝄞" * 9, "utf-8")
    assert list(Files(tmp_path).documents()) == ["añ€𝄞" * 9]


@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("a.txt", b"", r"a\.txt is empty\."),
        ("a.txt", b" \n\t", r"a\.txt holds no text but white space"),
        ("a.txt", b"one\ntwo\0three", r"a\.txt is binary, not text: byte 7 \(line 2\) is 0"),
        ("a.txt", b"one\nna\xefve", r"a\.txt is not UTF-8 text: byte 6 \(line 2\) is 0xef"),
        ("a.txt", "one".encode("utf-16"), r"a\.txt is not UTF-8 text: it looks like UTF-16. Save it as UTF-8"),
        ("a.txt", b"cut \xe2\x82", r"a\.txt is not UTF-8 text: byte 4 \(line 1\) is 0xe2"),
        ("a.jsonl", b"", r"a\.jsonl is empty"),
        ("a.jsonl", b'{"text": "one"}\n{"text": ', r"a\.jsonl, line 2 is not JSON"),
        ("a.jsonl", b'{"text": "one"}\n{"words": "two"}', r"a\.jsonl, line 2 must be an object with a text"),
        ("a.jsonl", b'["one"]', r"a\.jsonl, line 1 must be an object with a text"),
        ("a.jsonl", b'{"text": "\\ud800"}', r"a\.jsonl, line 1"),
        ("a.jsonl", b'{"text": "\xff"}', r"a\.jsonl is not UTF-8 text: byte 10 \(line 1\) is 0xff"),
    ],
)
def test_a_bad_file_is_told_where_it_is_bad(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        list(Files(tmp_path / name).documents())


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file or folder .*none"):
        Files(tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError, match="holds no files"):
        Files(tmp_path)
    with pytest.raises(ValueError, match="paths must not be empty"):
        Files([])
    with pytest.raises(ValueError):
        Texts(["", ""])


def test_texts_in_memory_are_documents_too():
    assert list(Texts(["one", "", "two"]).documents()) == ["one", "two"]
    assert Texts("one").sources() != Texts("two").sources()
    with pytest.raises(ValueError):
        list(Texts(["half \ud800"]).documents())
