"""One step of training: gradients of all parts of a batch, clipped, then the optimizer."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor, nn

from glassformer.objectives import Batch, Loss
from glassformer.train.group import ALONE, Group
from glassformer.train.groups import AnyOptimizer

Goal = Callable[[Batch], tuple[Tensor, dict[str, Tensor]]]
"""What is made better: ``goal(batch) -> (loss, metrics)``. A loss that knows its model."""


class Objective(nn.Module):
    """A loss with the model it is about, as one module: what is compiled, or shared among processes.

    Args:
        model: the model.
        loss: ``loss(model, batch) -> (loss, metrics)``.
    """

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and the metrics of a batch."""
        return self.loss(self.model, batch)


class DivergedError(RuntimeError):
    """The loss or its gradient is no longer a number. The weights have not been changed by this step."""


def train_step(
    goal: Goal,
    parts: Iterable[Batch],
    optimizer: AnyOptimizer,
    *,
    clip: float | None = None,
    group: Group = ALONE,
    precision: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> dict[str, float]:
    """Move the weights once, downhill on the whole batch. Returns the metrics and ``gradient_norm``, before clipping.

    ``g = Σ_parts ∇ loss(part)``; if ``|g| > clip`` it becomes ``g · clip / |g|``; then ``optimizer.step()``.

    Args:
        goal: ``goal(part) -> (loss, metrics)``.
        parts: of one batch, as ``glassformer.objectives.parts`` cuts it, so that their losses add up to the batch's.
        optimizer: holds the weights.
        clip: the longest gradient that is taken as it is.
        group: the processes that share the batch.
        precision: makes the context in which the loss is computed, such as autocast to bfloat16.

    Raises ``DivergedError`` before anything is changed if the loss or the gradient is infinite or not a number.
    Source of clipping: Pascanu, Mikolov and Bengio (2013), algorithm 1. Taught in ``transformers``, section 14.
    """
    optimizer.zero_grad(set_to_none=True)
    totals: dict[str, Tensor] = {}
    waiting = list(parts)
    for number, part in enumerate(waiting, start=1):
        with group.accumulate(goal, last=number == len(waiting)):
            with precision():
                loss, metrics = goal(part)
            (loss * group.gradient_scale).backward()  # type: ignore[no-untyped-call]
        for name, value in metrics.items():
            totals[name] = totals[name] + value if name in totals else value
    weights = [weight for one in optimizer.param_groups for weight in one["params"]]
    norm = group.whole(nn.utils.clip_grad_norm_(weights, float("inf") if clip is None else clip))
    said = group.sum(totals) | {"gradient_norm": float(norm)}
    for name, number_ in said.items():
        if not abs(number_) < float("inf"):
            raise DivergedError(f"{name} is {number_}")
    optimizer.step()
    return said
