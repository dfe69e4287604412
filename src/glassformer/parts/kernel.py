"""Attention kernels: from queries, keys and values to what each head reads. Two ways, equal to rounding.

Legend: B batch, T queries, S keys, H heads, G key-value heads, K d_k.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from glassformer.parts.step import View
from glassformer.parts.tap import Tap


def repeat_heads(x_BGSK: Tensor, heads: int) -> Tensor:
    """Each key-value head once for every query head that shares it, ``[B, H, S, K]``.

    Source: Ainslie et al. (2023), GQA. Taught in ``transformers``, section 8.
    """
    groups = x_BGSK.shape[1]
    return x_BGSK if groups == heads else x_BGSK.repeat_interleave(heads // groups, 1)


class Kernel(nn.Module):
    """Scaled dot-product attention: ``softmax(q kᵀ · scale + bias) v``, over the keys that a query may see.

    A query that may see nothing reads exactly 0, and passes back exactly 0.

    Args:
        scale: what the scores are multiplied by; 1/√d_k in most models, 1 in T5.
        dropout: the share of the attention weights that are dropped in training.

    Shapes: ``q`` is ``[B, H, T, K]``, ``k`` and ``v`` are ``[B, G, S, K]`` where G divides H, ``bias`` is ``[1, H, T,
    S]`` or ``None``, the output ``[B, H, T, K]``.

    Source: Vaswani et al. (2017), eq. 1. Taught in ``transformers``, section 9.
    """

    def __init__(self, scale: float, dropout: float = 0.0) -> None:
        super().__init__()
        self.scale = scale
        self.dropout = dropout

    def forward(self, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, view: View, bias: Tensor | None) -> Tensor:
        """What each head reads for each query."""
        raise NotImplementedError


class Explicit(Kernel):
    """The kernel as the book writes it, with taps on the scores and the weights. It can be watched and changed."""

    def __init__(self, scale: float, dropout: float = 0.0) -> None:
        super().__init__(scale, dropout)
        self.scores = Tap("B H T S", 9)
        self.weights = Tap("B H T S", 9)

    def forward(self, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, view: View, bias: Tensor | None) -> Tensor:
        """``softmax(q kᵀ · scale + bias) v``."""
        heads = q_BHTK.shape[1]
        scores_BHTS = q_BHTK @ repeat_heads(k_BGSK, heads).mT * self.scale
        if bias is not None:
            scores_BHTS = scores_BHTS + bias
        scores_BHTS = self.scores(scores_BHTS)
        if view.everything:
            weights_BHTS = scores_BHTS.softmax(-1)
        else:
            # Not −∞: the softmax of a row of −∞ is NaN. The second mask makes the weights of such a row 0.
            hidden = ~view.visible()
            lowest = torch.finfo(scores_BHTS.dtype).min
            weights_BHTS = scores_BHTS.masked_fill(hidden, lowest).softmax(-1).masked_fill(hidden, 0.0)
        weights_BHTS = F.dropout(self.weights(weights_BHTS), self.dropout, self.training)
        return weights_BHTS @ repeat_heads(v_BGSK, heads)


class Fused(Kernel):
    """The same by PyTorch's own kernel, which never stores the ``[T, S]`` weights of a long text."""

    def forward(self, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, view: View, bias: Tensor | None) -> Tensor:
        """``softmax(q kᵀ · scale + bias) v``. A plain causal mask is passed by name, without a tensor."""
        causal = view.causal and bias is None
        mask = bias
        if not (view.everything or causal):
            mask = view.visible() if bias is None else bias.masked_fill(~view.visible(), float("-inf"))
        return F.scaled_dot_product_attention(
            q_BHTK,
            k_BGSK,
            v_BGSK,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal,
            scale=self.scale,
            enable_gqa=k_BGSK.shape[1] != q_BHTK.shape[1],
        )
