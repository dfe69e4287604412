"""WordPiece, to read: the longest piece first.

A word is cut from the left, each time at the longest piece in the vocabulary. Pieces that continue a word are written
with ``##`` before them. Encoding therefore needs no merges, only the vocabulary.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from math import log

from glassformer.tokenize.basic import words
from glassformer.tokenize.pairs import Pair, Pairs
from glassformer.tokenize.split import cut_special

INSIDE = "##"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST = 100  # characters; a longer word is unknown, as in BERT's code
REMEMBERED = 1 << 17  # words


class WordPiece:
    """A WordPiece tokenizer as BERT uses it, without the [CLS] and [SEP] around a text.

    Args:
        tokens: the pieces; a piece's place is its id. Must hold ``unknown``.
        lower: whether case and accents are folded.
        special: tokens that are recognized whole; those that are not among ``tokens`` are left out.
        unknown: the token of a word that cannot be cut into pieces.

    A text does not come back unchanged: spaces, and with ``lower`` case and accents, are lost.

    Raises ``ValueError`` if a token is there twice or ``unknown`` is missing.

    Source: Schuster and Nakajima (2012); Wu et al. (2016), section 4.1; Devlin et al. (2019). Taught in
    ``transformers``, section 5.
    """

    def __init__(
        self, tokens: Sequence[str], lower: bool = True, special: Collection[str] = SPECIAL, unknown: str = "[UNK]"
    ) -> None:
        self.tokens, self.lower = list(tokens), lower
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        if len(self.ids) != len(self.tokens):
            twice = next(token for token, times in Counter(self.tokens).items() if times > 1)
            raise ValueError(f"tokens must differ, but {twice!r} is there twice.")
        if unknown not in self.ids:
            raise ValueError(f"tokens must hold the token of unknown words, {unknown!r}.")
        self.special = tuple(s for s in special if s in self.ids)
        self.unknown = unknown
        self._seen: dict[str, list[int]] = {}

    @property
    def vocab(self) -> int:
        """How many tokens there are."""
        return len(self.tokens)

    @classmethod
    def train(
        cls, texts: str | Iterable[str], vocab: int, lower: bool = True, special: Sequence[str] = SPECIAL
    ) -> "WordPiece":
        """Learn pieces from ``texts`` until there are ``vocab``, or no pair is left.

        Starts from single characters and joins the pair that raises the likelihood of the text most, if each piece has
        the probability count / all. With ``f(x) = x log x`` the log-likelihood is ``Σ f(count) − f(all)``, and joining
        a and b, n times side by side, adds ``f(n) + f(a − n) − f(a) + f(b − n) − f(b) + f(all) − f(all − n)``. BPE
        would take the highest n. Of pairs that add the same, the one with the lower ids goes first.

        Raises ``ValueError`` if ``texts`` is empty, or ``vocab`` has no room for the characters.
        """
        listed = [texts] if isinstance(texts, str) else texts
        counted = Counter(word for text in listed for word in words(text, lower))
        if not counted:
            raise ValueError("texts must not be empty: there are no words to learn pieces from.")
        cut = {word: [word[0], *(INSIDE + c for c in word[1:])] for word in counted}
        tokens = [*special, *sorted({piece for pieces in cut.values() for piece in pieces} - set(special))]
        if vocab < len(tokens):
            raise ValueError(f"vocab ({vocab}) must be at least {len(tokens)}: the characters and the special tokens.")
        ids = {token: number for number, token in enumerate(tokens)}
        pairs = Pairs(([ids[piece] for piece in cut[word]], times) for word, times in counted.items())

        while len(tokens) < vocab:
            best = likeliest(pairs)
            if best is None:
                break
            joined = tokens[best[0]] + tokens[best[1]].removeprefix(INSIDE)
            new = ids.setdefault(joined, len(tokens))
            if new == len(tokens):
                tokens.append(joined)
            pairs.merge(best, new)
        return cls(tokens, lower, special)

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``; of a word that cannot be cut, the one of ``unknown``."""
        ids: list[int] = []
        for piece, is_special in cut_special(text, self.special):
            if is_special:
                ids.append(self.ids[piece])
                continue
            for word in words(piece, self.lower):
                if (found := self._seen.get(word)) is None:
                    found = self.pieces(word)
                    if len(self._seen) < REMEMBERED:
                        self._seen[word] = found
                ids.extend(found)
        return ids

    def pieces(self, word: str) -> list[int]:
        """The ids of one word: from the left, each time the longest piece that is in the vocabulary."""
        found: list[int] = []
        start = 0
        while start < len(word) <= LONGEST:
            inside = INSIDE if start else ""
            ends = (end for end in range(len(word), start, -1) if inside + word[start:end] in self.ids)
            if (end := next(ends, 0)) == 0:
                return [self.ids[self.unknown]]
            found.append(self.ids[inside + word[start:end]])
            start = end
        return found or [self.ids[self.unknown]]

    def decode(self, ids: Iterable[int]) -> str:
        """The pieces of ``ids`` joined, with a space before each that begins a word.

        Raises ``ValueError`` if an id is outside the vocabulary.
        """
        listed = list(ids)
        if outside := [i for i in listed if not 0 <= i < self.vocab]:
            raise ValueError(f"ids must be from 0 to {self.vocab - 1}, not {outside[0]}.")
        pieces = [self.tokens[i] for i in listed]
        return "".join(
            piece.removeprefix(INSIDE) if piece.startswith(INSIDE) or number == 0 else f" {piece}"
            for number, piece in enumerate(pieces)
        )


def likeliest(pairs: Pairs) -> Pair | None:
    """The pair that raises the likelihood most when it is joined, or ``None`` if there is none; see ``train``."""

    def f(x: int) -> float:
        return x * log(x) if x else 0.0

    units = pairs.units
    total = sum(units.values())
    own = {token: f(count) for token, count in units.items()}
    joined = {n: f(n) + f(total) - f(total - n) for n in set(pairs.counts.values())}  # the terms without a and b

    def gain(pair: Pair, n: int) -> float:
        a, b = pair
        if a == b:
            return joined[n] + f(max(units[a] - 2 * n, 0)) - own[a]
        return joined[n] + f(units[a] - n) - own[a] + f(units[b] - n) - own[b]

    ranked = ((gain(pair, n), -pair[0], -pair[1]) for pair, n in pairs.counts.items())
    best = max(ranked, default=None)
    return best and (-best[1], -best[2])
