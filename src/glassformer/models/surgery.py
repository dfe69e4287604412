"""Change a model by replacing its modules."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from glassformer.models.tying import tie


def replace(model: Any, pattern: str, make: Callable[[nn.Module], nn.Module], *, untied: bool = False) -> list[str]:
    """Put ``make(module)`` where each module stands whose name matches ``pattern``; return the names, in order.

    Args:
        model: any model; it is changed in place.
        pattern: a regular expression for the whole name, such as ``r"stack\\.\\d+\\.attention\\.part\\.[qv]"``.
        make: gives the new module for the old one. It may share its parameters.
        untied: allow to replace one side of a tied pair, which then are two tensors.

    Raises ``ValueError`` if nothing matches, or if one side of a tied pair would get another tensor.
    Taught in ``transformers``, section 16.
    """
    names = [name for name, _ in model.named_modules() if name and re.fullmatch(pattern, name)]
    if not names:
        raise ValueError(f"pattern {pattern!r} must match the name of a module, and matches none of this model.")
    made = {name: make(model.get_submodule(name)) for name in names}
    parted = {pair for pair in getattr(model, "tied", ()) for name in pair if _gone(model, made, name)}
    if parted and not untied:
        pair = sorted(parted)[0]
        raise ValueError(
            f"{pattern!r} must not replace one side of a tied pair ({pair[0]} = {pair[1]}). "
            "Pass untied=True to let the two part."
        )
    for name, module in made.items():
        path, _, last = name.rpartition(".")
        setattr(model.get_submodule(path), last, module)
    if parted:
        model.tied = tuple(pair for pair in model.tied if pair not in parted)
    if getattr(model, "tied", ()):
        tie(model)
    return names


def _gone(model: Any, made: Mapping[str, nn.Module], parameter: str) -> bool:
    """Whether a replacement takes away the tensor of that name: it stands in what is replaced, and is not in the
    new.
    """
    owner, _, last = parameter.rpartition(".")
    inside = next((name for name in made if owner == name or owner.startswith(name + ".")), None)
    if inside is None:
        return False
    rest = parameter.removeprefix(inside + ".")
    return dict(made[inside].named_parameters()).get(rest) is not getattr(model.get_submodule(owner), last)
