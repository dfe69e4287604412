"""The next token: what GPT, LLaMA and Mamba are trained on.

Legend: B rows, T tokens, V vocab.
"""

from typing import Any

import torch
from torch import Tensor, nn

from glassformer.objectives.batch import Batch, cross_entropy
from glassformer.parts.mask import Blocks, Causal


def batch(ids: Tensor, real: Tensor | None = None, text: Tensor | None = None) -> Batch:
    """What is read, and what comes next: ``ids[:, :-1]`` and ``ids[:, 1:]``.

    Args:
        ids: ``[B, T + 1]``.
        real: true where ``ids`` holds a token of the text, ``[B, T + 1]``; others are not to be predicted.
        text: which document a token belongs to, ``[B, T + 1]``, where several are packed into a row.

    Raises ``ValueError`` if a row has fewer than two tokens.
    """
    if ids.shape[1] < 2:
        raise ValueError(f"ids must have at least 2 tokens a row, one to read and one to predict, not {ids.shape[1]}.")
    real = torch.ones_like(ids, dtype=torch.bool) if real is None else real
    packing = {} if text is None else {"text": text[:, :-1]}
    return {"ids": ids[:, :-1], "targets": ids[:, 1:], "real": real[:, 1:]} | packing


def loss(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of ``−log p(next token | tokens before)`` over the real tokens, in nats.

    Documents that are packed into one row do not see each other.

    Source: Radford et al. (2018), equation 1. Taught in ``transformers``, section 13.
    """
    value = cross_entropy(logits(model, batch), batch)
    return value, {"loss": value.detach()}


def logits(model: Any, batch: Batch) -> Tensor:
    """What the model says at each place, ``[B, T, V]``: it reads ``Causal() & Blocks(text)`` where texts are packed."""
    packing = {"mask": Causal() & Blocks(batch["text"])} if "text" in batch else {}
    found: Tensor = model(batch["ids"], **packing)
    return found
