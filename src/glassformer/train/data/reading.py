"""Read text and JSONL files part by part; what is wrong with one is said in a sentence that names the place."""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

from glassformer.train.data.texts import CHUNK, Part, whole_characters

BOM = codecs.BOM_UTF8
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path) -> Iterator[Part]:
    """One document: the whole file."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    blank = True
    with path.open("rb") as file:
        began = file.read(len(BOM))
        _not_utf16(began, path)
        first = at = len(BOM) if began == BOM else 0
        line = 1
        file.seek(at)
        while chunk := file.read(CHUNK):
            if b"\0" in chunk:
                raise _binary(path, at, line, chunk)
            text = _decoded(decoder, chunk, path, at, line)
            blank = blank and (not text or text.isspace())
            at, line = at + len(chunk), line + _lines(chunk)
            yield Part(text, False, str(path), len(chunk))
        _decoded(decoder, b"", path, at, line, final=True)
    if blank:
        raise ValueError(f"{path} holds no text but white space." if at > first else f"{path} is empty.")
    yield Part("", True, str(path), 0)


def read_jsonl(path: Path) -> Iterator[Part]:
    """A document for each line that is not empty."""
    found, at = False, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                _not_utf16(line, path)
            data = line.removeprefix(BOM) if number == 1 else line
            if data.strip():
                found = True
                text = _field(data, path, at + len(line) - len(data), number)
                yield Part(text, True, f"{path}, line {number}", len(line))
            at += len(line)
    if not found:
        raise ValueError(f"{path} is empty.")


def _field(data: bytes, path: Path, at: int, line: int) -> str:
    """The ``text`` of a line. ``at`` says where in the file it begins."""
    place = f"{path}, line {line}"
    if b"\0" in data:
        raise _binary(path, at, line, data)
    text = _decoded(codecs.getincrementaldecoder("utf-8")(), data, path, at, line, final=True)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place} is not JSON: {getattr(error, 'msg', error)}.") from None
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        raise ValueError(f'{place} must be an object with a text, such as {{"text": "To be"}}.')
    whole_characters(found["text"], place)
    return str(found["text"])


def _decoded(
    decoder: codecs.IncrementalDecoder, data: bytes, path: Path, at: int, line: int, final: bool = False
) -> str:
    """``data`` as text. ``at`` and ``line`` say where in the file it begins."""
    waiting = len(decoder.getstate()[0])
    try:
        return decoder.decode(data, final)
    except UnicodeDecodeError as error:
        wrong, first = error.object, error.start
        place = f"byte {at - waiting + first} (line {line + _lines(wrong[:first])})"
        raise ValueError(f"{path} is not UTF-8 text: {place} is 0x{wrong[first]:02x}.") from None


def _not_utf16(began: bytes, path: Path) -> None:
    if began[:2] in UTF16:
        raise ValueError(f"{path} is not UTF-8 text: it looks like UTF-16. Save it as UTF-8.")


def _binary(path: Path, at: int, line: int, data: bytes) -> ValueError:
    first = data.index(0)
    return ValueError(f"{path} is binary, not text: byte {at + first} (line {line + _lines(data[:first])}) is 0.")


def _lines(data: bytes) -> int:
    return data.count(b"\n")
