"""Keep some text apart for validation."""

from collections.abc import Sequence
from typing import TypeVar

from glassformer.train.data.chance import SPLITS, checked_seed, permutation
from glassformer.train.data.tokens import Tokens

Whole = TypeVar("Whole", str, Tokens)


def last_share(whole: Whole, share: float = 0.1) -> tuple[Whole, Whole]:
    """Training and validation: the beginning of a text or of its tokens, and its last ``share``.

    nanoGPT's way for one long text: ``n = int(length · (1 − share))``. Raises ``ValueError`` if a side would be empty.
    """
    cut = int(len(whole) * (1 - _checked(share)))
    if not 0 < cut < len(whole):
        raise ValueError(f"A share of {share} leaves nothing on one side of {len(whole)}.")
    return whole[:cut], whole[cut:]


def last_documents(tokens: Tokens, share: float = 0.1) -> tuple[Tokens, Tokens]:
    """Training and validation: the last documents, about ``share`` of the tokens, are kept apart whole.

    Raises ``ValueError`` if there is a single document.
    """
    inside = tokens.documents[1:-1]
    if not len(inside):
        raise ValueError("There is a single document, which cannot be on both sides; see last_share.")
    wanted = len(tokens) * (1 - _checked(share))
    cut = int(inside[abs(inside - wanted).argmin()])
    return tokens[:cut], tokens[cut:]


def some_documents(documents: Sequence[str], share: float = 0.1, seed: int = 1) -> tuple[list[str], list[str]]:
    """Training and validation: chance decides which documents are kept apart; their order is kept.

    ``share`` is of the number of documents, at least one on each side. Raises ``ValueError`` for fewer than two.
    """
    if len(documents) < 2:
        raise ValueError(
            f"There must be at least 2 documents, one for each side, not {len(documents)}; see last_share."
        )
    number = min(max(1, round(len(documents) * _checked(share))), len(documents) - 1)
    apart = set(permutation(checked_seed(seed), SPLITS, len(documents))[:number].tolist())
    training = [document for place, document in enumerate(documents) if place not in apart]
    return training, [document for place, document in enumerate(documents) if place in apart]


def _checked(share: float) -> float:
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share}.")
    return share
