"""Published sizes, one file a family: ``SIZES`` says for each name the configuration and where its weights are."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Size:
    """One published size.

    Attributes:
        config: the configuration of its model; its class says which model that is.
        hub: the name of its weights on the Hugging Face hub, if they are published there.
        note: what one should know before comparing numbers.
        build: makes the model where its usual head is not the one that its class has by default.
        parameters: the exact number of trained parameters of the model with its usual head, a tied one counted once.
    """

    config: Any
    hub: str | None = None
    note: str = ""
    build: Callable[[Any], Any] | None = None
    parameters: int | None = None


def sizes() -> dict[str, Size]:
    """Every published size by its name, in the order of the families' files.

    Raises ``ValueError`` if two files give one name.
    """
    found: dict[str, Size] = {}
    for module in pkgutil.iter_modules(__path__):
        of_family: dict[str, Size] = importlib.import_module(f"{__name__}.{module.name}").SIZES
        twice = sorted(found.keys() & of_family.keys())
        if twice:
            raise ValueError(f"Two families have a size named {twice[0]!r}.")
        found |= of_family
    return found
