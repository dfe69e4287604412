"""Change a model by replacing its modules."""

import re
from collections.abc import Callable
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
    for pair in getattr(model, "tied", ()):
        for name in pair:
            owner, _, last = name.rpartition(".")
            new = made.get(owner)
            if (
                new is not None
                and not untied
                and getattr(new, last, None) is not getattr(model.get_submodule(owner), last)
            ):
                raise ValueError(
                    f"{owner!r} must not be replaced: its {last} is tied ({pair[0]} = {pair[1]}). "
                    "Pass untied=True to let the two part."
                )
    for name, module in made.items():
        path, _, last = name.rpartition(".")
        setattr(model.get_submodule(path), last, module)
    if untied:
        model.tied = tuple(p for p in model.tied if not any(name.rpartition(".")[0] in made for name in p))
    else:
        tie(model)
    return names
