"""Batches, and averages over them that stay exact when a batch is cut into parts.

Legend: B rows, T tokens, V vocab.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

Batch = dict[str, Tensor]
"""Tensors by name. The first axis of each is the row; those without an axis hold for all rows."""

Loss = Callable[[Any, Batch], tuple[Tensor, dict[str, Tensor]]]
"""An objective: ``loss(model, batch) -> (loss, metrics)``."""

ROWS: Final = "rows"
TOTAL: Final = "total:"


def whole(batch: Batch) -> Batch:
    """The batch with its totals: how many rows, and how many true places each boolean tensor has.

    Call it once, before the batch is cut. Raises ``ValueError`` if the tensors differ in their number of rows.
    """
    rows = {name: len(tensor) for name, tensor in batch.items() if tensor.ndim}
    if len(set(rows.values())) != 1:
        raise ValueError(f"The tensors of a batch must have the same number of rows, not {rows}.")
    totals = {name: tensor.sum() for name, tensor in batch.items() if tensor.ndim and tensor.dtype == torch.bool}
    device = next(tensor.device for tensor in batch.values() if tensor.ndim)
    totals[ROWS] = torch.tensor(next(iter(rows.values())), device=device)
    return batch | {TOTAL + name: total for name, total in totals.items()}


def average(values: Tensor, batch: Batch, where: str = ROWS) -> Tensor:
    """The mean of ``values`` over the true places of ``batch[where]``, or over all rows.

    ``Σ values[places] / n``, where n counts the places of the whole batch if ``whole`` has counted them, and otherwise
    those of this batch. So the averages of the parts add up to the average of the whole. Without any place it is 0.

    Args:
        values: ``[B, T]`` or of the shape of ``batch[where]``; ``[B]`` for rows.
        batch: what ``values`` was computed from.
        where: the name of a boolean tensor of the batch, or ``"rows"``.
    """
    total = batch.get(TOTAL + where)
    if where == ROWS:
        return values.sum() / (len(values) if total is None else total)
    places = batch[where]
    return torch.where(places, values, 0.0).sum() / (places.sum() if total is None else total).clamp(min=1)


def cross_entropy(logits_BTV: Tensor, batch: Batch, where: str = "real", targets: str = "targets") -> Tensor:
    """The mean of ``−log softmax(logits)[target]`` over the places ``batch[where]``, in nats, computed in float32.

    Args:
        logits_BTV: ``[B, T, V]``.
        batch: holds ``targets``, ``[B, T]``, and the boolean tensor ``where``, ``[B, T]``.
    """
    targets_BT = batch[targets]
    losses = functional.cross_entropy(logits_BTV.flatten(0, 1).float(), targets_BT.flatten(), reduction="none")
    return average(losses.view_as(targets_BT), batch, where)


def accuracy(logits_BTV: Tensor, batch: Batch, where: str = "real", targets: str = "targets") -> Tensor:
    """The share of the places ``batch[where]`` at which the likeliest token is the target."""
    return average((logits_BTV.detach().argmax(-1) == batch[targets]).float(), batch, where)


def parts(batch: Batch, number: int) -> Iterator[Batch]:
    """The batch in ``number`` consecutive parts, each with the totals of the whole.

    Their sizes differ by at most one row. Raises ``ValueError`` if there are fewer rows than parts.
    """
    batch = batch if TOTAL + ROWS in batch else whole(batch)
    rows = next(len(tensor) for tensor in batch.values() if tensor.ndim)
    if not 1 <= number <= rows:
        raise ValueError(f"number must be from 1 to the number of rows, {rows}, not {number}.")
    for part in range(number):
        yield rows_of(batch, slice(rows * part // number, rows * (part + 1) // number))


def rows_of(batch: Batch, rows: slice) -> Batch:
    """Some rows of the batch; what holds for all rows, the totals among it, is kept."""
    return {name: tensor[rows] if tensor.ndim else tensor for name, tensor in batch.items()}


def to(batch: Batch, device: torch.device | str) -> Batch:
    """The batch on another device."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
