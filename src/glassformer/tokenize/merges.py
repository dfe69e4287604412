"""How BPE learns: the pair that occurs most often becomes a token, again and again."""

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from glassformer.tokenize.bytelevel import Merge
from glassformer.tokenize.pairs import Pairs


def learn(words: Mapping[str, int], tokens: Sequence[bytes], vocab: int) -> tuple[list[bytes], list[Merge]]:
    """Merges for ``words``, which occur a number of times each, until there are ``vocab`` tokens or no pair is left.

    Begins with ``tokens``, which hold every single byte; gives all tokens, and the merges in the order they were
    learned. Of two pairs that occur equally often the one with the lower ids goes first.

    A heap holds the pairs by how often they occurred when they were put in. A merge takes occurrences from other pairs;
    that shows when such a pair comes out, and it goes back with its true number.

    Source: Sennrich, Haddow and Birch (2016), algorithm 1. Taught in ``transformers``, section 5.
    """
    tokens = list(tokens)
    ids = {token: number for number, token in enumerate(tokens)}
    pairs = Pairs(([ids[bytes([byte])] for byte in word.encode()], times) for word, times in words.items())
    queue = [(-times, pair) for pair, times in pairs.counts.items()]
    heapify(queue)
    merges: list[Merge] = []
    while queue and len(tokens) < vocab:
        times, pair = heappop(queue)
        if (now := pairs.counts[pair]) != -times:
            if now > 0:
                heappush(queue, (-now, pair))
            continue
        left, right = tokens[pair[0]], tokens[pair[1]]
        new = ids.setdefault(left + right, len(tokens))
        if new == len(tokens):  # else another pair made the same token before
            tokens.append(left + right)
        merges.append((left, right))
        for fresh in pairs.merge(pair, new):
            heappush(queue, (-pairs.counts[fresh], fresh))
    return tokens, merges
