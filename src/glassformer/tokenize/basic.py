"""BERT's words: a text cleaned, folded and cut at white space and punctuation, before WordPiece looks at it."""

import string
import unicodedata

# Chinese has no spaces, so each of its characters is a word; Japanese kana and Korean are not in here. The sixth run
# begins at 2B920 in the fast library and at 2B820 in BERT's own code; the vocabularies hold nothing from there.
CHINESE = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def _clean(c: str) -> str:
    """A space for a tab or line break; nothing for other control and format characters and for �."""
    if c in "\t\n\r":
        return " "
    if c in "\0\ufffd" or unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs"):
        return ""
    if any(first <= ord(c) <= last for first, last in CHINESE):
        return f" {c} "
    return c


def _fold(text: str) -> str:
    """``text`` in lower case and without accents, letter by letter: Σ is σ at the end of a word as well."""
    bare = (c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return "".join(c.lower() for c in bare)


def _is_punctuation(c: str) -> bool:
    return c in string.punctuation or unicodedata.category(c)[0] == "P"


def words(text: str, lower: bool = True) -> list[str]:
    """The words of ``text``, each punctuation mark and each Chinese character a word of its own.

    >>> words("Élan vital, isn't it?")
    ['elan', 'vital', ',', 'isn', "'", 't', 'it', '?']

    ``lower`` folds case and accents, as the uncased models do. Classes of characters are those of Python's Unicode;
    the fast library's are older, and a few hundred marks and signs that are newer it takes for letters.

    Source: the code published with Devlin et al. (2019). Taught in ``transformers``, section 5.
    """
    cleaned = "".join(map(_clean, text))
    if lower:
        cleaned = _fold(cleaned)
    spaced = "".join(f" {c} " if _is_punctuation(c) else c for c in cleaned)
    return spaced.split()
