"""Sampling: from logits to the next token. Each rule is a function on logits; what it drops becomes −∞.

Legend: B batch, V vocab, S tokens seen.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

NOTHING = float("-inf")


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}.")


def _share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{name} must be greater than 0 and at most 1, not {value}.")


def _penalty(name: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be greater than 0 (1 changes nothing), not {value}.")


def temperature(logits_BV: Tensor, t: float) -> Tensor:
    """``logits / t``, shifted so that each row's largest is 0: below 1 likely tokens gain, above 1 all come closer.

    The shift changes no probability, and keeps a small ``t`` from overflowing. Raises ``ValueError`` unless ``t`` > 0.

    Source: Ackley, Hinton and Sejnowski (1985). Taught in ``transformers``, section 12.
    """
    if not t > 0:
        raise ValueError(f"t must be greater than 0, not {t}.")
    return (logits_BV - logits_BV.amax(-1, keepdim=True)) / t


def top_k(logits_BV: Tensor, k: int) -> Tensor:
    """Keeps the ``k`` most likely tokens; those that equal the k-th all stay. Raises ``ValueError`` if ``k`` < 1.

    Source: Fan, Lewis and Dauphin (2018), section 5. Taught in ``transformers``, section 12.
    """
    _at_least_one("k", k)
    kth_B1 = logits_BV.topk(min(k, logits_BV.shape[-1])).values[:, -1:]
    return logits_BV.masked_fill(logits_BV < kth_B1, NOTHING)


def top_p(logits_BV: Tensor, p: float) -> Tensor:
    """Nucleus sampling: keeps the fewest tokens, the most likely first, whose probabilities reach ``p``; at least one.

    Of equally likely tokens at the edge, the lower ids stay. Raises ``ValueError`` unless 0 < ``p`` ≤ 1.

    Source: Holtzman et al. (2020), section 3.1. Taught in ``transformers``, section 12.
    """
    _share("p", p)
    if p == 1:
        return logits_BV  # a rounded sum may reach 1 before the last token
    sorted_BV, order_BV = logits_BV.sort(dim=-1, descending=True, stable=True)
    probabilities_BV = sorted_BV.softmax(-1)
    before_BV = probabilities_BV.cumsum(-1) - probabilities_BV
    drop_BV = before_BV >= p
    drop_BV[:, 0] = False  # the sum before the first is 0, or what rounding makes of it
    return logits_BV.masked_fill(drop_BV.scatter(-1, order_BV, drop_BV), NOTHING)


def min_p(logits_BV: Tensor, p: float) -> Tensor:
    """Keeps tokens at least ``p`` times as likely as the most likely one. Raises ``ValueError`` unless 0 < ``p`` ≤ 1.

    Source: Nguyen et al. (2024), section 3. Taught in ``transformers``, section 12.
    """
    _share("p", p)
    probabilities_BV = logits_BV.softmax(-1)
    return logits_BV.masked_fill(probabilities_BV < p * probabilities_BV.amax(-1, keepdim=True), NOTHING)


def typical(logits_BV: Tensor, p: float) -> Tensor:
    """Keeps tokens whose surprise ``−log p(v)`` is nearest to the entropy, the nearest first, until they reach ``p``.

    Equally near tokens at the edge all stay. Raises ``ValueError`` unless 0 < ``p`` ≤ 1.

    Source: Meister et al. (2023), eq. 9. Taught in ``transformers``, section 12.
    """
    _share("p", p)
    if p == 1:
        return logits_BV
    log_BV = logits_BV.log_softmax(-1)
    entropy_B1 = -(log_BV.exp() * log_BV).nansum(-1, keepdim=True)  # 0 · −∞ counts as 0
    distance_BV, order_BV = (-log_BV - entropy_B1).abs().sort(dim=-1, stable=True)
    mass_BV = log_BV.gather(-1, order_BV).exp().cumsum(-1)
    last_B1 = (mass_BV < p).sum(-1, keepdim=True).clamp(max=logits_BV.shape[-1] - 1)
    drop_BV = distance_BV > distance_BV.gather(-1, last_B1)
    return logits_BV.masked_fill(drop_BV.scatter(-1, order_BV, drop_BV), NOTHING)


def repetition_penalty(logits_BV: Tensor, seen_BS: Tensor, penalty: float, real_BS: Tensor | None = None) -> Tensor:
    """Makes tokens that were seen less likely: positive logits are divided by ``penalty``, negative ones multiplied.

    ``real`` is false at pads, which do not count as seen. Raises ``ValueError`` unless ``penalty`` > 0.

    Source: Keskar et al. (2019), CTRL, section 4.1; the rule for negative logits is the later implementations'.
    Taught in ``transformers``, section 12.
    """
    _penalty("penalty", penalty)
    times_BS = torch.ones_like(seen_BS) if real_BS is None else real_BS.to(seen_BS.dtype)
    seen_BV = torch.zeros_like(logits_BV, dtype=seen_BS.dtype).scatter_add_(-1, seen_BS, times_BS) > 0
    less_BV = torch.where(logits_BV < 0, logits_BV * penalty, logits_BV / penalty)
    return torch.where(seen_BV, less_BV, logits_BV)


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    The rules apply in the order repetition penalty, temperature, top-k, top-p, min-p, typical, as in ``transformers``'
    ``generate``.

    Args:
        temperature: 0 always takes the most likely token (greedy; the lowest id of equals), whatever the limits below.
        top_k, top_p, min_p, typical: see the functions of that name; ``None`` leaves a rule out.
        repetition_penalty: 1 for none.

    Raises ``ValueError`` if ``temperature`` is negative, a share is not in (0, 1], ``top_k`` < 1 or the penalty ≤ 0.
    Taught in ``transformers``, section 12.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature must be a number from 0 up, not {self.temperature}.")
        if self.top_k is not None:
            _at_least_one("top_k", self.top_k)
        for name in ("top_p", "min_p", "typical"):
            if getattr(self, name) is not None:
                _share(name, getattr(self, name))
        _penalty("repetition_penalty", self.repetition_penalty)

    def probabilities(self, logits_BV: Tensor, seen_BS: Tensor, real_BS: Tensor | None = None) -> Tensor:
        """The probability of each token after all rules, ``[B, V]``, in float32 or better."""
        logits_BV = logits_BV.to(torch.promote_types(logits_BV.dtype, torch.float32))
        if self.repetition_penalty != 1:
            logits_BV = repetition_penalty(logits_BV, seen_BS, self.repetition_penalty, real_BS)
        if self.temperature == 0:
            return torch.zeros_like(logits_BV).scatter_(-1, logits_BV.argmax(-1, keepdim=True), 1.0)
        logits_BV = temperature(logits_BV, self.temperature)
        if self.top_k is not None:
            logits_BV = top_k(logits_BV, self.top_k)
        if self.top_p is not None:
            logits_BV = top_p(logits_BV, self.top_p)
        if self.min_p is not None:
            logits_BV = min_p(logits_BV, self.min_p)
        if self.typical is not None:
            logits_BV = typical(logits_BV, self.typical)
        return logits_BV.softmax(-1)

    def choose(
        self,
        logits_BV: Tensor,
        seen_BS: Tensor,
        generator: torch.Generator | None = None,
        real_BS: Tensor | None = None,
    ) -> Tensor:
        """The next token of each row, ``[B]``. ``seen`` is the text so far, ``real`` where it is not padding."""
        probabilities_BV = self.probabilities(logits_BV, seen_BS, real_BS)
        if self.temperature == 0:
            return probabilities_BV.argmax(-1)
        return torch.multinomial(probabilities_BV, 1, generator=generator)[:, 0]


GREEDY = Sampling(temperature=0)
