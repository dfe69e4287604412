"""Counting neighbors while they merge: what the trainers of BPE and WordPiece have in common.

After a merge only the words that hold the pair change, so only their pairs are counted anew. That makes a thousand
merges cost little more than the first count.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

Pair = tuple[int, int]


class Pairs:
    """How often two tokens stand side by side, over words that occur a number of times each.

    Args:
        words: each word as token ids, with how often it occurs.

    ``counts`` maps a pair to its number, ``units`` a token to its number; both are kept true by ``merge``.
    Taught in ``transformers``, section 5.
    """

    def __init__(self, words: Iterable[tuple[Sequence[int], int]]) -> None:
        self.words: list[list[int]] = []
        self.times: list[int] = []
        self.counts: Counter[Pair] = Counter()
        self.units: Counter[int] = Counter()
        self.where: defaultdict[Pair, set[int]] = defaultdict(set)
        for index, (word, times) in enumerate(words):
            self.words.append(list(word))
            self.times.append(times)
            self._count(index, times)

    def _count(self, index: int, times: int) -> None:
        word = self.words[index]
        for pair in pairwise(word):
            self.counts[pair] += times
            if times > 0:
                self.where[pair].add(index)
            elif not self.counts[pair]:
                del self.counts[pair], self.where[pair]
        for token in word:
            self.units[token] += times

    def merge(self, pair: Pair, new: int) -> set[Pair]:
        """Make each ``pair`` the one token ``new``, from the left; the pairs that hold ``new`` now and occur."""
        fresh: set[Pair] = set()
        for index in list(self.where[pair]):
            old = self.words[index]
            self._count(index, -self.times[index])
            self.words[index] = merged = replace(old, pair, new)
            self._count(index, self.times[index])
            fresh.update(p for p in pairwise(merged) if new in p)
        return fresh


def replace(word: Sequence[int], pair: Pair, new: int) -> list[int]:
    """``word`` with each ``pair`` replaced by ``new``, from the left.

    >>> replace([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    out: list[int] = []
    place, last = 0, len(word) - 1
    while place <= last:
        if place < last and word[place] == pair[0] and word[place + 1] == pair[1]:
            out.append(new)
            place += 2
        else:
            out.append(word[place])
            place += 1
    return out
