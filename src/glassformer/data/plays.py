"""Passages of Shakespeare's comedies and tragedies, and what a bag of words needs to read them.

The plays are in the public domain. They are the 25 that the catalogue of the First Folio (1623) lists as comedies and
as tragedies, in modern spelling; ``tools/plays.py`` says how they were cut. A passage holds what is spoken, about
ninety words within one scene, without the names of the speakers. People and places are still named *in* the speeches.
Such names give a play away, so a fair test keeps whole plays apart.
"""

import json
import lzma
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")


@dataclass(frozen=True)
class Play:
    """A play: its title, its kind (``"comedy"`` or ``"tragedy"``) and its passages in order."""

    title: str
    kind: str
    passages: tuple[str, ...]


@cache
def plays() -> tuple[Play, ...]:
    """The 14 comedies and 11 tragedies, with more than 5,000 passages together. Used in ``nn_intro``, section 5.7."""
    packed = files(__package__).joinpath("plays.json.xz").read_bytes()
    return tuple(
        Play(play["title"], play["kind"], tuple(play["passages"])) for play in json.loads(lzma.decompress(packed))
    )


def words(text: str) -> list[str]:
    """The words of ``text`` in lower case: letters, with apostrophes inside.

    >>> words("'Tis now struck twelve; reliev'd!")
    ['tis', 'now', 'struck', 'twelve', "reliev'd"]
    """
    return WORD.findall(text.lower())


def vocabulary(chosen: Iterable[Play], in_plays: int = 2) -> dict[str, int]:
    """A number for each word that occurs in at least ``in_plays`` of the ``chosen`` plays: 1 for the most widespread.

    0 is left for padding. Made from the plays one learns from, it holds no word that only a test play has; and with
    ``in_plays`` of 2 or more no name that occurs in a single play.

    Raises ``ValueError`` if ``in_plays`` is not positive.
    """
    if in_plays < 1:
        raise ValueError(f"in_plays must be at least 1, not {in_plays}.")
    found = Counter(word for play in chosen for word in {w for passage in play.passages for w in words(passage)})
    kept = sorted((-number, word) for word, number in found.items() if number >= in_plays)
    return {word: index for index, (_, word) in enumerate(kept, start=1)}


def encode(passages: Sequence[str], numbers: Mapping[str, int]) -> "Tensor":
    """The known words of each passage as numbers, shape ``[passages, longest]``, int64, filled up with 0."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    rows = [torch.tensor([numbers[w] for w in words(p) if w in numbers], dtype=torch.long) for p in passages]
    return pad_sequence(rows, batch_first=True) if rows else torch.zeros(0, 0, dtype=torch.long)
