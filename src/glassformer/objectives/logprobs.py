"""What a model gives to the answers in a batch: log-probabilities and entropies.

Rows are laid out as ``supervised.batch`` does it: pads stand at the end, where nothing that counts can see them.

Legend: B rows, T tokens, V vocab. ``[…, T]`` may have a further axis, such as the two answers of a pair.
"""

from typing import Any

import torch
from torch import Tensor

from glassformer.objectives.batch import Batch


def exact(logits: Tensor) -> Tensor:
    """``logits`` in float32 at least: in half precision a sum over a vocabulary has no digits left."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def log_probs(logits_BTV: Tensor, targets_BT: Tensor) -> Tensor:
    """``log softmax(logits)[target]``, ``[…, T]``, in nats, in float32 or better.

    Computed as ``logit − log Σ exp logits``, so that no table of V log-probabilities is kept for the gradient.
    """
    logits_BTV = exact(logits_BTV)
    return logits_BTV.gather(-1, targets_BT[..., None])[..., 0] - logits_BTV.logsumexp(-1)


def entropy(logits_BTV: Tensor) -> Tensor:
    """``−Σ p log p`` of the next token at each place, ``[…, T]``, in nats: 0 if it is certain, log V at most."""
    logs_BTV = exact(logits_BTV).log_softmax(-1)
    return -torch.where(logs_BTV.isneginf(), 0.0, logs_BTV.exp() * logs_BTV).sum(-1)  # 0 · −∞ counts as 0


def answer_log_probs(model: Any, batch: Batch) -> Tensor:
    """The log-probability that ``model`` gives to each token of the answers, and 0 at every other place.

    Summed over the last axis it is ``log p(answer | prompt)``.

    Args:
        model: a decoder.
        batch: holds ``ids``, ``targets`` and ``answer``, each ``[B, T]``, or ``[B, 2, T]`` for pairs.
    """
    ids, targets = batch["ids"], batch["targets"]
    logs = log_probs(model(ids.flatten(0, -2)), targets.flatten(0, -2)).view(targets.shape)
    return torch.where(batch["answer"], logs, 0.0)
