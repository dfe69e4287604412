"""E-mails read down to what may be learned from. All of them are made up here; none is of the collection."""

import doctest

from glassformer.data import spamassassin
from glassformer.data.spamassassin import read, threads

HTML = b"""From nobody Thu Aug 22 12:36:23 2002
Received: from host.example
Subject: =?utf-8?q?Fwd=3A?= [list] [other] Cheap   maps
Content-Type: text/html

<style>p {color: red}</style><p>Maps &amp; more</p>
"""


def test_examples() -> None:
    assert doctest.testmod(spamassassin).failed == 0


def test_markup_headers_and_lists_are_taken_off() -> None:
    subject, text, html = read(HTML)
    assert (subject, text.split(), html) == ("Cheap maps", ["Maps", "&", "more"], True)
    assert "host" not in text


def test_a_footer_is_taken_off_and_a_line_within_is_not() -> None:
    footer = b"\n______________________________\na list\nhttp://list.example\n"
    assert read(b"Subject: a\n\nhello" + footer)[1] == "hello"
    long = footer + b"more\n" * 17
    assert read(b"Subject: a\n\nhello" + long)[1].endswith("more\n")


def test_conversations_join_over_several_steps() -> None:
    assert threads([("a", "x"), ("b", "y"), ("a", "y"), ("c", "z")]) == [0, 0, 0, 3]
    assert threads([("", ""), ("", "")]) == [0, 1]


def test_the_folders_say_what_is_spam_and_the_subjects_what_belongs_together(tmp_path) -> None:
    for group in ("easy-ham-1", "spam-2"):
        (tmp_path / group).mkdir()
        (tmp_path / group / "1.txt").write_bytes(HTML)
    found = spamassassin.mails(tmp_path)
    assert [mail.spam for mail in found] == [False, True] and [mail.thread for mail in found] == [0, 0]
