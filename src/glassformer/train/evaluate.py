"""Validation: the metrics of an objective over many batches, exact whatever the batches' sizes."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from glassformer.objectives import Batch, to, whole
from glassformer.objectives.batch import TOTAL
from glassformer.train.group import ALONE, Group
from glassformer.train.step import Objective


@torch.no_grad()
def evaluate(
    objective: Objective,
    batches: Sequence[Batch],
    group: Group = ALONE,
    precision: Callable[[], AbstractContextManager[object]] = nullcontext,
    device: torch.device | str = "cpu",
) -> dict[str, float]:
    """Each metric averaged over all places of all batches, without dropout. The model is left as it was.

    The places of all batches are counted first, so the result does not depend on how the text was cut into batches, nor
    on how many processes share them: process r takes the batches r, r + size, r + 2 size and so on.

    Raises ``ValueError`` if there are no batches.
    """
    if not batches:
        raise ValueError("batches must not be empty: there is nothing to validate on.")
    counted = [whole(batch) for batch in batches]
    totals = {name: torch.stack([batch[name] for batch in counted]).sum() for name in counted[0] if TOTAL in name}
    was_training = objective.training
    objective.eval()
    sums: dict[str, Tensor] = {}
    try:
        # every process takes as many turns, because sharded weights are gathered by all of them together
        for first in range(0, len(counted), group.size):
            own = first + group.rank
            batch = to(counted[min(own, len(counted) - 1)] | totals, device)
            with precision():
                _, metrics = objective(batch)
            for name, value in metrics.items():
                sums[name] = sums.get(name, torch.zeros_like(value)) + value * (own < len(counted))
    finally:
        objective.train(was_training)
    return group.sum(sums)
