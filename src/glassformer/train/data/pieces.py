"""Cut long documents where a tokenizer does not notice, so that the pieces give the tokens of the whole."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from glassformer.tokenize import CharTokenizer, Tokenizer
from glassformer.train.data.texts import CHUNK, Part

AnyTokenizer = Tokenizer | CharTokenizer
"""A tokenizer that tells texts apart whatever they hold, and can be known again."""

AFTER_WORD: Final = re.compile(r"(?<=[^\W_])(?=\s)")
NEAR: Final = 4096
BESIDE: Final = 64


def encoder(tokenizer: AnyTokenizer) -> Callable[[str], list[int]]:
    """The ids of a text, nothing added. A special token that is written out in a text is ordinary text."""
    if isinstance(tokenizer, CharTokenizer):
        return tokenizer.encode
    return lambda text: tokenizer.encode(text, add_special=False, parse_special=False)


def pieces(parts: Iterable[Part], tokenizer: AnyTokenizer, longest: int = CHUNK) -> Iterator[Part]:
    """The same documents in other parts, such that ``ids(document) = ids(part) + ids(part) + …``.

    A part of more than ``longest`` characters is cut before white space that follows a letter or a digit: the rules
    that split text before BPE or WordPiece all begin a new word there. That the ids agree is tried on the text around
    each cut. For a tokenizer that cannot be cut, such as one that puts a space before each text, documents stay whole,
    and memory has to hold them.
    """
    ids = encoder(tokenizer)
    free = isinstance(tokenizer, CharTokenizer)
    waiting, read = "", 0
    for part in parts:
        waiting, read = waiting + part.text, read + part.read
        if part.ends:
            yield Part(waiting, True, part.place, read)
            waiting, read = "", 0
        elif len(waiting) >= longest:
            cut = len(waiting) if free else _cut(waiting, ids)
            if cut:
                yield Part(waiting[:cut], False, part.place, read)
                waiting, read = waiting[cut:], 0


def _cut(text: str, ids: Callable[[str], list[int]]) -> int:
    """The last place near the end of ``text`` where it can be cut, 0 if there is none."""
    near = max(0, len(text) - NEAR)
    for found in reversed(list(AFTER_WORD.finditer(text, near))[-20:]):
        cut = found.start()
        left, right = text[max(0, cut - BESIDE) : cut], text[cut : cut + BESIDE]
        if ids(left) + ids(right) == ids(left + right):
            return cut
    return 0
