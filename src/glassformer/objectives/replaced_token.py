"""Replaced-token detection: a small generator fills masks in, and ELECTRA says of every token whether it was replaced.

Legend: B rows, T tokens, V vocab.
"""

from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from glassformer.objectives import masked
from glassformer.objectives.batch import Batch, average, cross_entropy

WEIGHT: Final = 50.0
"""λ, how much the discriminator's loss counts. Source: Clark et al. (2020), appendix A."""


def batch(
    ids: Tensor, generator: torch.Generator, *, mask: int, share: float = 0.15, special: Tensor | None = None
) -> Batch:
    """Some tokens hidden by masks, as for ``masked.batch``, but all of those chosen. Source: section 2 of the paper."""
    return masked.batch(ids, generator, mask=mask, vocab=1, share=share, masks=1.0, swaps=0.0, special=special)


def loss(model: Any, batch: Batch, weight: float = WEIGHT) -> tuple[Tensor, dict[str, Tensor]]:
    """``L = L_masked(generator) + λ L_replaced(discriminator)``; the second is a mean over all real tokens.

    The generator's guesses are drawn from its softmax, by PyTorch's own generator, without a gradient: the
    discriminator does not teach the generator. A guess that happens to be right counts as original.

    Args:
        model: holds ``generator``, which gives logits ``[B, T, V]``, and ``discriminator``, which gives ``[B, T]``.
        batch: as ``batch`` makes it.
        weight: λ.

    Source: Clark et al. (2020), section 2. Taught in ``transformers``, section 13.
    """
    logits_BTV = model.generator(batch["ids"], mask=batch["real"])
    filled_in = cross_entropy(logits_BTV, batch, "masked")
    shown, replaced = corrupt(logits_BTV.detach(), batch)
    said_BT = model.discriminator(shown, mask=batch["real"])
    told = functional.binary_cross_entropy_with_logits(said_BT.float(), replaced.float(), reduction="none")
    told_apart = average(told, batch, "real")
    value = filled_in + weight * told_apart
    right = average(((said_BT.detach() > 0) == replaced).float(), batch, "real")
    return value, {
        "loss": value.detach(),
        "masked_loss": filled_in.detach(),
        "replaced_loss": told_apart.detach(),
        "replaced_accuracy": right,
    }


@torch.no_grad()
def corrupt(logits_BTV: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """The text with the generator's guesses in place of the masks, and which tokens differ from the original."""
    rows, tokens, vocab = logits_BTV.shape
    guesses = torch.multinomial(logits_BTV.float().softmax(-1).view(-1, vocab), 1).view(rows, tokens)
    shown = torch.where(batch["masked"], guesses, batch["targets"])
    return shown, shown != batch["targets"]
