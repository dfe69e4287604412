"""How Unigram learns: expectation maximization over all ways to cut each word, and dropping what is of least use."""

from collections import Counter
from collections.abc import Mapping
from math import inf, log

from glassformer.tokenize.lattice import Lattice

FLOOR = 1e-6  # the least expected count: a character must stay reachable for texts that are not the training text


def seed(counted: Mapping[str, int], most: int, longest: int) -> dict[str, float]:
    """The characters, and the parts of words that cover most text (``times · length``) and occur more than once."""
    times: Counter[str] = Counter()
    for word, number in counted.items():
        for start in range(len(word)):
            for end in range(start + 1, min(start + longest, len(word)) + 1):
                times[word[start:end]] += number
    parts = (part for part in times if len(part) > 1 and times[part] > 1)
    ranked = sorted(parts, key=lambda part: (-times[part] * len(part), part))
    kept = [part for part in times if len(part) == 1] + ranked[:most]
    total = log(sum(times[part] for part in kept))
    return {part: log(times[part]) - total for part in kept}


def step(counted: Mapping[str, int], scores: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """One step of expectation maximization: the new scores, and the log-likelihood under the old ones.

    Count how often each piece is expected under ``scores``, over all ways to cut each word; the new probability of a
    piece is its share. The likelihood never falls. Source: Dempster, Laird and Rubin (1977).
    """
    longest = max(map(len, scores))
    expected: dict[str, float] = dict.fromkeys(scores, 0.0)
    likelihood = 0.0
    for word, times in counted.items():
        counts, log_p = Lattice(word, scores, longest=longest).expected()
        likelihood += times * log_p
        for piece, count in counts.items():
            expected[piece] += times * count
    total = log(sum(expected.values()))
    kept = {piece: max(count, FLOOR) for piece, count in expected.items() if count > FLOOR or len(piece) == 1}
    return {piece: log(count) - total for piece, count in kept.items()}, likelihood


def prune(counted: Mapping[str, int], scores: Mapping[str, float], keep: int) -> dict[str, float]:
    """The characters and the most useful pieces, ``keep`` together.

    A piece's use is what the log-likelihood of the best cuts would lose without it: how often they use it, times its
    score less that of the best way to write it with other pieces.
    """
    longest = max(map(len, scores))
    used: Counter[str] = Counter()
    for word, times in counted.items():
        for piece in Lattice(word, scores, longest=longest).viterbi():
            used[piece] += times
    loss: dict[str, float] = {}
    for piece in scores:
        others = Lattice(piece, scores, longest=longest).n_best(2) if len(piece) > 1 else []
        instead = [score for way, score in others if way != [piece]]
        loss[piece] = used[piece] * (scores[piece] - instead[0]) if instead else inf
    ranked = sorted(scores, key=lambda piece: (-loss[piece], -scores[piece], piece))
    return {piece: scores[piece] for piece in ranked[:keep]}
