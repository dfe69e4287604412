"""Initialization: what the weights are before training."""

import re

import torch
from torch import nn


@torch.no_grad()
def normal(model: nn.Module, std: float, pattern: str = ".*") -> None:
    """Linear layers and embeddings whose name matches ``pattern`` become N(0, ``std``²), their biases 0.

    Norms and other parameters keep what their parts gave them. ``pattern`` is a regular expression for the whole name.
    Taught in ``transformers``, section 15.
    """
    for name, module in model.named_modules():
        if not re.fullmatch(pattern, name):
            continue
        if isinstance(module, nn.Linear | nn.Embedding) or type(module).__name__ == "LearnedPositions":
            nn.init.normal_(module.weight, std=std)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
