"""Schedules: how large the learning rate is at each step, as a share of its peak.

A schedule is a value with a ``__call__``: ``schedule(step) -> float``, where steps are counted from 0. It depends on
nothing but the step, so a resumed run needs to remember nothing of it. ``set_lr(optimizer, schedule(step))`` comes
before the step.

All but ``Vaswani`` begin alike: the first ``warmup`` steps are below the peak, step i at ``(i + 1) / (warmup + 1)``,
and step ``warmup`` is the first at the peak, 1. Those that end reach ``floor`` at step ``steps``, the first that is not
made, and stay there. So no step is wasted at a rate of 0, neither at the start nor at the end.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from glassformer.train.groups import AnyOptimizer

Schedule = Callable[[int], float]
"""The learning rate at a step, as a share of the peak."""

Shape = Callable[[float], float]
"""The way down: from 1 at progress 0 to 0 at progress 1."""


def linear(progress: float) -> float:
    """A straight line: ``1 − p``."""
    return 1 - progress


def cosine(progress: float) -> float:
    """Half a cosine wave: ``(1 + cos πp) / 2``. Source: Loshchilov and Hutter (2017), equation 5."""
    return (1 + math.cos(math.pi * progress)) / 2


def root(progress: float) -> float:
    """Steep at first: ``1 − √p``. Source: Hägele et al. (2024), where it is 1-sqrt."""
    return 1 - math.sqrt(progress)


@dataclass(frozen=True)
class Constant:
    """Warm-up, then the peak for ever. Taught in ``transformers``, section 15."""

    warmup: int = 0

    def __post_init__(self) -> None:
        _at_least(0, warmup=self.warmup)

    def __call__(self, step: int) -> float:
        """``min(1, (step + 1) / (warmup + 1))``."""
        return min(1.0, (step + 1) / (self.warmup + 1))


@dataclass(frozen=True)
class WSD:
    """Warm-up, stable, decay: a plateau that can be prolonged at will, and a short way down at the end.

    Args:
        steps: how many steps are made.
        warmup: how many of them are below the peak at the start.
        decay: over how many of them the rate falls at the end.
        floor: what it falls to, from 0 to 1.
        shape: the way down: ``linear``, ``root`` or ``cosine``.

    Raises ``ValueError`` if the parts are longer than the whole.

    Source: Hu et al. (2024), MiniCPM, section 4. Taught in ``transformers``, section 15.
    """

    steps: int
    warmup: int = 0
    decay: int = 1
    floor: float = 0.0
    shape: Shape = linear

    def __post_init__(self) -> None:
        _at_least(0, warmup=self.warmup)
        _at_least(1, decay=self.decay)
        if self.warmup + self.decay > self.steps:
            raise ValueError(f"steps ({self.steps}) must be at least warmup ({self.warmup}) + decay ({self.decay}).")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor must be from 0 to 1, not {self.floor!r}.")

    def __call__(self, step: int) -> float:
        """The warm-up, then 1, then ``floor + (1 − floor) · shape(p)``, p being the share of the decay that is past."""
        progress = min(1.0, max(0.0, (step - self.steps + self.decay) / self.decay))
        return Constant(self.warmup)(step) * (self.floor + (1 - self.floor) * self.shape(progress))


@dataclass(frozen=True)
class Linear:
    """Warm-up, then a straight line down to ``floor``: BERT's schedule. It is ``WSD`` without a plateau.

    Args and errors: as for ``WSD``. Source: Devlin et al. (2019), appendix A.2. Taught in ``transformers``, section 15.
    """

    steps: int
    warmup: int = 0
    floor: float = 0.0

    def __post_init__(self) -> None:
        self._whole()

    def __call__(self, step: int) -> float:
        """The warm-up, then ``floor + (1 − floor) · (1 − p)``."""
        return self._whole()(step)

    def _whole(self, shape: Shape = linear) -> WSD:
        """The same with a plateau of no length."""
        return WSD(self.steps, self.warmup, max(1, self.steps - self.warmup), self.floor, shape)


@dataclass(frozen=True)
class Cosine(Linear):
    """Warm-up, then half a cosine wave down to ``floor``: the schedule of GPT-3, LLaMA and nanoGPT.

    Args and errors: as for ``WSD``. Source: Loshchilov and Hutter (2017), equation 5.
    Taught in ``transformers``, section 15.
    """

    def __call__(self, step: int) -> float:
        """The warm-up, then ``floor + (1 − floor) · (1 + cos πp) / 2``."""
        return self._whole(cosine)(step)


@dataclass(frozen=True)
class InverseSquareRoot:
    """Warm-up, then down as one over the root of the step, without an end that must be known in advance.

    Source: Vaswani et al. (2017), equation 3, as a share of its peak; T5 holds the peak during the warm-up instead.
    Taught in ``transformers``, section 15.
    """

    warmup: int

    def __post_init__(self) -> None:
        _at_least(0, warmup=self.warmup)

    def __call__(self, step: int) -> float:
        """``min(t / w, √(w / t))`` with t = step + 1 and w = warmup + 1."""
        t, w = step + 1, self.warmup + 1
        return min(t / w, math.sqrt(w / t))


@dataclass(frozen=True)
class Vaswani:
    """The schedule of the 2017 transformer as published. It is the learning rate itself: give the optimizer ``lr=1``.

    ``d_model^−0.5 · min(t^−0.5, t · warmup^−1.5)``, where t = step + 1 and the peak is at t = warmup.

    Source: Vaswani et al. (2017), equation 3. Taught in ``transformers``, section 15.
    """

    d_model: int
    warmup: int = 4000

    def __post_init__(self) -> None:
        _at_least(1, d_model=self.d_model, warmup=self.warmup)

    def __call__(self, step: int) -> float:
        """The learning rate of a step."""
        return float(self.d_model**-0.5 * min((step + 1) ** -0.5, (step + 1) * self.warmup**-1.5))


def set_lr(optimizer: AnyOptimizer, factor: float) -> None:
    """Set the learning rate of every group to ``factor`` times its peak, the ``lr`` that it was made with.

    The peak is kept in the group as ``initial_lr``, where PyTorch's schedulers keep it too, and is saved with it.
    """
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def _at_least(low: int, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < low:
            raise ValueError(f"{name} must be at least {low}, not {size}.")
