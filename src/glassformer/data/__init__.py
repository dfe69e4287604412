"""Small data sets that ship with the package.

The sentences, reviews and e-mails are our own and, like the code, under the MIT license. The plays (``data.plays``) are
Shakespeare's and in the public domain. ``recorded`` gives the results of the experiments that pages show.
"""

import json
import unicodedata
from importlib.resources import files
from typing import Any


def _read(name: str) -> Any:
    return json.loads(files(__package__).joinpath(name).read_text("utf-8"))


def languages() -> dict[str, list[str]]:
    """Everyday sentences in English, German and Spanish, 30 in each: language to sentences.

    Used in ``nn_intro``, section 1.
    """
    return dict(_read("languages.json"))


def reviews() -> list[tuple[str, int]]:
    """Forty-eight short reviews of films, meals and trips, each with 1 (pleased) or 0 (not pleased).

    Used in ``nn_intro``, section 2.
    """
    return [
        (text, label) for label, texts in ((1, "pleased"), (0, "not pleased")) for text in _read("reviews.json")[texts]
    ]


def emails() -> list[tuple[str, int]]:
    """Sixty-four short e-mails of our own, each with 1 (spam) or 0 (not spam), as many of the one as of the other.

    Used in ``mlp_intro``, section 5.
    """
    return [(text, label) for label, texts in ((1, "spam"), (0, "not spam")) for text in _read("emails.json")[texts]]


def plain_letters(text: str) -> str:
    """``text`` in lower case with accents taken off and everything but a–z and single spaces removed.

    >>> plain_letters("¿Dónde está Müller?")
    'donde esta muller'
    """
    bare = unicodedata.normalize("NFKD", text.replace("ß", "ss").lower())
    letters = "".join(c if c.isascii() and c.isalpha() else " " if c.isspace() or c in "-–'’" else "" for c in bare)
    return " ".join(letters.split())


def recorded(name: str) -> dict[str, Any]:
    """The results of the experiment ``name``, as ``experiments/NAME.py`` wrote them. Raises ``FileNotFoundError``."""
    return dict(_read(f"recorded/{name}.json"))
