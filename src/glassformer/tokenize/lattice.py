"""All the ways to cut a word into pieces, drawn as a lattice: the best, the n best, and all of them weighted.

A node stands between two characters, an arc is a piece from one node to another with its score, log p. A way from the
first node to the last is a way to cut the word; its score is the sum of its arcs.
"""

from collections.abc import Mapping
from math import exp, inf, log

LONGEST = 1 << 10  # characters; no vocabulary holds a longer piece

Arc = tuple[int, int, str, float]  # from, to, piece, score


class Lattice:
    """The lattice of ``text`` under ``scores``, the log-probabilities of the pieces.

    Args:
        text: what is cut.
        scores: piece to score.
        unknown: the score of a character that is no piece itself; ``None`` if all are pieces.
        longest: the longest piece in characters, if it is known; saves looking.

    Raises ``ValueError`` if a character is no piece and ``unknown`` is ``None``.

    Source: Kudo (2018), section 3.2. Taught in ``transformers``, section 5.
    """

    def __init__(
        self, text: str, scores: Mapping[str, float], unknown: float | None = None, longest: int = LONGEST
    ) -> None:
        self.text, self.size = text, len(text)
        self.arcs: list[Arc] = []
        for start in range(self.size):
            for end in range(start + 1, min(start + longest, self.size) + 1):
                piece = text[start:end]
                if (score := scores.get(piece)) is not None:
                    self.arcs.append((start, end, piece, score))
                elif end == start + 1:
                    if unknown is None:
                        raise ValueError(f"text holds {piece!r}, which no piece covers, and unknown is not given.")
                    self.arcs.append((start, end, piece, unknown))

    def viterbi(self) -> list[str]:
        """The pieces of the best way. Of two that score the same, the one whose last piece is longer."""
        best, arrived = [0.0] + [-inf] * self.size, [0] * (self.size + 1)
        for start, end, _, score in self.arcs:  # sorted by their start, so best[start] is settled
            if best[start] + score > best[end]:
                best[end], arrived[end] = best[start] + score, start
        pieces: list[str] = []
        end = self.size
        while end:
            pieces.append(self.text[arrived[end] : end])
            end = arrived[end]
        return pieces[::-1]

    def n_best(self, n: int) -> list[tuple[list[str], float]]:
        """The ``n`` best ways with their scores, the best first; fewer if there are not so many.

        The n best ways to a node end with one of the n best to an earlier node. Raises ``ValueError`` if ``n`` is not
        positive.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}.")
        ways: list[list[tuple[float, list[str]]]] = [[(0.0, [])], *([] for _ in range(self.size))]
        for start, end, piece, score in self.arcs:
            if len(ways[start]) > n:
                ways[start] = sorted(ways[start], key=lambda way: -way[0])[:n]
            ways[end] += [(so_far + score, [*pieces, piece]) for so_far, pieces in ways[start]]
        return [(pieces, score) for score, pieces in sorted(ways[-1], key=lambda way: -way[0])[:n]]

    def expected(self) -> tuple[dict[str, float], float]:
        """How often each piece is expected, all ways weighted by their probability; and log p(text).

        Forward, ``alpha[j] = log Σ exp(alpha[i] + score)`` over the arcs i → j; backward the same from the other end.
        A way leads over an arc with probability ``exp(alpha[i] + score + beta[j] − log p(text))``.
        """
        alpha, beta = [0.0] + [-inf] * self.size, [-inf] * self.size + [0.0]
        for start, end, _, score in self.arcs:
            alpha[end] = log_add(alpha[end], alpha[start] + score)
        for start, end, _, score in reversed(self.arcs):
            beta[start] = log_add(beta[start], beta[end] + score)
        total = alpha[-1]
        counts: dict[str, float] = {}
        for start, end, piece, score in self.arcs:
            counts[piece] = counts.get(piece, 0.0) + exp(alpha[start] + score + beta[end] - total)
        return counts, total


def log_add(a: float, b: float) -> float:
    """``log(exp(a) + exp(b))`` without overflow."""
    low, high = min(a, b), max(a, b)
    return high if low == -inf else high + log(1 + exp(low - high))
