"""Scaled rotary positions: how the angles are stretched, so that a model may read further than it was trained to.

Legend: d rotated dimensions; ``ω_i`` the angle that one position adds to pair i.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from glassformer.parts.position import inverse_frequencies


def _positive(what: object, *names: str) -> None:
    for name in names:
        if getattr(what, name) <= 0:
            raise ValueError(f"{name} ({getattr(what, name)}) must be positive.")


class Scaling(ABC):
    """How the frequencies are stretched. A value: two equal ones give the same tables.

    Section 6 of ``transformers``.
    """

    @abstractmethod
    def frequencies(self, d: int, base: float, length: int, device: torch.device | None) -> tuple[Tensor, float]:
        """The angle a position adds to each pair, ``[d/2]`` in radians, and the factor on cosine and sine.

        ``length`` is the number of positions in play, cached ones included; most scalings ignore it.
        """


@dataclass(frozen=True)
class Unscaled(Scaling):
    """``ω_i = base^(−2i/d)``. Source: Su et al. (2021), RoFormer, section 3.2. Section 6 of ``transformers``."""

    def frequencies(self, d: int, base: float, length: int, device: torch.device | None) -> tuple[Tensor, float]:
        """``ω``, and 1."""
        return inverse_frequencies(d, base, device), 1.0


@dataclass(frozen=True)
class Linear(Scaling):
    """Position interpolation: ``ω_i / factor``. Every angle shrinks.

    Source: Chen et al. (2023), eq. 4. Section 6 of ``transformers``.
    """

    factor: float

    def __post_init__(self) -> None:
        _positive(self, "factor")

    def frequencies(self, d: int, base: float, length: int, device: torch.device | None) -> tuple[Tensor, float]:
        """``ω / factor``, and 1."""
        return inverse_frequencies(d, base, device) / self.factor, 1.0


@dataclass(frozen=True)
class Dynamic(Scaling):
    """NTK-aware scaling that grows with the text: ``base' = base · (s·L/L₀ − s + 1)^(d/(d−2))``, ``s`` = factor.

    ``L`` is ``length`` or ``L₀`` = ``original_positions``, whichever is more. A cached key keeps the angle of the
    length at which it was written, so decoding with a cache and without one differ past ``L₀``.
    Needs ``d`` > 2. Source: Peng et al. (2023), YaRN, section 3.3 and appendix B.2.
    Section 6 of ``transformers``.
    """

    factor: float
    original_positions: int

    def __post_init__(self) -> None:
        _positive(self, "factor", "original_positions")

    def frequencies(self, d: int, base: float, length: int, device: torch.device | None) -> tuple[Tensor, float]:
        """``ω`` of the base for this length, and 1."""
        if d <= 2:
            raise ValueError(f"d ({d}) must be greater than 2 for dynamic scaling.")
        longer = max(length, self.original_positions) / self.original_positions
        grown = base * (self.factor * longer - (self.factor - 1)) ** (d / (d - 2))
        return inverse_frequencies(d, grown, device), 1.0


@dataclass(frozen=True)
class Llama3(Scaling):
    """Waves short against the training length stay, long ones are stretched by ``factor``, those between blend.

    With ``r = original_positions · ω / 2π`` turns in the training length and
    ``t = (r − low) / (high − low)`` clamped to 0..1: ``ω' = (1 − t) · ω/factor + t · ω``.
    Source: the Llama 3.1 release; Grattafiori et al. (2024), section 3.4.2, has the base of 500,000.
    Section 6 of ``transformers``.
    """

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_positions: int

    def __post_init__(self) -> None:
        _positive(self, "factor", "low_freq_factor", "original_positions")
        if self.high_freq_factor <= self.low_freq_factor:
            high, low = self.high_freq_factor, self.low_freq_factor
            raise ValueError(f"high_freq_factor ({high}) must be greater than low_freq_factor ({low}).")

    def frequencies(self, d: int, base: float, length: int, device: torch.device | None) -> tuple[Tensor, float]:
        """The blend of ``ω`` and ``ω / factor``, and 1."""
        omega = inverse_frequencies(d, base, device)
        turns = self.original_positions * omega / (2 * math.pi)
        keep = ((turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor)).clamp(0, 1)
        return (1 - keep) * omega / self.factor + keep * omega, 1.0


@dataclass(frozen=True)
class Yarn(Scaling):
    """NTK by parts: as ``Llama3``, but the blend is a ramp over the *index* of the pair, and scores are sharpened.

    Pair ``i(r) = d · ln(original_positions / 2πr) / (2 ln base)`` makes ``r`` turns in the training length. Pairs
    below ``i(beta_fast)`` stay, those above ``i(beta_slow)`` are divided by ``factor``. Cosine and sine are multiplied
    by ``attention_factor``; without one, by ``0.1 ln(factor) + 1``, or by the ratio of ``0.1 m ln(factor) + 1`` for
    m = ``mscale`` and m = ``mscale_all_dim`` if both are given (DeepSeek). ``truncate`` rounds the ramp's ends outward.
    Source: Peng et al. (2023), YaRN, definition 2 and eq. 22. Section 6 of ``transformers``.
    """

    factor: float
    original_positions: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None
    mscale: float | None = None
    mscale_all_dim: float | None = None
    truncate: bool = True

    def __post_init__(self) -> None:
        _positive(self, "factor", "original_positions", "beta_fast", "beta_slow")

    def _ramp_ends(self, d: int, base: float) -> tuple[float, float]:
        def pair_with(turns: float) -> float:
            return d * math.log(self.original_positions / (turns * 2 * math.pi)) / (2 * math.log(base))

        low, high = pair_with(self.beta_fast), pair_with(self.beta_slow)
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        return max(low, 0), min(high, d - 1)

    def _sharpening(self) -> float:
        def term(m: float) -> float:
            return 0.1 * m * math.log(max(self.factor, 1.0)) + 1.0

        if self.attention_factor is not None:
            return self.attention_factor
        if self.mscale and self.mscale_all_dim:
            return term(self.mscale) / term(self.mscale_all_dim)
        return term(1.0)

    def frequencies(self, d: int, base: float, length: int, device: torch.device | None) -> tuple[Tensor, float]:
        """The blend of ``ω`` and ``ω / factor`` along the ramp, and the attention factor."""
        omega = inverse_frequencies(d, base, device)
        low, high = self._ramp_ends(d, base)
        pairs = torch.arange(d // 2, device=device, dtype=torch.float32)
        stretch = ((pairs - low) / (high - low if high != low else 0.001)).clamp(0, 1)
        return omega / self.factor * stretch + omega * (1 - stretch), self._sharpening()


@dataclass(frozen=True)
class LongRope(Scaling):
    """A searched divisor for each pair, one set up to ``original_positions`` and one beyond: ``ω_i / factors_i``.

    Cosine and sine are multiplied by ``attention_factor``; without one, by ``√(1 + ln factor / ln L₀)``, where
    L₀ = ``original_positions`` and ``factor`` says how much further the model reads (1 or less: no change).
    Source: Ding et al. (2024), LongRoPE, section 3; the Phi-3 release. Section 6 of ``transformers``.
    """

    short_factor: tuple[float, ...]
    long_factor: tuple[float, ...]
    original_positions: int
    factor: float = 1.0
    attention_factor: float | None = None

    def __post_init__(self) -> None:
        _positive(self, "factor", "original_positions")

    def frequencies(self, d: int, base: float, length: int, device: torch.device | None) -> tuple[Tensor, float]:
        """``ω / factors``, and the attention factor."""
        factors = self.long_factor if length > self.original_positions else self.short_factor
        if len(factors) != d // 2:
            raise ValueError(f"short_factor and long_factor must have d / 2 ({d // 2}) numbers, not {len(factors)}.")
        omega = inverse_frequencies(d, base, device) / torch.tensor(factors, device=device, dtype=torch.float32)
        if self.attention_factor is not None:
            return omega, self.attention_factor
        return omega, math.sqrt(1 + math.log(max(self.factor, 1.0)) / math.log(self.original_positions))


UNSCALED = Unscaled()
