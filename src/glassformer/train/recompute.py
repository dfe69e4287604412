"""Gradient checkpointing: keep only what enters each layer, and compute the rest again when the gradient needs it."""

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from glassformer.parts.stack import Stack


def recompute(model: nn.Module) -> int:
    """Let every layer of ``model`` be computed twice when it is trained. Returns how many layers there are.

    Memory for activations falls from about all of a layer's tensors to one ``[B, T, D]`` a layer; a step takes about a
    third longer. Dropout is the same both times, so the gradient is that without recomputing, to the bit.

    Source: Chen et al. (2016). Taught in ``transformers``, section 16.
    """
    layers = [layer for stack in model.modules() if isinstance(stack, Stack) for layer in stack]
    for layer in layers:
        layer.forward = _twice(layer.forward)
    return len(layers)


def _twice(forward: Any) -> Any:
    def run(*inputs: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*inputs, **named)
        return checkpoint(forward, *inputs, use_reentrant=False, **named)

    return run
