"""Positions that are added to the scores: ALiBi's straight lines, and T5's table of distances.

A model computes such a bias once for a call and shares it among its layers. Both take *slots*, the positions of
queries and of keys, so that a step with a cache asks for its own rows only.

Legend: T queries, S keys, H heads.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def alibi_slopes(heads: int, device: torch.device | None = None) -> Tensor:
    """One slope a head, falling by the same ratio: ``2^(−8h/H)`` for h = 1..H. Shape ``[H]``, float32.

    For a count that is no power of two, the slopes of the next lower power ``P``, then every other one of ``2P``.

    Source: Press, Smith and Lewis (2022), section 3; the rule for other counts is their released code's.
    Taught in ``transformers``, section 6.
    """
    if heads < 1:
        raise ValueError(f"heads ({heads}) must be positive.")
    power = 2 ** (heads.bit_length() - 1)
    first = torch.arange(1, power + 1, device=device, dtype=torch.float32) / power
    rest = (torch.arange(heads - power, device=device, dtype=torch.float32) + 0.5) / power
    return torch.exp2(-8.0 * torch.cat((first, rest)))


class ALiBi(nn.Module):
    """A penalty that grows with the distance: ``bias = −slope_h · |query − key|``. Nothing is trained.

    Bloom and MPT add ``slope_h · key`` instead: the same after the softmax, since no query looks ahead there.

    Shapes: ``queries_T`` is ``[T]`` and ``keys_S`` ``[S]``, integers; the output ``[1, H, T, S]``, float32.
    Raises ``ValueError`` if ``heads`` is not positive.

    Source: Press, Smith and Lewis (2022), section 3. Taught in ``transformers``, section 6.
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        if heads < 1:
            raise ValueError(f"heads ({heads}) must be positive.")
        self.heads = heads

    def forward(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """The bias on the scores, ``[1, H, T, S]``."""
        distance_TS = (queries_T[:, None] - keys_S).abs()
        return -alibi_slopes(self.heads, keys_S.device)[None, :, None, None] * distance_TS


def _log_buckets(distance: Tensor, buckets: int, max_distance: int) -> Tensor:
    """Distances to 0..buckets−1: the first half one distance each, the rest wider and wider up to max_distance."""
    exact = buckets // 2
    # Clamped first: log 0 is −∞, and what that is as an integer differs from machine to machine.
    ratio = torch.log(distance.clamp(min=exact).to(torch.float32) / exact) / math.log(max_distance / exact)
    far = (exact + (ratio * (buckets - exact)).long()).clamp(max=buckets - 1)
    return torch.where(distance < exact, distance, far)


@dataclass(frozen=True)
class Buckets(ABC):
    """A rule that maps ``key − query`` to a row of T5's table; ``max_distance`` and beyond share one row.

    Raises ``ValueError`` if a side would have fewer than two buckets, or ``max_distance`` lies among the exact ones.
    Source: Raffel et al. (2020), section 2.1. Taught in ``transformers``, section 6.
    """

    buckets: int = 32
    max_distance: int = 128

    def __post_init__(self) -> None:
        if self.per_side < 2:
            raise ValueError(f"buckets ({self.buckets}) must leave at least 2 for a side, not {self.per_side}.")
        if self.max_distance <= self.per_side // 2:
            exact = self.per_side // 2
            raise ValueError(f"max_distance ({self.max_distance}) must be above the exact distances ({exact}).")

    @property
    @abstractmethod
    def per_side(self) -> int:
        """How many buckets the keys on one side of the query have."""

    @abstractmethod
    def __call__(self, relative: Tensor) -> Tensor:
        """The bucket of each ``key − query``: integers of any shape to integers in 0..buckets−1."""


class BidirectionalBuckets(Buckets):
    """Half of the buckets for keys at or before the query, half for keys after it: T5's encoder."""

    @property
    def per_side(self) -> int:
        """Half of the buckets."""
        return self.buckets // 2

    def __call__(self, relative: Tensor) -> Tensor:
        """The bucket of the distance, moved up by ``per_side`` where the key lies ahead."""
        ahead = (relative > 0).long() * self.per_side
        return ahead + _log_buckets(relative.abs(), self.per_side, self.max_distance)


class CausalBuckets(Buckets):
    """All buckets for keys at or before the query; keys after it count as distance 0: T5's decoder."""

    @property
    def per_side(self) -> int:
        """All of the buckets."""
        return self.buckets

    def __call__(self, relative: Tensor) -> Tensor:
        """The bucket of the distance back."""
        return _log_buckets((-relative).clamp(min=0), self.per_side, self.max_distance)


class RelativeBias(nn.Module):
    """A trained number for each head and bucket of distances: ``bias = weight[bucket(key − query), h]``.

    Args:
        heads: how many heads.
        bucket: the rule from distances to rows, ``BidirectionalBuckets(32, 128)`` or ``CausalBuckets(32, 128)``.

    Shapes: ``queries_T`` is ``[T]`` and ``keys_S`` ``[S]``, integers; the output ``[1, H, T, S]`` in the dtype of
    ``weight``, which is ``[buckets, H]`` and starts from a normal distribution of standard deviation 0.02.

    Raises ``ValueError`` if ``heads`` is not positive.

    Source: Raffel et al. (2020), section 2.1, after Shaw et al. (2018). Taught in ``transformers``, section 6.
    """

    def __init__(self, heads: int, bucket: Buckets) -> None:
        super().__init__()
        if heads < 1:
            raise ValueError(f"heads ({heads}) must be positive.")
        self.bucket = bucket
        self.weight = nn.Parameter(torch.empty(bucket.buckets, heads))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, queries_T: Tensor, keys_S: Tensor) -> Tensor:
        """The bias on the scores, ``[1, H, T, S]``."""
        rows_TS = self.bucket(keys_S - queries_T[:, None])
        bias_TSH = F.embedding(rows_TS, self.weight)
        return bias_TSH.permute(2, 0, 1)[None].contiguous()  # laid out once here, read by every layer
