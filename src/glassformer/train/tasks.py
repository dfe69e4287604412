"""The objectives that a recipe can name: how rows of tokens become a batch, and which loss is taken of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from glassformer.objectives import Batch, Loss, causal
from glassformer.train.reading import near
from glassformer.train.recipe import RecipeError


@dataclass(frozen=True)
class Task:
    """An objective, ready for rows of tokens.

    ``make(rows, generator) -> batch`` turns ids ``[B, T + 1]`` into what the loss is taken of. ``extra`` counts the ids
    that the objective needs beyond the tokenizer's, such as a mask; they come right after those.
    """

    make: Callable[[Tensor, torch.Generator], Batch]
    loss: Loss
    extra: int = 0


def _causal(vocab: int) -> Task:
    return Task(lambda ids, _: causal.batch(ids), causal.loss)


TASKS: Final[Mapping[str, Callable[..., Task]]] = {"causal": _causal}


def task(name: str, options: Mapping[str, Any], vocab: int) -> Task:
    """The objective ``name`` for a tokenizer with ``vocab`` tokens.

    Raises ``RecipeError`` for a name or an option that is not known.
    """
    import inspect

    if name not in TASKS:
        raise RecipeError(f"There is no objective {name!r}. {near(name, TASKS)}")
    known = [one for one in inspect.signature(TASKS[name]).parameters if one != "vocab"]
    for option in options:
        if option not in known:
            raise RecipeError(
                f"[objective] {name} has no field {option!r}. {near(option, known) if known else ''}".strip()
            )
    return TASKS[name](vocab, **options)
