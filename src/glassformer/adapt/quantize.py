"""Weights in 8 bits: a quarter of the memory to read, which is what takes the time in a compiled step.

Legend: O outputs, I inputs.
"""

from typing import Any

import torch
from torch import Tensor, nn

from glassformer.adapt.decoding import LINEAR, product, replace_linear


def absmax(weight_OI: Tensor) -> tuple[Tensor, Tensor]:
    """Each row as whole numbers from −127 to 127 and one scale: ``q = round(w / s)`` with ``s = max |w| / 127``.

    Returns ``q`` ``[O, I]`` (int8) and ``s`` ``[O]`` (float32); ``q · s`` differs from ``w`` by at most ``s / 2``.
    A row of zeros has scale 1. Source: Dettmers et al. (2022), section 2.1. Taught in ``transformers``, section 17.
    """
    weight_OI = weight_OI.float()
    scale_O = weight_OI.abs().amax(-1) / 127
    scale_O = torch.where(scale_O == 0, 1.0, scale_O)
    return (weight_OI / scale_O[:, None]).round().to(torch.int8), scale_O


class Int8Linear(nn.Module):
    """A linear layer whose weights are int8, one scale a row: ``y_o = s_o Σ_i q_oi x_i + b_o``. The input keeps its
    floats.

    Shapes: ``[..., I]`` → ``[..., O]``. One row is summed directly, for ``torch.compile``; several rows are multiplied
    by the weights turned back to floats. Inference only: the whole numbers have no gradient.
    Source: Dettmers et al. (2022), section 2.1. Taught in ``transformers``, section 17.
    """

    weight: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight, scale = absmax(linear.weight.detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """``x (s · q)ᵀ + b``."""
        if x.numel() == self.weight.shape[1]:
            y = ((self.weight.float() * x.reshape(-1).float()).sum(-1) * self.scale).to(x.dtype).view(*x.shape[:-1], -1)
        else:
            y = product(x, self.weight.to(x.dtype), None) * self.scale.to(x.dtype)
        return y if self.bias is None else y + self.bias


def int8(model: Any, pattern: str = LINEAR) -> Any:
    """``model`` with its stack's and head's linear layers in int8; in place. A tied head parts from the embedding,
    which keeps its floats.

    Raises ``ValueError`` if the pattern matches no ``nn.Linear``, so quantize first. Taught in ``transformers``,
    section 17.
    """
    replace_linear(model, pattern, Int8Linear, untied=True)
    return model
