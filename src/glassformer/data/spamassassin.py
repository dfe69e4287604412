"""The SpamAssassin e-mails: fetched by the reader, read down to subject and text, and kept together by conversation.

The collection came from different people, mailing lists and months for spam and for the rest. Headers give that away:
a program that reads them learns who collected an e-mail, not what it says. So only the subject and the text are kept,
without the names that lists put before a subject and below a text. Used in ``mlp_intro``, section 7.
"""

import email
import email.errors
import email.header
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path

_TAG = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]{0,2000}>", re.S | re.I)
_ANSWER = re.compile(r"^\s*((re|fwd?|aw)\s*(\[\d+\])?\s*:|\[[^\]]{1,30}\])\s*", re.I)
_FOOTER = re.compile(r"\n(_{20,}|-{20,}|={20,}|-- ?)\n(?!.*\n.*\n.*\n.*\n.*\n.*\n.*\n.*\n.*\n.*\n.*\n)", re.S)
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")


@dataclass(frozen=True)
class Mail:
    """Subject and text of an e-mail, whether it is spam, whether it came as HTML, and its conversation's number."""

    subject: str
    text: str
    spam: bool
    html: bool
    thread: int


def read(raw: bytes) -> tuple[str, str, bool]:
    """Subject, text and whether it came as HTML; markup, list names and short footers are taken off.

    >>> read(b"Subject: Re: [List] a plan\\n\\n<b>Hello</b>\\n")[:2]
    ('a plan', '<b>Hello</b>\\n')
    """
    message = email.message_from_bytes(raw.split(b"\n", 1)[1] if raw.startswith(b"From ") else raw)
    subject = _decoded(str(message.get("Subject", "")))
    while (shorter := _ANSWER.sub("", subject)) != subject:
        subject = shorter
    pieces, html = [], False
    for part in message.walk():
        kind = part.get_content_type()
        if kind in ("text/plain", "text/html"):
            payload = part.get_payload(decode=True)
            text = payload.decode("latin-1") if isinstance(payload, bytes) else ""
            if kind == "text/html":
                html, text = True, unescape(_TAG.sub(" ", text))
            pieces.append(text)
    text = "\n".join(pieces).replace("\r\n", "\n")
    return " ".join(subject.split()), _FOOTER.split(text)[0], html


def _decoded(header: str) -> str:
    """A header whose encoded words are decoded, byte by byte: its letters count, not its accents."""
    try:
        parts = email.header.decode_header(header)
    except email.errors.HeaderParseError:
        return header
    return "".join(part.decode("latin-1") if isinstance(part, bytes) else part for part, _ in parts)


def threads(mails: Sequence[tuple[str, str]]) -> list[int]:
    """A number for each (subject, text): the same where the words of the subject or the first 40 of the text agree.

    >>> threads([("a plan", "x y"), ("A plan!", "other"), ("news", "x y"), ("", "alone")])
    [0, 0, 0, 3]
    """
    parent = list(range(len(mails)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    first: dict[tuple[str, ...], int] = {}
    for i, (subject, text) in enumerate(mails):
        for kind, said in (("subject", words(subject)), ("text", words(text)[:40])):
            if said:
                a, b = root(first.setdefault((kind, *said), i)), root(i)
                parent[max(a, b)] = min(a, b)
    return [root(i) for i in range(len(mails))]


def words(text: str) -> list[str]:
    """The words of ``text`` in lower case.

    >>> words("Don't WAIT, 100% free")
    ["don't", 'wait', 'free']
    """
    return _WORD.findall(text.lower())


@cache
def mails(folder: Path) -> tuple[Mail, ...]:
    """All e-mails of the ``folder`` that ``fetch("spamassassin")`` gives, in the order of the collection."""
    files = sorted(folder.glob("*/*.txt"))
    found = [read(file.read_bytes()) for file in files]
    numbers = threads([(subject, text) for subject, text, _ in found])
    return tuple(
        Mail(subject, text, file.parent.name.startswith("spam"), html, number)
        for file, (subject, text, html), number in zip(files, found, numbers, strict=True)
    )
