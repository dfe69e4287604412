"""What a checkpoint holds of a run, by name: weights, the optimizer's memory, averaged weights."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from glassformer.train.average import Average
from glassformer.train.checkpoint import Checkpoint, CheckpointError
from glassformer.train.groups import AnyOptimizer, Together

MODEL, OPTIMIZER, AVERAGE = "model.", "optimizer.", "average."


def tensors(model: torch.nn.Module, optimizer: AnyOptimizer, average: Average | None = None) -> dict[str, Tensor]:
    """Every tensor that must be kept, once: a tied weight has one name."""
    found = {MODEL + name: tensor for name, tensor in weights(model).items()}
    of = {parameter: name for name, parameter in model.named_parameters()}
    for one in _each(optimizer):
        for parameter, memory in one.state.items():
            found |= {f"{OPTIMIZER}{of[parameter]}.{key}": tensor for key, tensor in memory.items()}
    if average:
        found |= {AVERAGE + name: tensor for name, tensor in average.weights.items()}
    return found


def restore(
    checkpoint: Checkpoint, model: torch.nn.Module, optimizer: AnyOptimizer, average: Average | None = None
) -> None:
    """Put everything back. Raises ``CheckpointError`` if the checkpoint is of another model or another optimizer."""
    stored = checkpoint.shapes()
    into = tensors(model, optimizer, average)
    owner = {parameter: one for one in _each(optimizer) for group in one.param_groups for parameter in group["params"]}
    for name, parameter in model.named_parameters():
        start = f"{OPTIMIZER}{name}."
        for full in stored:
            key = full.removeprefix(start)
            if full == key or "." in key:
                continue
            if parameter not in owner:
                raise CheckpointError(f"{checkpoint.path} does not fit: {name} is not trained here.")
            same = stored[full] == tuple(parameter.shape)
            memory = torch.zeros_like(parameter, requires_grad=False) if same else torch.zeros(stored[full])
            owner[parameter].state[parameter][key] = into[full] = memory
    if left := sorted(name for name in stored if name not in into):
        raise CheckpointError(f"{checkpoint.path} does not fit: it holds {left[0]}, which is not known here.")
    checkpoint.load(into)


@torch.no_grad()
def weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """The weights and the buffers that are kept, each once, under the first of its names."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            found[name] = tensor.detach()
    return found


def _each(optimizer: AnyOptimizer) -> Iterable[Any]:
    return optimizer.optimizers.values() if isinstance(optimizer, Together) else (optimizer,)
