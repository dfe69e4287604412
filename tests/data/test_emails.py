"""The guide's e-mails: enough of them, as many spam as not, and none twice."""

from collections import Counter

from glassformer import data


def test_the_emails_are_balanced_and_each_stands_once():
    emails = data.emails()
    labels = Counter(label for _, label in emails)
    assert labels[1] == labels[0] >= 24 and set(labels) == {0, 1}
    assert len({text for text, _ in emails}) == len(emails)


def test_an_email_fits_into_a_line_or_two():
    assert all(20 <= len(text) <= 110 and text == text.strip() and text.isascii() for text, _ in data.emails())
