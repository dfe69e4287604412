"""Pairs of sentences: does the second follow the first (BERT), or are the two swapped (ALBERT)? With masked tokens.

Legend: B rows, T tokens, V vocab.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from glassformer.objectives import masked
from glassformer.objectives.batch import Batch, average, cross_entropy

Sentences = Sequence[Sequence[int]]
"""The sentences of a document, each as tokens."""


class Pair(NamedTuple):
    """Two sentences; ``label`` is 0 if the second follows the first in its document, else 1."""

    first: Sequence[int]
    second: Sequence[int]
    label: int


def pairs(documents: Sequence[Sentences], generator: torch.Generator, kind: Literal["next", "order"]) -> list[Pair]:
    """A pair for each two sentences that follow one another; half of them, as chance decides, are spoiled.

    ``"next"``: the second is any sentence of any other document (BERT). ``"order"``: the two change places (ALBERT).

    Raises ``ValueError`` if there are no such sentences, or, for ``"next"``, no other document.
    Source: Devlin et al. (2019), section 3.1, task 2; Lan et al. (2020), section 3.1.
    Taught in ``transformers``, section 13.
    """
    filled = [document for document in documents if document]
    if kind == "next" and len(filled) < 2:
        raise ValueError(
            "documents must be at least 2 that are not empty: a sentence that does not follow is of another."
        )

    def drawn(number: int) -> int:
        return int(torch.randint(number, (1,), generator=generator))

    found = []
    for number, document in enumerate(filled):
        for first, second in pairwise(document):
            if drawn(2):
                found.append(Pair(first, second, 0))
            elif kind == "order":
                found.append(Pair(second, first, 1))
            else:
                other = filled[(number + 1 + drawn(len(filled) - 1)) % len(filled)]
                found.append(Pair(first, other[drawn(len(other))], 1))
    if not found:
        raise ValueError("documents must have one with at least 2 sentences.")
    return found


def batch(
    pairs: Sequence[Pair],
    generator: torch.Generator,
    *,
    cls: int,
    sep: int,
    pad: int,
    mask: int,
    vocab: int,
    length: int,
    share: float = 0.15,
) -> Batch:
    """``[CLS] first [SEP] second [SEP]`` with masks, ``types`` 0 and 1, and ``label``.

    Of a pair that does not fit, the longer sentence loses its last token, until it does.

    Args:
        pairs: as ``pairs`` finds them.
        generator: all chance comes from it.
        cls, sep, pad, mask: ids.
        vocab, share: as for ``masked.batch``.
        length: how many tokens a row has, at least 5.

    Raises ``ValueError`` if two sentences cannot fit.
    Source: Devlin et al. (2019), figure 2 and appendix A.2. Taught in ``transformers``, section 13.
    """
    if length < 5:
        raise ValueError(f"length must be at least 5, three marks and a token of each sentence, not {length}.")
    rows, types, special, real = [], [], [], []
    for first, second, _ in pairs:
        one, two = list(first), list(second)
        while len(one) + len(two) + 3 > length:
            (one if len(one) > len(two) else two).pop()
        left = length - len(one) - len(two) - 3
        rows.append([cls, *one, sep, *two, sep, *[pad] * left])
        types.append([0] * (len(one) + 2) + [1] * (len(two) + 1) + [0] * left)
        special.append([True, *[False] * len(one), True, *[False] * len(two), True, *[True] * left])
        real.append([True] * (length - left) + [False] * left)
    closed = torch.tensor(special)
    made = masked.batch(torch.tensor(rows), generator, mask=mask, vocab=vocab, share=share, special=closed)
    label = torch.tensor([pair.label for pair in pairs])
    return made | {"real": torch.tensor(real), "types": torch.tensor(types), "label": label}


def loss(model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """``L_masked + L_pair``: the mean over the masked tokens, and over the pairs, in nats.

    Args:
        model: a BERT with ``PretrainingHead``.
        batch: as ``batch`` makes it.

    Source: Devlin et al. (2019), section 3.1 and appendix A.2. Taught in ``transformers``, section 13.
    """
    said = model(batch["ids"], types=batch["types"], mask=batch["real"])
    filled_in = cross_entropy(said.tokens, batch, "masked")
    told = functional.cross_entropy(said.following.float(), batch["label"], reduction="none")
    paired = average(told, batch)
    right = average((said.following.detach().argmax(-1) == batch["label"]).float(), batch)
    value = filled_in + paired
    return value, {
        "loss": value.detach(),
        "masked_loss": filled_in.detach(),
        "pair_loss": paired.detach(),
        "pair_accuracy": right,
    }
