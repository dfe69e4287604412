"""The objectives that a recipe can name: how rows of tokens become a batch, and which loss is taken of it."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from glassformer.parts.attention import Attention
from glassformer.train.reading import near
from glassformer.train.recipe import RecipeError

SENTINELS: Final = 100
"""As many as T5 has: enough for 2,000 tokens of span corruption, and for 600 of the mixture."""


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
        both_ways: whether tokens must be able to see later ones: a recurrence cannot.
    """

    make: Callable[[Tensor, torch.Generator], Batch]
    loss: Loss
    kind: type[torch.nn.Module]
    extra: int = 0
    longer: int = 0
    both_ways: bool = False


def _causal(vocab: int) -> Task:
    return Task(lambda ids, _: causal.batch(ids), causal.loss, Decoder)


def _prefix(vocab: int) -> Task:
    return Task(prefix.batch, prefix.loss, Decoder, both_ways=True)


def _masked(vocab: int, share: float = 0.15) -> Task:
    if share <= 0:
        raise ValueError(f"share must be above 0, or nothing is learned, not {share}.")
    make = partial(masked.batch, mask=vocab, vocab=vocab, share=share)
    return Task(lambda ids, chance: make(ids[:, :-1], chance), masked.loss, Encoder, 1)


def _replaced_token(vocab: int, share: float = 0.15, weight: float = replaced_token.WEIGHT) -> Task:
    if share <= 0 or weight < 0:
        raise ValueError(f"share must be above 0 and weight at least 0, not {share} and {weight}.")
    make = partial(replaced_token.batch, mask=vocab, share=share)
    loss = partial(replaced_token.loss, weight=weight)
    return Task(lambda ids, chance: make(ids[:, :-1], chance), loss, ElectraPair, 1)


def _ends(vocab: int, sentinels: int) -> dict[str, Any]:
    """T5's own ids, after those of the tokenizer: a start, an end, and sentinels that descend from the last."""
    return {"start": vocab, "eos": vocab + 1, "sentinels": range(vocab + 1 + sentinels, vocab + 1, -1)}


def _span_corruption(vocab: int, share: float = 0.15, mean: float = 3.0, sentinels: int = SENTINELS) -> Task:
    ends = _ends(vocab, sentinels)

    def make(ids: Tensor, chance: torch.Generator) -> Batch:
        return span_corruption.batch(ids[:, :-1], chance, share=share, mean=mean, **ends)

    return Task(make, seq2seq.loss, EncoderDecoder, 2 + sentinels, 1)


def _mixture(vocab: int, sentinels: int = SENTINELS) -> Task:
    modes = {mode: vocab + 2 + sentinels + number for number, mode in enumerate("RSX")}
    ends = _ends(vocab, sentinels)

    def make(ids: Tensor, chance: torch.Generator) -> Batch:
        return mixture.batch(ids[:, :-1], chance, modes=modes, pad=vocab, **ends)

    return Task(make, seq2seq.loss, EncoderDecoder, 5 + sentinels, 2)


def _denoising(
    vocab: int,
    share: float = 0.3,
    mean: float = 3.0,
    delete: float = 0.0,
    rotate: bool = False,
    ends: tuple[int, ...] = (),
) -> Task:
    most = 8
    if not all(isinstance(end, int) and 0 <= end < vocab for end in ends):
        raise ValueError(f"ends must be ids from 0 to below {vocab}, not {list(ends)}.")
    ways = [denoising.permute(ends)] if ends else []
    ways += [denoising.rotate()] if rotate else []
    ways += [denoising.delete(delete)] if delete else []
    ways += [denoising.infill(vocab, share, mean, most)] if share else []
    if not ways:
        raise ValueError("there must be a way to spoil a text: share, delete, rotate or ends.")
    make = partial(denoising.batch, ways=ways, eos=vocab + 1, start=vocab + 1, pad=vocab + 2)

    def padded(ids: Tensor, chance: torch.Generator) -> Batch:
        return make(ids[:, :-1], chance, length=ids.shape[1] + most)

    return Task(padded, seq2seq.loss, EncoderDecoder, 3, 1 + most)


FITTING: Final = {Decoder: "gpt2", Encoder: "bert", EncoderDecoder: "t5", ElectraPair: "electra"}
"""For each kind of model an architecture, for those who ask."""

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

    Raises ``RecipeError`` for a name or an option that is not known, and a value that does not fit. Its ``make`` does
    so for a value that does not fit the context.
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
    with _told(name):
        goal = TASKS[name](vocab, **given)

    def make(ids: Tensor, generator: torch.Generator) -> Batch:
        with _told(name):
            return goal.make(ids, generator)

    return replace(goal, make=make)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """A ``ValueError`` is about the recipe."""
    try:
        yield
    except ValueError as error:
        raise RecipeError(f"[objective] {name} cannot be made: {error}") from None


def fits(name: str, goal: Task, model: torch.nn.Module) -> None:
    """Raises ``RecipeError`` if the objective is for another kind of model."""
    if not isinstance(model, goal.kind):
        raise RecipeError(
            f"The objective {name!r} must have a model of the kind {goal.kind.__name__}, such as {FITTING[goal.kind]}, "
            f"not {type(model).__name__}."
        )
    if goal.both_ways and not any(isinstance(module, Attention) for module in model.modules()):
        raise RecipeError(
            f"The objective {name!r} must have a model with attention, such as gpt2, not {type(model).__name__}: "
            "in a recurrence no token sees later ones."
        )
