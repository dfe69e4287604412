"""The objectives that a recipe can name: how rows of tokens become a batch, and which loss is taken of it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor

from glassformer.models.electra import ElectraPair
from glassformer.models.encoder_decoder import EncoderDecoder
from glassformer.models.trunk import Decoder, Encoder
from glassformer.objectives import (
    Batch,
    Loss,
    causal,
    denoising,
    masked,
    mixture,
    prefix,
    replaced_token,
    seq2seq,
    span_corruption,
)
from glassformer.train.reading import near
from glassformer.train.recipe import RecipeError

SENTINELS: Final = 100
"""As many as T5 has."""


@dataclass(frozen=True)
class Task:
    """An objective, ready for rows of tokens.

    Attributes:
        make: ``make(ids, generator) -> batch`` turns ids ``[B, T + 1]`` into what the loss is taken of; all batches of
            one size have one shape.
        loss: the loss.
        kind: which models it is for.
        extra: how many ids it needs beyond the tokenizer's, such as a mask; they come right after those.
        longer: by how many tokens what the model reads may be longer than the context.
    """

    make: Callable[[Tensor, torch.Generator], Batch]
    loss: Loss
    kind: type[torch.nn.Module]
    extra: int = 0
    longer: int = 0


def _causal(vocab: int) -> Task:
    return Task(lambda ids, _: causal.batch(ids), causal.loss, Decoder)


def _prefix(vocab: int) -> Task:
    return Task(prefix.batch, prefix.loss, Decoder)


def _masked(vocab: int, share: float = 0.15) -> Task:
    make = partial(masked.batch, mask=vocab, vocab=vocab, share=share)
    return Task(lambda ids, chance: make(ids[:, :-1], chance), masked.loss, Encoder, 1)


def _replaced_token(vocab: int, share: float = 0.15, weight: float = replaced_token.WEIGHT) -> Task:
    make = partial(replaced_token.batch, mask=vocab, share=share)
    loss = partial(replaced_token.loss, weight=weight)
    return Task(lambda ids, chance: make(ids[:, :-1], chance), loss, ElectraPair, 1)


def _ends(vocab: int) -> dict[str, Any]:
    """T5's own ids, after those of the tokenizer: a start, an end, and sentinels that descend from the last."""
    return {"start": vocab, "eos": vocab + 1, "sentinels": range(vocab + 1 + SENTINELS, vocab + 1, -1)}


def _span_corruption(vocab: int, share: float = 0.15, mean: float = 3.0) -> Task:

    def make(ids: Tensor, chance: torch.Generator) -> Batch:
        return span_corruption.batch(ids[:, :-1], chance, share=share, mean=mean, **_ends(vocab))

    return Task(make, seq2seq.loss, EncoderDecoder, 2 + SENTINELS)


def _mixture(vocab: int) -> Task:
    modes = {mode: vocab + 2 + SENTINELS + number for number, mode in enumerate("RSX")}

    def make(ids: Tensor, chance: torch.Generator) -> Batch:
        return mixture.batch(ids[:, :-1], chance, modes=modes, pad=vocab, **_ends(vocab))

    return Task(make, seq2seq.loss, EncoderDecoder, 5 + SENTINELS)


def _denoising(
    vocab: int,
    share: float = 0.3,
    mean: float = 3.0,
    delete: float = 0.0,
    rotate: bool = False,
    ends: tuple[int, ...] = (),
) -> Task:
    most = 8
    ways = [denoising.permute(set(ends))] if ends else []
    ways += [denoising.rotate()] if rotate else []
    ways += [denoising.delete(delete)] if delete else []
    ways += [denoising.infill(vocab, share, mean, most)] if share else []
    if not ways:
        raise RecipeError("[objective] denoising must have a way to spoil a text: share, delete, rotate or ends.")
    make = partial(denoising.batch, ways=ways, eos=vocab + 1, start=vocab + 1, pad=vocab + 2)

    def padded(ids: Tensor, chance: torch.Generator) -> Batch:
        return make(ids[:, :-1], chance, length=ids.shape[1] + most)

    return Task(padded, seq2seq.loss, EncoderDecoder, 3, 1 + most)


TASKS: Final[Mapping[str, Callable[..., Task]]] = {
    "causal": _causal,
    "prefix": _prefix,
    "masked": _masked,
    "replaced_token": _replaced_token,
    "span_corruption": _span_corruption,
    "denoising": _denoising,
    "mixture": _mixture,
}


def options(name: str) -> dict[str, Any]:
    """The fields of an objective that a recipe can set, with their defaults."""
    parameters = inspect.signature(TASKS[name]).parameters
    return {one.name: one.default for one in parameters.values() if one.name != "vocab"}


def task(name: str, given: Mapping[str, Any], vocab: int) -> Task:
    """The objective ``name`` for a tokenizer with ``vocab`` tokens.

    Raises ``RecipeError`` for a name or an option that is not known, and a value of another kind.
    """
    if name not in TASKS:
        raise RecipeError(f"There is no objective {name!r}. {near(name, TASKS)}")
    known = options(name)
    for option, value in given.items():
        if option not in known:
            hint = near(option, known) if known else "It has none."
            raise RecipeError(f"[objective] {name} has no field {option!r}. {hint}")
        kinds = (list, tuple) if isinstance(known[option], tuple) else (type(known[option]), int)
        if not isinstance(value, kinds) or isinstance(value, bool) != isinstance(known[option], bool):
            raise RecipeError(f"objective.{option} must be like {known[option]!r}, not {value!r}.")
    return TASKS[name](vocab, **given)


def fits(name: str, goal: Task, model: torch.nn.Module) -> None:
    """Raises ``RecipeError`` if the objective is for another kind of model."""
    if not isinstance(model, goal.kind):
        kinds = {Decoder: "gpt2", Encoder: "bert", EncoderDecoder: "t5", ElectraPair: "electra"}
        raise RecipeError(
            f"The objective {name!r} must have a model of the kind {goal.kind.__name__}, such as {kinds[goal.kind]}, "
            f"not {type(model).__name__}."
        )
