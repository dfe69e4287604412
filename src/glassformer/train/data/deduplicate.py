"""Leave out documents that say almost the same as an earlier one."""

import hashlib
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple


class Duplicate(NamedTuple):
    """A document that was left out, the earlier one that was kept, and how similar they are, from 0 to 1."""

    document: int
    kept: int
    similarity: float


def shingles(text: str, words: int = 5) -> set[str]:
    """Every run of ``words`` words of ``text``, in lower case; the whole text if it has fewer.

    >>> sorted(shingles("to be or not to be", 4))
    ['be or not to', 'or not to be', 'to be or not']
    """
    split = text.lower().split()
    return {" ".join(split[first : first + words]) for first in range(max(1, len(split) - words + 1))}


def similarity(first: set[str], second: set[str]) -> float:
    """Jaccard's index: ``|A ∩ B| / |A ∪ B|``; 1 for two empty sets."""
    return len(first & second) / len(first | second) if first or second else 1.0


def deduplicate(
    texts: Sequence[str], threshold: float = 0.8, shingle: int = 5, permutations: int = 128
) -> tuple[list[int], list[Duplicate]]:
    """Which of ``texts`` to keep, and of which the others are duplicates.

    Equal texts are found by a hash. Others are compared by their ``shingles``: MinHash puts texts that are probably
    similar into one bucket, and for those alone Jaccard's index is computed. So no text is left out whose index is
    below ``threshold``. One whose index is little above it may be missed: for a threshold of 0.8, with 128
    permutations, 13 % of the pairs at 0.8, 2.5 % at 0.85 and 0.1 % at 0.9. A text is compared with those before it that
    were kept.

    Args:
        texts: the documents.
        threshold: how similar two texts must be, above 0 and up to 1.
        shingle: how many words a shingle has.
        permutations: how many numbers a text is hashed to; more are more exact and slower.

    Returns the numbers of the texts to keep, in order, and the ``Duplicate``s.
    Raises ``ImportError`` if ``datasketch`` is not installed, ``ValueError`` for an argument that is out of range.
    Source: Broder (1997); Lee et al. (2022), section 4.2. Taught in ``transformers``, section 13.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold}.")
    if shingle < 1 or permutations < 2:
        raise ValueError(f"shingle must be at least 1 and permutations at least 2, not {shingle} and {permutations}.")
    sketch = _datasketch()
    # Rather look than miss; and the library has no bands for thresholds near 1.
    index = sketch.MinHashLSH(threshold=min(threshold, 0.9), num_perm=permutations, weights=(0.1, 0.9))
    seen: dict[bytes, tuple[int, float]] = {}  # of each text: the one kept for it, and how similar that is
    kept: list[int] = []
    left_out: list[Duplicate] = []
    for number, text in enumerate(texts):
        exact = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        if exact in seen:
            left_out.append(Duplicate(number, *seen[exact]))
            continue
        own = shingles(text, shingle)
        hashed = sketch.MinHash(num_perm=permutations)
        hashed.update_batch([one.encode("utf-8", "surrogatepass") for one in own])
        near = ((similarity(own, shingles(texts[other], shingle)), -other) for other in index.query(hashed))
        best, other = max(near, default=(0.0, 0))
        if best >= threshold:
            left_out.append(Duplicate(number, -other, best))
            seen[exact] = -other, best
        else:
            index.insert(number, hashed)
            kept.append(number)
            seen[exact] = number, 1.0
    return kept, left_out


def _datasketch() -> Any:
    try:
        return import_module("datasketch")
    except ModuleNotFoundError:
        raise ImportError(
            "deduplicate needs the package datasketch, which comes with pip install 'glassformer[train]'."
        ) from None
