"""Attention: each token asks, the tokens it may see answer.

Legend: B batch, T queries, S keys, H heads, G key-value heads, D d_model, K d_k.
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from glassformer.parts.kernel import Fused, Kernel
from glassformer.parts.mask import Everything, Mask
from glassformer.parts.state import KeyValues, Projected
from glassformer.parts.step import Step
from glassformer.parts.tap import Tap


class Rotation(Protocol):
    """What rotates queries and keys by their position: ``Rotary`` or ``InterleavedRotary``."""

    @property
    def setting(self) -> object:
        """What the tables depend on, beside the positions."""

    def tables(self, positions_BT: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines, ``[B or 1, 1, T, K]``."""

    def __call__(self, x_BHTK: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """``x`` rotated."""


def split(x_BTD: Tensor, heads: int) -> Tensor:
    """``[B, T, H · K]`` → ``[B, H, T, K]``: each head gets its own part of every vector."""
    return x_BTD.view(*x_BTD.shape[:-1], heads, -1).transpose(1, 2)


def merge(x_BHTK: Tensor) -> Tensor:
    """``[B, H, T, K]`` → ``[B, T, H · K]``: the heads' vectors side by side again."""
    return x_BHTK.transpose(1, 2).flatten(2)


def _check(d_model: int, heads: int, kv_heads: int, d_k: int | None) -> int:
    """The width of a head. Raises ``ValueError`` if the heads do not divide."""
    if heads < 1 or kv_heads < 1 or heads % kv_heads:
        raise ValueError(f"heads ({heads}) must be a multiple of kv_heads ({kv_heads}), and both at least 1.")
    if d_k is None and d_model % heads:
        raise ValueError(f"d_model ({d_model}) must be a multiple of heads ({heads}), unless d_k is given.")
    return d_k or d_model // heads


class Attention(nn.Module):
    """Self-attention: ``out(concat over heads of softmax(q kᵀ · scale) v)`` with ``q = x W_q``, ``k = x W_k``, ``v = x
    W_v``.

    With ``kv_heads`` = ``heads`` it is multi-head attention, with 1 multi-query, in between grouped-query attention.

    Args:
        d_model: the width D of the tokens' vectors.
        heads: the number of query heads H.
        kv_heads: the number of key and value heads G; H by default.
        d_k: the width K of a head; D / H by default.
        bias: whether q, k and v have a bias.
        out_bias: whether the output projection has one; as ``bias`` by default.
        rotate: a rotary position part, which turns q and k by their position.
        mask: what narrows the mask of the call in this layer, such as ``Window(4096)``.
        kernel: how the weights are computed; ``Fused(1/√K)`` by default.
        q_norm, k_norm: parts that normalize each head's query and key, as in Qwen3.

    Shapes: ``[B, T, D]`` in and out. Raises ``ValueError`` if the heads do not divide.

    Source: Vaswani et al. (2017), section 3.2. Taught in ``transformers``, section 9.
    """

    role = "attention"
    slot = -1

    def __init__(
        self,
        d_model: int,
        heads: int,
        kv_heads: int | None = None,
        *,
        d_k: int | None = None,
        bias: bool = True,
        out_bias: bool | None = None,
        rotate: Rotation | None = None,
        mask: Mask = Everything(),  # noqa: B008  a value
        kernel: Kernel | None = None,
        q_norm: nn.Module | None = None,
        k_norm: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads or heads
        self.d_k = _check(d_model, self.heads, self.kv_heads, d_k)
        self.q = nn.Linear(d_model, self.heads * self.d_k, bias)
        self.k = nn.Linear(d_model, self.kv_heads * self.d_k, bias)
        self.v = nn.Linear(d_model, self.kv_heads * self.d_k, bias)
        self.out = nn.Linear(self.heads * self.d_k, d_model, bias if out_bias is None else out_bias)
        self.q_norm, self.k_norm = q_norm, k_norm
        self.rotate = rotate
        self.mask = mask
        self.kernel = kernel or Fused(self.d_k**-0.5)
        self.queries, self.keys, self.values = Tap("B H T K", 9), Tap("B G T K", 9), Tap("B G T K", 9)
        self.mixed = Tap("B H T K", 9)

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """What each token reads from the tokens that it may see."""
        step = step or Step.alone(x_BTD, self.mask)
        q_BHTK = split(self.q(x_BTD), self.heads)
        k_BGTK = split(self.k(x_BTD), self.kv_heads)
        v_BGTK = self.values(split(self.v(x_BTD), self.kv_heads))
        if self.q_norm is not None and self.k_norm is not None:
            q_BHTK, k_BGTK = self.q_norm(q_BHTK), self.k_norm(k_BGTK)
        if self.rotate is not None:
            cos, sin = self._tables(self.rotate, step)
            q_BHTK, k_BGTK = self.rotate(q_BHTK, cos, sin), self.rotate(k_BGTK, cos, sin)
        q_BHTK, k_BGSK, v_BGSK = self.queries(q_BHTK), self.keys(k_BGTK), v_BGTK
        past = step.entry(self)
        if past is not None:
            k_BGSK, v_BGSK = past.extend(k_BGSK, v_BGSK, step.queries, step.span)
        mixed_BHTK = self.mixed(self.kernel(q_BHTK, k_BGSK, v_BGSK, step.view(self.mask), step.bias))
        out: Tensor = self.out(merge(mixed_BHTK))
        return out

    def _tables(self, rotate: Rotation, step: Step) -> tuple[Tensor, Tensor]:
        """The rotation's cosines and sines, computed once for all layers of one setting."""
        tables: tuple[Tensor, Tensor] = step.once(
            ("rotation", rotate.setting), lambda: rotate.tables(step.positions, step.length)
        )
        return tables

    def new_entry(self, batch: int, max_len: int, device: torch.device, dtype: torch.dtype) -> KeyValues:
        """Room for the keys and values of ``max_len`` tokens: ``2 · B · G · max_len · K`` numbers."""
        return KeyValues(batch, self.kv_heads, max_len, self.d_k, device, dtype)


class CrossAttention(nn.Module):
    """Cross-attention: the decoder's tokens ask, the encoder's hidden states answer. ``q`` from ``x``, ``k`` and ``v``
    from the memory.

    Args:
        d_model, heads, d_k, bias, kernel: as for ``Attention``. The memory is as wide as ``x``.

    Shapes: ``x`` is ``[B, T, D]``, the memory ``[B, S, D]``, the output ``[B, T, D]``. Raises ``ValueError`` if the
    step carries no memory. With a state, keys and values of the memory are computed at the first call and kept.

    Source: Vaswani et al. (2017), section 3.2.3. Taught in ``transformers``, section 8.
    """

    role = "cross"
    slot = -1

    def __init__(
        self, d_model: int, heads: int, *, d_k: int | None = None, bias: bool = True, kernel: Kernel | None = None
    ) -> None:
        super().__init__()
        self.heads, self.d_k = heads, _check(d_model, heads, heads, d_k)
        self.q = nn.Linear(d_model, heads * self.d_k, bias)
        self.k = nn.Linear(d_model, heads * self.d_k, bias)
        self.v = nn.Linear(d_model, heads * self.d_k, bias)
        self.out = nn.Linear(heads * self.d_k, d_model, bias)
        self.kernel = kernel or Fused(self.d_k**-0.5)
        self.queries, self.mixed = Tap("B H T K", 8), Tap("B H T K", 8)

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """What each token reads from the memory."""
        if step is None or step.memory is None:
            raise ValueError("memory must be given: cross-attention reads what model.encode(ids) returned.")
        q_BHTK = self.queries(split(self.q(x_BTD), self.heads))
        k_BHSK, v_BHSK = self._remember(step)
        mixed_BHTK = self.mixed(self.kernel(q_BHTK, k_BHSK, v_BHSK, step.memory_view(), None))
        out: Tensor = self.out(merge(mixed_BHTK))
        return out

    def _remember(self, step: Step) -> tuple[Tensor, Tensor]:
        """Keys and values of the memory: kept by the state, or computed now."""
        kept = step.entry(self)
        hidden = step.memory.hidden  # type: ignore[union-attr]
        if kept is not None and kept.kv is not None and kept.source is hidden:
            kv: tuple[Tensor, Tensor] = kept.kv
            return kv
        kv = split(self.k(hidden), self.heads), split(self.v(hidden), self.heads)
        if kept is not None:
            kept.kv, kept.source = kv, hidden
        return kv

    def new_entry(self, batch: int, max_len: int, device: torch.device, dtype: torch.dtype) -> Projected:
        """A place for the memory's keys and values, empty until the first call."""
        return Projected()
