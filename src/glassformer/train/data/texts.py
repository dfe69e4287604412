"""Documents, in parts: a text of any size can be worked on with little memory."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, Protocol

CHUNK: Final = 1 << 17


class Part(NamedTuple):
    """A part of a document: its text, whether the document ends with it, where it stands, how much was read for it."""

    text: str
    ends: bool
    place: str
    read: int


class Corpus(Protocol):
    """Documents to learn from: ``Files`` or ``Texts``."""

    @property
    def size(self) -> int:
        """How much there is to read."""
        ...

    def sources(self) -> list[dict[str, Any]]:
        """What the documents are known by: when this changes, they may have changed."""
        ...

    def parts(self) -> Iterator[Part]:
        """All documents in order, in parts."""
        ...


class Texts:
    """Documents in memory; those without a character are left out. Raises ``ValueError`` if nothing is left."""

    def __init__(self, documents: str | Iterable[str]) -> None:
        self._documents = [documents] if isinstance(documents, str) else list(documents)
        if not any(self._documents):
            raise ValueError("documents must not be empty: there is nothing to learn from.")

    @property
    def size(self) -> int:
        """How many characters there are."""
        return sum(map(len, self._documents))

    def sources(self) -> list[dict[str, Any]]:
        """A hash of all documents."""
        digest = hashlib.sha256()
        for text in self._documents:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little") + data)
        return [{"sha256": digest.hexdigest()}]

    def parts(self) -> Iterator[Part]:
        """All documents in order, in parts. Raises ``ValueError`` for half a character."""
        for number, text in enumerate(self._documents, start=1):
            whole_characters(text, place := f"document {number}")
            for first in range(0, len(text), CHUNK):
                chunk = text[first : first + CHUNK]
                yield Part(chunk, first + CHUNK >= len(text), place, len(chunk))

    def documents(self) -> Iterator[str]:
        """All documents in order, each whole."""
        return whole_documents(self.parts())


def whole_documents(parts: Iterable[Part]) -> Iterator[str]:
    """The documents that ``parts`` make up. Those without a character are left out."""
    waiting: list[str] = []
    for part in parts:
        waiting.append(part.text)
        if part.ends:
            if text := "".join(waiting):
                yield text
            waiting = []


def whole_characters(text: str, place: str) -> None:
    """Raises ``ValueError`` for half of a surrogate pair, which Python and JSON can write and UTF-8 cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{place} holds half a character (0x{ord(text[error.start]):x} at {error.start}).") from None
