"""The processes that train together. This one is alone; ``distributed`` holds the others."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import torch
from torch import Tensor, nn

from glassformer.objectives import Batch
from glassformer.objectives.batch import rows_of


class Group:
    """One process that has the whole batch and the whole model; a base for those that share them.

    ``rank`` numbers the processes from 0, ``size`` counts them; ``device`` is where this one
    computes, if that is fixed.
    """

    rank = 0
    size = 1
    device: torch.device | None = None
    gradient_scale = 1.0
    """What a loss is multiplied by, where gradients are averaged over processes although they should be added."""

    def share(self, batch: Batch) -> Batch:
        """This process's rows of a batch that every process has made alike. Shares differ by at most one row."""
        rows = next(len(tensor) for tensor in batch.values() if tensor.ndim)
        return rows_of(batch, slice(rows * self.rank // self.size, rows * (self.rank + 1) // self.size))

    def sum(self, metrics: dict[str, Tensor]) -> dict[str, float]:
        """Each metric added up over the processes, as numbers."""
        if not metrics:
            return {}
        stacked = self.add(torch.stack([value.detach().double() for value in metrics.values()]))
        return dict(zip(metrics, stacked.tolist(), strict=True))

    def add(self, tensor: Tensor) -> Tensor:
        """The sum of the tensors of all processes."""
        return tensor

    def whole(self, tensor: Tensor) -> Tensor:
        """A tensor that is sharded over the processes, in one piece."""
        return tensor

    def wrap(self, objective: nn.Module) -> nn.Module:
        """The objective as it is called, so that gradients are shared."""
        return objective

    def wait(self) -> None:
        """Until all processes have come here."""

    def accumulate(self, goal: Any, last: bool) -> AbstractContextManager[object]:
        """Where gradients of several parts are added, only the ``last`` needs to be shared with the others."""
        return nullcontext()


ALONE: Final = Group()
