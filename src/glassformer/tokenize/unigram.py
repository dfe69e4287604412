"""Unigram, to read: a piece has a probability, and a word is cut where the product is highest.

Training goes the other way from BPE: it starts from too many pieces, learns their probabilities by expectation
maximization, and drops those that the text misses least, until the vocabulary has its size.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from glassformer.tokenize.em import prune, seed, step
from glassformer.tokenize.lattice import Lattice

SPACE = "▁"  # stands for a space, so that pieces show where words begin
UNKNOWN = "<unk>"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
REMEMBERED = 1 << 17  # words


def words(text: str) -> list[str]:
    """The words of ``text``, each with the ``▁`` of the space before it.

    >>> words("to be  or")
    ['to', '▁be', '▁', '▁or']
    """
    return re.findall("▁[^▁]*|[^▁]+", text.replace(" ", SPACE))


class Unigram:
    """A Unigram tokenizer.

    Args:
        scores: each piece with its log-probability; a piece's place is its id.
        unknown: the token for characters that no piece covers; consecutive ones are one token. If ``scores`` holds the
            256 pieces ``<0x00>`` to ``<0xFF>``, such characters become their bytes instead.

    Any text without ``▁`` comes back unchanged if there are byte pieces or all its characters are known.

    Raises ``ValueError`` if ``scores`` does not hold ``unknown``.

    Source: Kudo (2018), section 3.2; Kudo and Richardson (2018). Taught in ``transformers``, section 5.
    """

    def __init__(self, scores: Mapping[str, float], unknown: str = UNKNOWN) -> None:
        if unknown not in scores:
            raise ValueError(f"scores must hold the token of unknown characters, {unknown!r}.")
        self.scores, self.unknown = dict(scores), unknown
        self.tokens = list(self.scores)
        self.ids = {piece: number for number, piece in enumerate(self.tokens)}
        self.has_bytes = all(piece in self.ids for piece in BYTES)
        self._longest = max(map(len, self.tokens))
        self._penalty = (
            min(self.scores.values()) - 10
        )  # an unknown character is worse than any piece, as in the library
        self._seen: dict[str, list[int]] = {}

    @property
    def vocab(self) -> int:
        """How many tokens there are."""
        return len(self.tokens)

    def lattice(self, word: str) -> Lattice:
        """The ways to cut ``word``, in which a space is written ``▁``."""
        return Lattice(word, self.scores, self._penalty, self._longest)

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``: those of the best way to cut each word."""
        ids: list[int] = []
        for word in words(text):
            if (found := self._seen.get(word)) is None:
                found = self._numbers(self.lattice(word).viterbi())
                if len(self._seen) < REMEMBERED:
                    self._seen[word] = found
            ids += found
        return ids

    def _numbers(self, pieces: list[str]) -> list[int]:
        ids: list[int] = []
        unknown_before = False
        for piece in pieces:
            known = piece in self.ids
            if known:
                ids.append(self.ids[piece])
            elif self.has_bytes:
                ids += [self.ids[BYTES[byte]] for byte in piece.encode()]
            elif not unknown_before:
                ids.append(self.ids[self.unknown])
            unknown_before = not known
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``. Raises ``ValueError`` if an id is outside the vocabulary."""
        raw = b""
        for i in ids:
            if not 0 <= i < self.vocab:
                raise ValueError(f"ids must be from 0 to {self.vocab - 1}, not {i}.")
            piece = self.tokens[i]
            is_byte = self.has_bytes and re.fullmatch("<0x[0-9A-F]{2}>", piece)
            raw += bytes([int(piece[3:5], 16)]) if is_byte else piece.replace(SPACE, " ").encode()
        return raw.decode("utf-8", "replace")

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        vocab: int,
        longest: int = 16,
        rounds: int = 2,
        shrink: float = 0.75,
        seeds: int = 0,
        watch: Callable[[int, float], None] = lambda size, likelihood: None,
    ) -> "Unigram":
        """Learn ``vocab`` pieces from ``texts``, or fewer if no more are of use.

        Words end at spaces only: of a long text give the lines one by one, or pieces will span line breaks.

        Args:
            longest: the longest piece, in characters.
            rounds: steps of expectation maximization before each cut.
            shrink: the share of pieces that a cut keeps.
            seeds: how many pieces to start with; 0 for ten times ``vocab``.
            watch: called after each step with the number of pieces and the log-likelihood before it.

        Raises ``ValueError`` if ``texts`` is empty, ``vocab`` has no room for the characters and ``<unk>``, or
        ``shrink`` is not between 0 and 1.
        """
        if not 0 < shrink < 1:
            raise ValueError(f"shrink must be between 0 and 1, not {shrink}.")
        counted = Counter(word for text in ([texts] if isinstance(texts, str) else texts) for word in words(text))
        characters = {c for word in counted for c in word}
        if not counted:
            raise ValueError("texts must not be empty: there is nothing to learn pieces from.")
        if vocab <= len(characters):
            raise ValueError(f"vocab ({vocab}) must be more than the {len(characters)} characters, for <unk>.")
        scores = seed(counted, seeds or 10 * vocab, longest)
        while True:
            for _ in range(rounds):
                scores, likelihood = step(counted, scores)
                watch(len(scores), likelihood)
            if len(scores) < vocab:
                break
            scores = prune(counted, scores, max(vocab - 1, int(shrink * len(scores))))
        ranked = sorted(scores, key=lambda piece: (-scores[piece], piece))
        return cls({UNKNOWN: 0.0, **{piece: scores[piece] for piece in ranked}})
