"""Tied weights: one tensor under two names, such as the embedding and the head."""

from typing import Any

from torch import nn


def _owner(model: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, last = name.rpartition(".")
    return model.get_submodule(path), last


def tie(model: Any) -> None:
    """Make every pair of ``model.tied`` one parameter again: the first name takes the tensor of the second.

    Loading with ``assign=True``, ``to_empty`` and replacing a module each untie silently, so this runs after all of
    them.
    Source: Press and Wolf (2017). Taught in ``transformers``, section 12.
    """
    for name, source in model.tied:
        owner, last = _owner(model, name)
        other, other_last = _owner(model, source)
        setattr(owner, last, getattr(other, other_last))


def untie(model: Any) -> None:
    """Give each tied name a tensor of its own, equal at first. ``model.tied`` is empty afterwards."""
    for name, _ in model.tied:
        owner, last = _owner(model, name)
        parameter = getattr(owner, last)
        setattr(owner, last, nn.Parameter(parameter.detach().clone(), parameter.requires_grad))
    model.tied = ()


def is_tied(model: Any) -> bool:
    """Whether every declared pair is one tensor at this moment."""
    return all(getattr(*_owner(model, name)) is getattr(*_owner(model, source)) for name, source in model.tied)
