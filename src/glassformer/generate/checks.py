"""What a generation cannot be asked for: one sentence with the argument, the rule and the value.

Legend: B batch, V vocab.
"""

from collections.abc import Sequence

from torch import Tensor

from glassformer.generate.context import LanguageModel
from glassformer.parts.state import State
from glassformer.parts.step import Memory


def check(
    model: LanguageModel,
    ids: Tensor,
    max_new: int,
    *,
    mask: Tensor | None = None,
    memory: Memory | None = None,
    state: State | None = None,
    stop_ids: Sequence[int] = (),
    pad: int | None = None,
    chunk: int | None = None,
) -> None:
    """Raises ``ValueError`` with one sentence if these arguments of a generation cannot be met."""
    if ids.ndim != 2 or ids.numel() == 0:
        raise ValueError(
            f"ids must be [batch, tokens] with at least one token to go on from, but the shape is {list(ids.shape)}."
        )
    batch, tokens = ids.shape
    if max_new < 1:
        raise ValueError(f"max_new must be at least 1, not {max_new}.")
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk must be at least 1, not {chunk}.")
    vocab = model.embed.num_embeddings
    for name, token in (*(("stop_ids", stop) for stop in stop_ids), ("pad", pad or 0)):
        if not 0 <= token < vocab:
            raise ValueError(f"{name} must lie in the vocabulary, 0 to {vocab - 1}, not {token}.")
    if mask is not None and mask.shape != ids.shape:
        raise ValueError(f"mask must have the shape of ids, {list(ids.shape)}, not {list(mask.shape)}.")
    if mask is not None and not mask[:, -1].all():
        row = int(mask[:, -1].bool().logical_not().nonzero()[0])
        raise ValueError(
            f"mask must be true at the last token of every row (pads come first), but row {row} ends in a pad."
        )
    if memory is not None and memory.hidden.shape[0] != batch:
        raise ValueError(f"memory must have a row for each of ids' {batch}, not {memory.hidden.shape[0]}.")
    before = 0 if state is None else state.length
    context = model.context
    if context is not None and before + tokens + max_new > context:
        raise ValueError(
            f"max_new ({max_new}) and the {before + tokens} tokens before it must fit into the model's "
            f"{context} positions."
        )
    if state is not None and state.batch != batch:
        raise ValueError(f"state must have a row for each of ids' {batch}, not {state.batch}.")
    # The last token is yielded and never read.
    if state is not None and before + tokens + max_new - 1 > state.max_len:
        raise ValueError(
            f"max_new ({max_new}) and the {before + tokens} tokens before it must fit into the state's "
            f"max_len ({state.max_len})."
        )


def check_logits(logits_BV: Tensor, step: int) -> Tensor:
    """``logits``, or ``ValueError`` if a row has NaN, ∞, or nothing but −∞: no token can be chosen from that."""
    largest_B = logits_BV.amax(-1)  # NaN if any is NaN
    if not largest_B.isfinite().all():
        row = int(largest_B.isfinite().logical_not().nonzero()[0])
        raise ValueError(
            f"logits must be numbers, but at step {step} row {row} has the largest logit {float(largest_B[row])}: "
            "the weights may be damaged."
        )
    return logits_BV
