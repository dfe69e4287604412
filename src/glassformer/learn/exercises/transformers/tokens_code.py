"""Exercises of the page on tokens that are answered in code."""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from glassformer.learn.exercise import Code

Pair = tuple[str, str]


def _telling(rng: random.Random, draw: Callable[[random.Random], Any], exercise: Code) -> Any:
    """Of 40 inputs the one on which most mistakes give something of their own."""
    functions = (exercise.reference, *exercise.mistakes.values())
    return max((draw(rng) for _ in range(40)), key=lambda inputs: len({repr(f(*inputs)) for f in functions}))


def _joined(pieces: Sequence[str], pair: Pair, *, skip: int = 2, most: int = 1000) -> list[str]:
    """``pieces`` with ``pair`` joined from the left; ``skip`` and ``most`` make one mistake each."""
    out: list[str] = []
    place = 0
    while place < len(pieces):
        if tuple(pieces[place : place + 2]) == pair and most > 0:
            out.append("".join(pair))
            place, most = place + skip, most - 1
        else:
            out.append(pieces[place])
            place += 1
    return out


def _counted(words: Sequence[str], times: Sequence[int], *, once: bool = False) -> Counter[Pair]:
    counts: Counter[Pair] = Counter()
    for word, n in zip(words, times, strict=True):
        pairs = list(pairwise(word.split()))
        for pair in dict.fromkeys(pairs) if once else pairs:
            counts[pair] += n
    return counts


def _first(counts: Counter[Pair]) -> Pair:
    return min(counts, key=lambda pair: (-counts[pair], pair))


def _step(
    words: Any, times: Any, choose: Callable[[Counter[Pair]], Pair] = _first, once: bool = False, **how: Any
) -> list[str]:
    pair = choose(_counted(words, times, once=once))
    return [" ".join(_joined(word.split(), pair, **how)) for word in words]


def _words(rng: random.Random) -> tuple[list[str], list[int]]:
    """Four words of a few pieces, some with the same piece three times, and how often each occurs."""
    words = [" ".join(rng.choices(["a", "b", "c", "ab", "ca"], k=rng.randint(3, 6))) for _ in range(3)]
    piece = rng.choice("abc")
    return [*words, " ".join([piece] * rng.choice([3, 5]))], [rng.randint(1, 2) for _ in range(4)]


def _replaced(words: Any, times: Any) -> list[str]:
    left, right = _first(_counted(words, times))
    return [word.replace(f"{left} {right}", left + right) for word in words]


train_step: Code = Code(
    id="tokens.train-step",
    teaches="transformers/05-tokens#byte-pair-encoding",
    function="bpe_step",
    reference=lambda words, times: _step(words, times),
    inputs=lambda rng: _telling(rng, _words, train_step),
    mistakes={
        "Each word counts once, however often it occurs. Add its number to the count, not 1.": (
            lambda words, times: _step(words, times, lambda _: _first(_counted(words, [1] * len(words))))
        ),
        "A pair that stands twice in a word counts twice. You counted it once for each word.": (
            lambda words, times: _step(words, times, once=True)
        ),
        "After a merge the second piece is used again. Skip both pieces of a pair that you joined.": (
            lambda words, times: _step(words, times, skip=1)
        ),
        "Only the first place in each word is joined. The pair is joined wherever it stands.": (
            lambda words, times: _step(words, times, most=1)
        ),
        "Of pairs that are equally frequent you take the last in the alphabet, and the first is wanted.": (
            lambda words, times: _step(words, times, lambda counts: max(counts, key=lambda pair: (counts[pair], pair)))
        ),
        "Of pairs that are equally frequent you take the one that you met first; wanted is the first in the "
        "alphabet.": (
            lambda words, times: _step(words, times, lambda counts: max(counts, key=lambda pair: counts[pair]))
        ),
        "That joins the rarest pair. The most frequent one is wanted.": (
            lambda words, times: _step(words, times, lambda counts: min(counts, key=lambda pair: (counts[pair], pair)))
        ),
        "Replacing in the text also joins the end of one piece with the next: “ca b” holds “a b”. Compare whole "
        "pieces.": (_replaced),
    },
)


def _encode(word: str, merges: Any) -> list[str]:
    pieces = list(word)
    for pair in merges:
        pieces = _joined(pieces, tuple(pair))
    return pieces


def _from_the_left(word: str, merges: Any) -> list[str]:
    known, pieces, place = {tuple(pair) for pair in merges}, list(word), 0
    while place + 1 < len(pieces):
        if tuple(pieces[place : place + 2]) in known:
            pieces[place : place + 2] = ["".join(pieces[place : place + 2])]
            place = 0
        else:
            place += 1
    return pieces


def _by_rank(word: str, merges: Any, sign: int) -> list[str]:
    ranks, pieces = {tuple(pair): sign * rank for rank, pair in enumerate(merges)}, list(word)
    while found := [pair for pair in pairwise(pieces) if pair in ranks]:
        pieces = _joined(pieces, min(found, key=ranks.__getitem__))
    return pieces


