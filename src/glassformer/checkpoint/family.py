"""A family: everything that ties published checkpoints of one kind to our model of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glassformer.checkpoint.rules import Rule

Settings = Mapping[str, Any]  # what a config.json holds


@dataclass(frozen=True)
class Family:
    """How the checkpoints of one ``model_type`` are read and written.

    Attributes:
        model_type: the name in ``config.json``, such as ``"gpt2"``.
        config: from the settings of a ``config.json`` to our configuration. Raises ``ValueError`` for a setting that
            would change
            the numbers and that we do not have.
        build: from our configuration and the settings to a model. The settings say which head (``architectures``).
        settings: from a model to the settings that the reference library reads, ``model_type`` and ``architectures``
            included.
        rules: the table for a model.
        skip: published names that are no parameters, as regular expressions.
        prefixes: what stands before the names in some checkpoints and not in others, the empty one included.
        models: the classes that ``build`` may return, so that a model finds its family.
    """

    model_type: str
    config: Callable[[Settings], Any]
    build: Callable[[Any, Settings], Any]
    settings: Callable[[Any], dict[str, Any]]
    rules: Callable[[Any], Sequence[Rule]]
    skip: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ("",)
    models: tuple[type, ...] = ()


def refuse(settings: Settings, **wanted: Any) -> None:
    """Raises ``ValueError`` if a setting is there and is none of the values for which our model is the same."""
    for name, values in wanted.items():
        if name in settings and settings[name] not in values:
            allowed = " or ".join(repr(value) for value in values)
            raise ValueError(f"{name} must be {allowed} for this model, not {settings[name]!r}.")
