"""Rotary positions (RoPE): each pair of dimensions of q and k turns by an angle that grows with the position.

Two vectors turned by their positions have a product that depends on the distance alone. ``Rotary`` and
``InterleavedRotary`` differ in which dimensions make a pair; the ``Scaling`` values stretch the angles, so that a
model may read further than it was trained to.

Legend: B batch, T queries, H heads, D d_model, K d_k, R rotated dimensions, P pairs (R / 2).
"""

import torch
from torch import Tensor, nn

from glassformer.parts.rotary_scaling import UNSCALED, Scaling


def _turn(a: Tensor, b: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    return a * cos - b * sin, b * cos + a * sin


class RotaryPositions(nn.Module):
    """What both pairings share: the tables of cosines and sines. Neither parameters nor buffers.

    Args:
        d_k: the width of a head.
        base: how slow the slowest pair is; pair i turns by ``base^(−2i/R)`` radians a position.
        scaling: how the angles are stretched.
        rotated: how many dimensions turn, from the first on; the others stay. Without it, all do.

    Raises ``ValueError`` if ``rotated`` is odd or not in 2..``d_k``, or ``base`` is not above 1.

    Source: Su et al. (2021), RoFormer, eq. 34; partial rotation: GPT-J, GPT-NeoX.
    Taught in ``transformers``, section 6.
    """

    def __init__(
        self, d_k: int, base: float = 10000.0, scaling: Scaling = UNSCALED, rotated: int | None = None
    ) -> None:
        super().__init__()
        rotated = d_k if rotated is None else rotated
        if rotated < 2 or rotated > d_k or rotated % 2:
            raise ValueError(f"rotated ({rotated}) must be even, at least 2 and at most d_k ({d_k}).")
        if base <= 1:
            raise ValueError(f"base ({base}) must be greater than 1.")
        self.d_k, self.base, self.scaling, self.rotated = d_k, base, scaling, rotated

    @property
    def setting(self) -> tuple[int, float, Scaling]:
        """What the tables depend on, hashable: layers of one setting share one pair of tables."""
        return self.rotated, self.base, self.scaling

    def tables(self, positions_BT: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """``cos(pos · ω)`` and ``sin(pos · ω)``, times the attention factor.

        ``positions_BT`` is ``[B, T]`` of integers; ``length`` the number of positions in play, cached ones included.
        Both tables are ``[B, 1, T, R]``, float32, the same for both pairings: P numbers, then the same P again.
        """
        omega_P, factor = self.scaling.frequencies(self.rotated, self.base, length, positions_BT.device)
        angles_B1TP = positions_BT[:, None, :, None].to(torch.float32) * omega_P
        cos, sin = angles_B1TP.cos() * factor, angles_B1TP.sin() * factor
        return torch.cat((cos, cos), dim=-1), torch.cat((sin, sin), dim=-1)

    def extra_repr(self) -> str:
        """Shown when the module is printed."""
        return f"d_k={self.d_k}, base={self.base}, scaling={self.scaling}, rotated={self.rotated}"


class Rotary(RotaryPositions):
    """Turns the pairs ``(i, i + R/2)``: the half-split pairing of GPT-NeoX and of LLaMA as ``transformers`` stores it.

    ``x_i' = x_i cos(pos ω_i) − x_{i+R/2} sin(pos ω_i)``,
    ``x_{i+R/2}' = x_{i+R/2} cos(pos ω_i) + x_i sin(pos ω_i)``.

    Shapes: ``x_BHTK`` is ``[B, H, T, K]``, ``cos`` and ``sin`` as ``tables`` gives them; the output has the shape and
    the dtype of ``x``, in which it is computed. Arguments, source and section: ``RotaryPositions``.
    """

    def forward(self, x_BHTK: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """``x`` turned by its positions, ``[B, H, T, K]``."""
        pairs = self.rotated // 2
        cos, sin = cos[..., :pairs].to(x_BHTK.dtype), sin[..., :pairs].to(x_BHTK.dtype)
        a, b = x_BHTK[..., :pairs], x_BHTK[..., pairs : 2 * pairs]
        return torch.cat((*_turn(a, b, cos, sin), x_BHTK[..., 2 * pairs :]), dim=-1)


class InterleavedRotary(RotaryPositions):
    """Turns the pairs ``(2i, 2i + 1)``: the pairing of the paper, of GPT-J and of LLaMA's original release.

    ``x_{2i}' = x_{2i} cos(pos ω_i) − x_{2i+1} sin(pos ω_i)``,
    ``x_{2i+1}' = x_{2i+1} cos(pos ω_i) + x_{2i} sin(pos ω_i)``.

    Shapes: as in ``Rotary``. Arguments, source and section: ``RotaryPositions``.
    """

    def forward(self, x_BHTK: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """``x`` turned by its positions, ``[B, H, T, K]``."""
        pairs = self.rotated // 2
        cos, sin = cos[..., :pairs].to(x_BHTK.dtype), sin[..., :pairs].to(x_BHTK.dtype)
        a, b = x_BHTK[..., 0 : 2 * pairs : 2], x_BHTK[..., 1 : 2 * pairs : 2]
        turned = torch.stack(_turn(a, b, cos, sin), dim=-1).flatten(-2)
        return torch.cat((turned, x_BHTK[..., 2 * pairs :]), dim=-1)


def _half_split_order(rows: int, heads: int, rotated: int | None) -> Tensor:
    """Which interleaved row of a head comes first, second, ... when its pairs are half-split. Shape ``[K]``."""
    if heads < 1 or rows % heads:
        raise ValueError(f"the rows of weight ({rows}) must be a multiple of heads ({heads}).")
    d_k = rows // heads
    rotated = d_k if rotated is None else rotated
    if rotated % 2 or not 0 < rotated <= d_k:
        raise ValueError(f"rotated ({rotated}) must be even, positive and at most d_k ({d_k}).")
    return torch.cat((torch.arange(0, rotated, 2), torch.arange(1, rotated, 2), torch.arange(rotated, d_k)))


def permute_interleaved_to_half(weight: Tensor, heads: int, rotated: int | None = None) -> Tensor:
    """Reorder a q or k projection made for ``InterleavedRotary`` so that ``Rotary`` gives the same scores.

    ``weight`` is ``[heads · d_k, ...]``, a matrix or a bias; for k, ``heads`` is kv_heads. Row ``2i + c`` of a head
    becomes its row ``c · R/2 + i``. Scores stay because q and k are reordered alike. GGUF files and LLaMA's original
    release are interleaved. Raises ``ValueError`` if the rows do not divide into heads or ``rotated`` is not even.

    Taught in ``transformers``, section 6.
    """
    order = _half_split_order(len(weight), heads, rotated).to(weight.device)
    return weight.reshape(heads, len(order), *weight.shape[1:])[:, order].reshape(weight.shape)


def permute_half_to_interleaved(weight: Tensor, heads: int, rotated: int | None = None) -> Tensor:
    """The inverse of ``permute_interleaved_to_half``, for writing such files. Shapes and errors are the same."""
    order = _half_split_order(len(weight), heads, rotated).argsort().to(weight.device)
    return weight.reshape(heads, len(order), *weight.shape[1:])[:, order].reshape(weight.shape)
