"""The logit lens: what the model would predict if it stopped after an earlier layer.

Legend: T tokens, N layers, D d_model.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from glassformer.glass.explicit import explicit, resting
from glassformer.glass.trace import Trace


def lens(model: Any, trace: Trace, positions: Sequence[int] | None = None) -> Tensor:
    """The logits before the first layer and after each, ``head(norm(stream))``: ``[N + 1, T, vocab]``.

    Args:
        model: the model that was traced. Where the norm stands after each addition (post-norm), it has no norm here.
        trace: with the values of ``embedded`` and of every ``stream``.
        positions: the tokens to look at; all by default. The memory is ``(N + 1) · T · vocab`` numbers.

    The last row is the model's own logits, bit for bit if all positions are taken. Raises ``ValueError`` if values of
    the stream were not kept, or if the model's head gives no logits of a vocabulary.
    Source: nostalgebraist (2020), *interpreting GPT: the logit lens*. Taught in ``transformers``, section 7.
    """
    rows = []
    with explicit(model) as plain, resting(plain):
        for stream_TD in trace.streams():
            chosen = stream_TD if positions is None else stream_TD[list(positions)]
            logits = plain.logits(plain.norm(chosen[None]))
            if not isinstance(logits, Tensor) or logits.shape != (1, len(chosen), trace.vocab):
                raise ValueError("model must have a head that gives logits of its vocabulary; this one's does not.")
            rows.append(logits[0])
    return torch.stack(rows)


def top_tokens(
    logits: Tensor, decode: Callable[[int], str] = str, count: int = 1
) -> list[list[list[tuple[str, float]]]]:
    """The ``count`` most likely tokens with their probabilities, for each layer and token of ``[N + 1, T, vocab]``."""
    chances, ids = logits.float().softmax(-1).topk(min(count, logits.shape[-1]))
    return [
        [[(decode(i), p) for i, p in zip(*pair, strict=True)] for pair in zip(*layer, strict=True)]
        for layer in zip(ids.tolist(), chances.tolist(), strict=True)
    ]
