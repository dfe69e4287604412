"""A next-token distribution in few numbers: the most likely tokens one by one, all others as one rest.

How much the rest weighs, and how spread out it is, depends on the temperature; both are kept for a row of temperatures.
Taught in ``transformers``, section 12.
"""

from collections.abc import Sequence
from typing import Any, Final

from torch import Tensor

TEMPERATURES: Final = tuple(step / 10 for step in range(1, 21))
MOST: Final = 40


def distribution(prompt: str, tokens: Sequence[str], logits_V: Tensor) -> dict[str, Any]:
    """What a figure keeps of ``logits_V``: the 40 most likely tokens with their log probabilities, and the rest.

    ``tokens`` are the texts of those 40, the most likely first. For each of ``TEMPERATURES`` t, ``rest`` has the log of
    the sum of ``exp(log p / t)`` over the other tokens, and ``spread`` the entropy within them, in nats. Raises
    ``ValueError`` unless there are 40 tokens and more logits than that.
    """
    if len(tokens) != MOST or logits_V.shape[-1] <= MOST:
        raise ValueError(
            f"tokens must be {MOST} of more than {MOST} logits, not {len(tokens)} of {logits_V.shape[-1]}."
        )
    log_V = logits_V.double().log_softmax(-1).sort(descending=True, stable=True).values
    rest, spread = [], []
    for t in TEMPERATURES:
        scaled = log_V[MOST:] / t
        inner = scaled.log_softmax(-1)
        rest.append(round(float(scaled.logsumexp(-1)), 5))
        spread.append(round(float(-(inner.exp() * inner).nansum()), 5))
    logs = [round(value, 5) for value in log_V[:MOST].tolist()]
    return {"prompt": prompt, "tokens": list(tokens), "logs": logs, "rest": rest, "spread": spread}
