"""Prefix LM: the beginning of a text is read both ways, and the rest is predicted from left to right.

Legend: B rows, T tokens, V vocab.
"""

import torch
from torch import Tensor, nn

from glassformer.objectives.batch import Batch, cross_entropy
from glassformer.parts.mask import Prefix


def batch(ids: Tensor, generator: torch.Generator | None = None, lengths: Tensor | None = None) -> Batch:
    """What is read, what comes next, and how long the prefix is: from 1 to T − 1 tokens, evenly.

    Args:
        ids: ``[B, T + 1]``.
        generator: picks the lengths.
        lengths: given instead of picked, ``[B]``; up to T, which leaves one token to predict.

    Raises ``ValueError`` if a row has fewer than 3 tokens, a prefix leaves nothing to predict, or neither a generator
    nor lengths are given. Taught in ``transformers``, section 13.
    """
    rows, tokens = ids.shape[0], ids.shape[1] - 1
    if tokens < 2:
        raise ValueError(f"ids must have at least 3 tokens a row, not {ids.shape[1]}.")
    if lengths is None:
        if generator is None:
            raise ValueError("generator must be given where lengths are not: all chance comes from it.")
        lengths = torch.randint(1, tokens, (rows,), generator=generator)
    if lengths.shape != (rows,) or not ((lengths > 0) & (lengths <= tokens)).all():
        raise ValueError(f"lengths must be {rows} numbers from 1 to {tokens}, not {lengths.tolist()}.")
    asked = torch.arange(tokens) >= lengths[:, None] - 1  # the last token of the prefix predicts the first after it
    return {"ids": ids[:, :-1], "targets": ids[:, 1:], "asked": asked, "lengths": lengths}


def loss(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of ``−log p(token | prefix, tokens before)`` over the tokens after the prefix, in nats.

    Source: Raffel et al. (2020), section 3.2.1; Liu et al. (2018). Taught in ``transformers``, section 13.
    """
    value = cross_entropy(model(batch["ids"], mask=Prefix(batch["lengths"])), batch, "asked")
    return value, {"loss": value.detach()}
