"""Normalization: bring every token's vector to the same scale before a layer reads it.

Legend: B batch, T tokens, D d_model.
"""

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody uses
from torch import Tensor, nn


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor | None, eps: float) -> Tensor:
    """LayerNorm written out: ``(x − mean) / √(variance + eps) · weight + bias``, over the last axis.

    The variance is the biased one (divided by D, not D − 1), and ``eps`` stands inside the root.
    ``x`` is ``[..., D]``, ``weight`` and ``bias`` are ``[D]``. ``LayerNorm`` computes the same in one call.
    Source: Ba, Kiros and Hinton (2016), eq. 4. Taught in ``transformers``, section 11.
    """
    centered = x - x.mean(-1, keepdim=True)
    variance = centered.square().mean(-1, keepdim=True)
    y = centered * torch.rsqrt(variance + eps) * weight
    return y if bias is None else y + bias


class LayerNorm(nn.Module):
    """Layer normalization: each vector minus its mean, over its standard deviation, then scaled and shifted.

    ``y = (x − mean(x)) / √(var(x) + eps) · weight + bias``, with the biased variance. Shapes: ``[..., D]`` in and out.

    Args:
        d_model: the width D.
        eps: a small number inside the root, against division by zero.
        bias: whether there is a shift. PaLM has none.

    Source: Ba, Kiros and Hinton (2016), eq. 4. Taught in ``transformers``, section 11.
    """

    def __init__(self, d_model: int, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """The normalized vectors, in the dtype of ``x``."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class RMSNorm(nn.Module):
    """Root-mean-square normalization: each vector over its root mean square, then scaled. No mean, no shift.

    ``y = x / √(mean(x²) + eps) · weight``. Shapes: ``[..., D]`` in and out. The root is taken in float32 (or float64)
    and the result is rounded to the dtype of ``x`` before the weight multiplies it, which shows in bfloat16.

    Source: Zhang and Sennrich (2019), eq. 4. Taught in ``transformers``, section 11.
    """

    def __init__(self, d_model: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x: Tensor) -> Tensor:
        """The normalized vectors, in the dtype of ``x`` and ``weight``."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        return self.weight * (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)).to(x.dtype)
