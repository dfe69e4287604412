"""A target for a source: what every encoder-decoder is trained on, whatever the two are made of.

Legend: B rows, S source tokens, T target tokens, V vocab.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from glassformer.objectives.batch import Batch, accuracy, cross_entropy

Texts = Sequence[Sequence[int]]
"""Tokens of several texts."""


def batch(
    sources: Texts,
    targets: Texts,
    *,
    start: int,
    pad: int = 0,
    source_length: int | None = None,
    target_length: int | None = None,
) -> Batch:
    """``source`` and ``source_real``; ``ids``, what the decoder reads: ``start`` and the target but its last token;
    ``targets``, what it should say; and ``real``, where a target is.

    Args:
        sources, targets: tokens, of any lengths above 0, ends included.
        start: the token that the decoder begins with.
        pad: fills the rows.
        source_length, target_length: how long rows are; by default as long as the longest.

    Raises ``ValueError`` if there are not as many of both, or one is empty or too long.
    """
    if len(sources) != len(targets) or not sources:
        raise ValueError(f"There must be a target for each of at least one source: {len(sources)}, {len(targets)}.")
    source, source_real = _rows("sources", sources, pad, source_length)
    wanted, real = _rows("targets", targets, pad, target_length)
    ids = torch.cat([torch.full((len(wanted), 1), start), wanted[:, :-1]], 1)
    return {"source": source, "source_real": source_real, "ids": ids, "targets": wanted, "real": real}


def loss(model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of ``−log p(token | source, tokens before)`` over the real tokens of the targets, in nats.

    Source: Sutskever et al. (2014), section 3; Raffel et al. (2020), section 3.1.1. Taught in ``transformers``,
    section 13.
    """
    memory = model.encode(batch["source"], mask=batch["source_real"])
    logits_BTV = model(batch["ids"], memory=memory)
    value = cross_entropy(logits_BTV, batch)
    return value, {"loss": value.detach(), "accuracy": accuracy(logits_BTV, batch)}


def _rows(name: str, texts: Texts, pad: int, length: int | None) -> tuple[Tensor, Tensor]:
    longest = max(map(len, texts))
    length = longest if length is None else length
    if not all(len(text) for text in texts) or longest > length:
        raise ValueError(f"{name} must have from 1 to {length} tokens each, not {min(map(len, texts))} or {longest}.")
    ids = torch.tensor([[*text, *[pad] * (length - len(text))] for text in texts])
    return ids, torch.arange(length) < torch.tensor([len(text) for text in texts])[:, None]
