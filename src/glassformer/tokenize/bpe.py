"""Byte-level byte-pair encoding, to read: training, encoding, decoding.

Start from single bytes. Again and again, make the pair that occurs most often one token. To encode, repeat the same
merges in the same order. Since any byte is a token, any text can be encoded and comes back unchanged.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import chain, pairwise
from pathlib import Path

from glassformer.tokenize.bytelevel import (
    Merge,
    alphabet,
    from_letters,
    merges_of,
    read_merges,
    read_ranks,
    read_vocab,
    to_letters,
    write,
)
from glassformer.tokenize.merges import learn
from glassformer.tokenize.pairs import Pair
from glassformer.tokenize.split import canonical, cut_special, split

REMEMBERED = 1 << 17  # words; a text has far fewer different ones, and noise must not fill the memory
LONG = 64  # characters


class BPE:
    """A byte-level BPE tokenizer.

    Args:
        tokens: the bytes of each token; a token's place is its id.
        merges: pairs of tokens, the earliest learned first. Each pair joined is a token too.
        rule: the splitting rule, see ``split``.
        special: tokens that are recognized whole in a text and never made by merging.

    Raises ``ValueError`` if a token is there twice, a special one is missing, or a merge does not fit.

    Source: Sennrich, Haddow and Birch (2016), algorithm 1; Radford et al. (2019) for bytes. Taught in
    ``transformers``, section 5.
    """

    def __init__(
        self, tokens: Sequence[bytes], merges: Sequence[Merge], rule: str = "gpt-2", special: Collection[str] = ()
    ) -> None:
        self.tokens, self.merges, self.rule, self.special = list(tokens), list(merges), canonical(rule), tuple(special)
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        if len(self.ids) != len(self.tokens):
            twice = next(token for token, times in Counter(self.tokens).items() if times > 1)
            raise ValueError(f"tokens must differ, but {twice!r} is there twice.")
        if missing := [s for s in special if s.encode() not in self.ids]:
            raise ValueError(f"tokens must hold each special token; {missing[0]!r} is missing.")
        self._bytes = {token[0]: number for token, number in self.ids.items() if len(token) == 1}
        self._ranks: dict[Pair, int] = {}
        self._made: list[int] = []
        for rank, (left, right) in enumerate(self.merges):
            if not {left, right, left + right} <= self.ids.keys():
                raise ValueError(f"merges: {left!r} + {right!r} (number {rank}) and what they make must all be tokens.")
            self._ranks[self.ids[left], self.ids[right]] = rank
            self._made.append(self.ids[left + right])
        self._words = _Remembered(self)

    @property
    def vocab(self) -> int:
        """How many tokens there are."""
        return len(self.tokens)

    @classmethod
    def train(cls, texts: str | Iterable[str], vocab: int, rule: str = "gpt-2", special: Collection[str] = ()) -> "BPE":
        """Learn merges from ``texts`` until there are ``vocab`` tokens, or no pair is left.

        Of two pairs that occur equally often the one with the lower ids goes first: the rule of the fast library, which
        learns the same merges. Ids: the special tokens, the 256 bytes, then the merges in the order they were learned.

        Raises ``ValueError`` if ``texts`` is empty, or ``vocab`` has no room for the bytes and the special tokens.
        """
        tokens = [*(s.encode() for s in special), *alphabet()]
        if vocab < len(tokens):
            raise ValueError(f"vocab ({vocab}) must be at least {len(tokens)}: the 256 bytes and the special tokens.")
        words = Counter(
            word
            for text in ([texts] if isinstance(texts, str) else texts)
            for piece, is_special in cut_special(text, special)
            if not is_special
            for word in split(piece, rule)
        )
        if not words:
            raise ValueError("texts must not be empty: there is nothing to learn merges from.")
        tokens, merges = learn(words, tokens, vocab)
        return cls(tokens, merges, rule, special)

    @classmethod
    def from_ranks(cls, path: str | Path, special: Sequence[str] = ("<|endoftext|>",)) -> "BPE":
        """GPT-2's tokenizer from its published ranks, a ``.tiktoken`` file; ``special`` follows the last rank."""
        ranked = read_ranks(path)
        return cls([*ranked, *(s.encode() for s in special)], merges_of(ranked), "gpt-2", special)

    @classmethod
    def load(cls, folder: str | Path, rule: str = "gpt-2", special: Collection[str] = ()) -> "BPE":
        """The tokenizer whose ``vocab.json`` and ``merges.txt`` stand in ``folder``; see ``save``."""
        vocab = sorted(read_vocab(Path(folder) / "vocab.json").items(), key=lambda item: item[1])
        tokens = [name.encode() if name in special else from_letters(name) for name, _ in vocab]
        return cls(tokens, read_merges(Path(folder) / "merges.txt"), rule, special)

    def named(self) -> dict[str, int]:
        """The vocabulary as files hold it: each token in letters, special ones as they are, with its id."""
        special = {s.encode(): s for s in self.special}
        return {special.get(token) or to_letters(token): number for token, number in self.ids.items()}

    def save(self, folder: str | Path) -> None:
        """Write ``vocab.json`` and ``merges.txt``, which other libraries read too, into ``folder``."""
        write(folder, self.named(), self.merges)

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``.

        Raises ``ValueError`` if a byte is no token (SmolLM2's vocabulary lacks a few control characters; the fast
        library leaves them out without a word), or for half a surrogate pair, which is no text.
        """
        ids: list[int] = []
        for piece, is_special in cut_special(text, self.special):
            if is_special:
                ids.append(self.ids[piece.encode()])
            else:
                ids.extend(chain.from_iterable(map(self._words.__getitem__, split(piece, self.rule))))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``. Bytes that are no UTF-8, as when a text was cut inside a character, become �.

        Raises ``ValueError`` if an id is outside the vocabulary.
        """
        listed = list(ids)
        if outside := [i for i in listed if not 0 <= i < self.vocab]:
            raise ValueError(f"ids must be from 0 to {self.vocab - 1}, not {outside[0]}.")
        return b"".join(map(self.tokens.__getitem__, listed)).decode("utf-8", "replace")

    def merge(self, word: str) -> list[int]:
        """The ids of one word: of all pairs side by side the earliest learned is merged first, from the left.

        A heap holds the pairs, and a linked list the tokens, so that a word of n bytes costs n log n steps.
        """
        try:
            ids = [self._bytes[byte] for byte in word.encode()]
        except KeyError as error:
            raise ValueError(f"text holds the byte {error.args[0]:#04x}, which is no token.") from None
        size, rank_of = len(ids), self._ranks.get
        after, before = list(range(1, size + 1)), list(range(-1, size - 1))
        queue = [(rank, place) for place, pair in enumerate(pairwise(ids)) if (rank := rank_of(pair)) is not None]
        heapify(queue)
        while queue:
            rank, place = heappop(queue)
            second = after[place]
            if second == size or rank_of((ids[place], ids[second])) != rank:
                continue  # one of the two was merged with another neighbor
            ids[place], ids[second] = self._made[rank], -1
            third = after[place] = after[second]
            if third < size:
                before[third] = place
                if (rank := rank_of((ids[place], ids[third]), -1)) >= 0:
                    heappush(queue, (rank, place))
            first = before[place]
            if first >= 0 and (rank := rank_of((ids[first], ids[place]), -1)) >= 0:
                heappush(queue, (rank, first))
        return [token for token in ids if token >= 0]


class _Remembered(dict[str, list[int]]):
    """The ids of words seen before: a text repeats most of its words."""

    def __init__(self, bpe: BPE) -> None:
        self.merge = partial(BPE.merge, bpe)

    def __missing__(self, word: str) -> list[int]:
        ids = self.merge(word)
        if len(self) < REMEMBERED and len(word) < LONG:
            self[word] = ids
        return ids
