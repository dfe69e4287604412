"""What a model cannot be asked for: one sentence with the argument, the rule and the value.

Legend: B batch, T tokens.
"""

import torch
from torch import Tensor

from glassformer.parts.mask import Mask, Prefix
from glassformer.parts.state import State


def check_ids(ids: Tensor, vocab: int) -> None:
    """Raises ``ValueError`` unless ``ids`` is ``[B, T]`` with at least one token, each from 0 to ``vocab`` − 1."""
    if ids.ndim != 2 or ids.numel() == 0:
        raise ValueError(f"ids must be [batch, tokens] with at least one token, but their shape is {list(ids.shape)}.")
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise ValueError(f"ids must be whole numbers, not {ids.dtype}.")
    if torch.compiler.is_compiling() or ids.device.type == "meta":
        return
    low, high = (int(end) for end in ids.aminmax())
    if low < 0 or high >= vocab:
        raise ValueError(
            f"ids must lie in the vocabulary, 0 to {vocab - 1}, but {low if low < 0 else high} is among them."
        )


def check_length(length: int, max_positions: int | None) -> None:
    """Raises ``ValueError`` if a text of ``length`` tokens is longer than the positions reach."""
    if max_positions is not None and length > max_positions:
        raise ValueError(
            f"ids must fit into the {max_positions} positions of this model; the text has {length} tokens."
        )


def real_tokens(ids: Tensor, mask: Tensor) -> Tensor:
    """``mask`` as booleans, true at real tokens. Raises ``ValueError`` for another shape or a mask of added floats."""
    if mask.shape != ids.shape:
        raise ValueError(f"mask must have the shape of ids, {list(ids.shape)}, not {list(mask.shape)}.")
    if mask.is_floating_point():
        raise ValueError(f"mask must be true (or 1) at real tokens, not numbers of {mask.dtype} to add to scores.")
    return mask.bool()


def check_mask(mask: Mask, usual: Mask, state: State | None) -> None:
    """Raises ``ValueError`` if a mask would let a decoder see later tokens unsaid, or cannot go with a state."""
    if usual.causal and not mask.ordered:
        raise ValueError(
            f"mask must say what a token sees of later ones: Causal() & {type(mask).__name__}(…), or Prefix(…)."
        )
    if state is not None and mask.whole and not (isinstance(mask, Prefix) and state.length == 0):
        raise ValueError(
            "mask must not hold Padding or Blocks where there is a state, nor Prefix after its first call: "
            "give pads as a tensor, and read packed texts without a state."
        )