def _longest(word: str, known: Any) -> list[str]:
    pieces, start = [], 0
    while start < len(word):
        end = next((e for e in range(len(word), start, -1) if word[start:e] in known), start + 1)
        pieces.append(word[start:end])
        start = end
    return pieces


def _table(rng: random.Random) -> tuple[str, list[Pair]]:
    """A word of 9 to 14 letters, and eight merges learned from others, no two of which make the same piece."""
    words = ["".join(rng.choices("abc", k=8)) for _ in range(6)]
    cut, merges, made = [list(word) for word in words], list[Pair](), set("abc")
    while len(merges) < 8:
        counts = Counter(pair for pieces in cut for pair in pairwise(pieces) if "".join(pair) not in made)
        if not counts:
            break
        pair = _first(counts)
        merges.append(pair)
        made.add("".join(pair))
        cut = [_joined(pieces, pair) for pieces in cut]
    return "".join(rng.choices("abc", k=rng.randint(9, 14))), merges


encode: Code = Code(
    id="tokens.encode",
    teaches="transformers/05-tokens#byte-pair-encoding",
    function="encode",
    reference=lambda word, merges: _encode(word, merges),
    inputs=lambda rng: _telling(rng, _table, encode),
    mistakes={
        "You merge whatever fits from left to right. The merge that was learned first goes first, wherever it "
        "stands.": (_from_the_left),
        "The merges run from the last to the first. The one that was learned first has the lowest rank and goes "
        "first.": (lambda word, merges: _by_rank(word, merges, -1)),
        "You take the longest piece from the left, as WordPiece does. BPE repeats its merges in their order.": (
            lambda word, merges: _longest(word, {a + b for a, b in merges})
        ),
        "After a merge the second piece is used again. Skip both pieces of a pair that you joined.": (
            lambda word, merges: _every(word, merges, skip=1)
        ),
        "Each merge is done once. It is done wherever its pair stands in the word.": (
            lambda word, merges: _every(word, merges, most=1)
        ),
        "You stop after the first merge that fits. What it makes may be merged again.": (
            lambda word, merges: _joined(list(word), next((p for p in merges if "".join(p) in word), ("", "")))
        ),
    },
)


def _every(word: str, merges: Any, **how: int) -> list[str]:
    pieces = list(word)
    for pair in merges:
        pieces = _joined(pieces, tuple(pair), **how)
    return pieces


def _cuts(word: str, scores: Any) -> list[list[str]]:
    """Every way to cut ``word`` into pieces that have a score."""
    if not word:
        return [[]]
    ends = (end for end in range(1, len(word) + 1) if word[:end] in scores)
    return [[word[:end], *rest] for end in ends for rest in _cuts(word[end:], scores)]


def _best(word: str, scores: Any, value: Callable[[list[float]], float] = sum) -> list[str]:
    return max(_cuts(word, scores), key=lambda pieces: value([scores[piece] for piece in pieces]))


def _scored(rng: random.Random) -> tuple[str, dict[str, float]]:
    """A word of 7 letters and the log-probabilities of its letters and of half of its parts."""
    word = "".join(rng.choices("abcd", k=7))
    parts = {word[i:j] for i in range(7) for j in range(i + 2, min(i + 4, 7) + 1)}
    scores = {letter: math.log(rng.uniform(0.01, 0.1)) for letter in sorted(set(word))}
    chosen = [part for part in sorted(parts) if rng.random() < 0.6]
    return word, scores | {part: math.log(rng.uniform(0.0005, 0.06)) for part in chosen}


viterbi: Code = Code(
    id="tokens.viterbi",
    teaches="transformers/05-tokens#unigram",
    function="best_cut",
    reference=lambda word, scores: _best(word, scores),
    inputs=lambda rng: _telling(rng, _scored, viterbi),
    mistakes={
        "You take the longest piece from the left. The best whole may begin with a short one.": (
            lambda word, scores: _longest(word, scores)
        ),
        "That is the cut with the lowest sum. The highest is wanted: log-probabilities are negative.": (
            lambda word, scores: _best(word, scores, lambda values: -sum(values))
        ),
        "You average the scores over the pieces. The probability of a cut is a product, so its logarithm is the sum.": (
            lambda word, scores: _best(word, scores, lambda values: sum(values) / len(values))
        ),
        "That is the cut with the fewest pieces. Fewer is often better, but only the sum decides.": (
            lambda word, scores: _best(word, scores, lambda values: -len(values) + sum(values) * 1e-6)
        ),
        "At each place you take the piece with the highest score. The best whole may need a poorer piece now.": (
            lambda word, scores: _greedy(word, scores)
        ),
    },
)


def _greedy(word: str, scores: Any) -> list[str]:
    pieces = []
    while word:
        piece = max((word[:end] for end in range(1, len(word) + 1) if word[:end] in scores), key=scores.__getitem__)
        pieces.append(piece)
        word = word[len(piece) :]
    return pieces
