"""Masked tokens: what BERT and RoBERTa are trained on. Some tokens are hidden, and the model says what they were.

Legend: B rows, T tokens, V vocab.
"""

import torch
from torch import Tensor, nn

from glassformer.objectives.batch import Batch, accuracy, cross_entropy


def batch(
    ids: Tensor,
    generator: torch.Generator,
    *,
    mask: int,
    vocab: int,
    share: float = 0.15,
    masks: float = 0.8,
    swaps: float = 0.1,
    special: Tensor | None = None,
    words: Tensor | None = None,
) -> Batch:
    """Choose tokens and hide them: of those chosen, 80 % become the mask, 10 % any token, and 10 % stay as they are.

    Each token is chosen with probability ``share``, on its own, anew at every call (dynamic masking), as in the
    reference library; BERT's own code chose a fixed number once. With ``words`` whole words are chosen, each with that
    probability: all tokens of one, or none. What becomes of a token is drawn for each on its own.

    Args:
        ids: ``[B, T]``.
        generator: all chance comes from it.
        mask: the id of the mask.
        vocab: what a swapped token is drawn from, evenly: ids 0 to ``vocab`` − 1.
        share, masks, swaps: the shares above.
        special: true at tokens that are never chosen, such as pads, ``[B, T]``. They count as not real.
        words: which word each token belongs to, ``[B, T]``, numbers from 0.

    Raises ``ValueError`` for shares that are none.
    Source: Devlin et al. (2019), section 3.1, task 1; dynamic: Liu et al. (2019), section 4.1.
    Taught in ``transformers``, section 13.
    """
    for name, value in {"share": share, "masks": masks, "swaps": swaps, "masks + swaps": masks + swaps}.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 to 1, not {value}.")
    free = torch.ones_like(ids, dtype=torch.bool) if special is None else ~special
    chosen = free & (_drawn(ids, generator, words) < share)
    fate = torch.rand(ids.shape, generator=generator)
    others = torch.randint(vocab, ids.shape, generator=generator)
    shown = torch.where(chosen & (fate < masks), mask, ids)
    shown = torch.where(chosen & (fate >= masks) & (fate < masks + swaps), others, shown)
    return {"ids": shown, "targets": ids, "masked": chosen, "real": free}


def _drawn(ids: Tensor, generator: torch.Generator, words: Tensor | None) -> Tensor:
    """A number between 0 and 1 for each token, drawn evenly; the tokens of a word have that of the word."""
    if words is None:
        return torch.rand(ids.shape, generator=generator)
    return torch.rand((len(words), int(words.max()) + 1), generator=generator).gather(1, words)


def loss(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of ``−log p(token | what is shown)`` over the chosen tokens, in nats.

    Source: Devlin et al. (2019), section 3.1. Taught in ``transformers``, section 13.
    """
    logits_BTV = model(batch["ids"], mask=batch["real"])
    value = cross_entropy(logits_BTV, batch, "masked")
    return value, {"loss": value.detach(), "accuracy": accuracy(logits_BTV, batch, "masked")}
