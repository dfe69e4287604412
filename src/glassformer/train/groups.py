"""Groups of parameters: which are decayed, which are orthogonalized, and several optimizers that act as one."""

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import torch
from torch import nn

Named = Mapping[str, nn.Parameter]

SPARED: Final = r"(.*\.)?(A_log|skip)"
"""Matrices that are not to be pulled to 0 although they have two axes: Mamba's."""


class AnyOptimizer(Protocol):
    """What a training loop asks of an optimizer: PyTorch's have it, and so has ``Together``."""

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Groups of parameters, each with its own ``lr``."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the last step."""

    def step(self) -> None:
        """Move every parameter that has a gradient once."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and names, in dictionaries and lists."""

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on from what ``state_dict`` gave."""


_FUSED: Final = {"cpu", "cuda", "mps", "xpu"}


def trained(model: nn.Module | Named) -> dict[str, nn.Parameter]:
    """The parameters that want a gradient, each once, under the first of its names: a tied head is its embedding.

    Raises ``ValueError`` if there are none.
    """
    named = model.named_parameters() if isinstance(model, nn.Module) else model.items()
    found = {name: parameter for name, parameter in named if parameter.requires_grad}
    if not found:
        raise ValueError("model must have at least one parameter that wants a gradient, and has none.")
    return found


def hidden_matrices(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights of the linear layers inside the model: none of a module called ``head``, none tied to an embedding.

    They turn one hidden vector into another, which is what Muon is made for.
    """
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    linear = {f"{name}.weight".lstrip(".") for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    return {
        name: parameter
        for name, parameter in trained(model).items()
        if name in linear and "head" not in name.split(".") and id(parameter) not in tables
    }


def groups(model: nn.Module | Named, weight_decay: float, spared: str = SPARED) -> list[dict[str, Any]]:
    """Two groups for an optimizer, as PyTorch takes them, with names: what is decayed, and what is not.

    Matrices are decayed, embeddings and convolutions too. Vectors (biases, the gains of norms) are not: they are few,
    and 0 is no natural place for a gain. A group without parameters is left out.

    Args:
        model: a model, or some of its parameters by name.
        weight_decay: λ of the first group, 0 or more; the second has 0.
        spared: a pattern; a parameter whose whole name it matches is not decayed.
    """
    if not 0 <= weight_decay < float("inf"):
        raise ValueError(f"weight_decay must be 0 or more, not {weight_decay!r}.")
    decayed: list[tuple[str, nn.Parameter]] = []
    kept: list[tuple[str, nn.Parameter]] = []
    for name, parameter in trained(model).items():
        (kept if parameter.ndim < 2 or re.fullmatch(spared, name) else decayed).append((name, parameter))
    halves = ((decayed, weight_decay), (kept, 0.0))
    return [{"params": named, "weight_decay": decay} for named, decay in halves if named]


def adamw(
    model: nn.Module | Named,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.95),
    weight_decay: float = 0.1,
    *,
    eps: float = 1e-8,
    fused: bool | None = None,
    spared: str = SPARED,
) -> torch.optim.AdamW:
    """PyTorch's AdamW over ``groups``: Adam, and matrices shrink by ``lr · weight_decay`` of themselves at each step.

    Args:
        model: a model, or some of its parameters by name.
        lr, betas, eps: as in ``glassformer.train.optimizer.Adam``. The β₂ of language models is 0.95, not 0.999.
        weight_decay, spared: as for ``groups``.
        fused: whether one kernel does the whole step, several times as fast; by default wherever the device has one.

    Source: Loshchilov and Hutter (2019), algorithm 2. Taught in ``transformers``, section 15.
    """
    if fused is None:
        fused = all(parameter.device.type in _FUSED for parameter in trained(model).values())
    return torch.optim.AdamW(groups(model, weight_decay, spared), lr=lr, betas=betas, eps=eps, fused=fused)


class Together:
    """Several optimizers used as one; each has its own parameters.

    Args:
        optimizers: by names, which are those in ``state_dict``.
    """

    def __init__(self, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        self.optimizers = dict(optimizers)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all of them, to be changed in place, as by a schedule."""
        return [group for optimizer in self.optimizers.values() for group in optimizer.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the last step."""
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none)

    def step(self) -> None:
        """Move every parameter that has a gradient once."""
        for optimizer in self.optimizers.values():
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """The state of each, by name."""
        return {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` gave. Raises ``ValueError`` if it is that of other optimizers."""
        if set(state) != set(self.optimizers):
            raise ValueError(f"state must be of the optimizers {sorted(self.optimizers)}, not {sorted(state)}.")
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state[name])
