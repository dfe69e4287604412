"""From a recipe to a run at its first step: model, optimizer, schedule, batches."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from glassformer.hub import load
from glassformer.objectives import Batch, causal
from glassformer.train.architectures import build
from glassformer.train.average import Average
from glassformer.train.group import ALONE, Group
from glassformer.train.groups import AnyOptimizer, adamw
from glassformer.train.journal import Journal
from glassformer.train.loop import Run
from glassformer.train.materials import Materials, Rows
from glassformer.train.muon import muon
from glassformer.train.recipe import OptimizerTable, Recipe, RecipeError, ScheduleTable
from glassformer.train.recompute import recompute
from glassformer.train.schedule import WSD, Constant, Cosine, InverseSquareRoot, Linear, Schedule
from glassformer.train.step import Objective
from glassformer.train.tasks import Task, fits, task


def optimizer(model: torch.nn.Module, table: OptimizerTable) -> AnyOptimizer:
    """The optimizer that a recipe names."""
    betas = (table.betas[0], table.betas[1])
    if table.name == "adamw":
        return adamw(model, table.lr, betas, table.weight_decay)
    return muon(model, table.muon_lr, table.weight_decay, momentum=table.momentum, betas=betas, adamw_lr=table.lr)


def schedule(table: ScheduleTable, steps: int) -> Schedule:
    """The schedule that a recipe names. Its warm-up is cut to at most a tenth of a short run."""
    warmup = min(table.warmup, steps // 10)
    match table.name:
        case "constant":
            return Constant(warmup)
        case "inverse_sqrt":
            return InverseSquareRoot(warmup)
        case "wsd":
            return WSD(steps, warmup, min(steps - warmup, max(1, round(table.decay * steps))), table.final)
        case "linear":
            return Linear(steps, warmup, table.final)
        case _:
            return Cosine(steps, warmup, table.final)


def new_model(recipe: Recipe, goal: Task, vocab: int) -> Any:
    """The model that a recipe names, with random weights or those of ``model.start``.

    It has the ``vocab`` tokens of the tokenizer, those that the objective adds, and room for what it reads.

    Raises ``RecipeError`` if a model to start from has too few tokens or positions, or sizes of its own are given.
    """
    vocab, context = vocab + goal.extra, recipe.data.context + goal.longer
    if not recipe.model.start:
        torch.manual_seed(recipe.training.seed)
        return build(recipe.model.architecture, recipe.model.sizes, vocab, context)
    if recipe.model.sizes:
        raise RecipeError(
            f"model.{next(iter(recipe.model.sizes))} must not be given: {recipe.model.start} has its own."
        )
    model = load(recipe.model.start).model
    if model.config.vocab < vocab:
        raise RecipeError(f"model.start has {model.config.vocab} tokens; tokenizer and objective need {vocab}.")
    if model.context is not None and model.context < context:
        raise RecipeError(
            f"data.context must be at most {model.context - goal.longer}, for which {recipe.model.start} has room, "
            f"not {recipe.data.context}."
        )
    return model


def prepare(
    recipe: Recipe, folder: Path, stuff: Materials, group: Group = ALONE, journal: Journal | None = None
) -> Run:
    """A run at step 0. ``journal`` is told how it goes; by default it writes into ``folder`` without a bar.

    Raises ``RecipeError`` for a recipe whose parts do not fit each other.
    """
    settings = recipe.training
    if settings.batch < group.size * settings.accumulate:
        raise RecipeError(
            f"training.batch ({settings.batch}) must be at least accumulate × processes "
            f"({settings.accumulate} × {group.size}): each takes at least one row at a time."
        )
    if recipe.data.order == "packed" and recipe.objective.name != "causal":
        raise RecipeError(f"data.order = 'packed' is for the objective causal, not {recipe.objective.name!r}.")
    device = group.device or _device(settings.device)
    goal = task(recipe.objective.name, recipe.objective.options, stuff.tokenizer.vocab)
    model = new_model(recipe, goal, stuff.tokenizer.vocab).to(device).train()
    fits(recipe.objective.name, goal, model)
    if settings.recompute:
        recompute(model)
    objective = Objective(model, goal.loss)
    shared = group.wrap(objective)
    called: Callable[..., Any] = torch.compile(shared, dynamic=False) if settings.compile else shared

    def batch(step: int) -> Batch:
        chance = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        return _batch(goal, stuff.rows(step, settings.batch), chance)

    chance = torch.Generator().manual_seed(settings.seed)
    return Run(
        settings,
        objective,
        called,
        optimizer(model, recipe.optimizer),
        schedule(recipe.schedule, settings.steps),
        batch,
        [made for rows in stuff.validation if (made := _batch(goal, rows, chance))],
        folder,
        journal or Journal(folder, settings.steps, settings.batch * recipe.data.context, settings.log_every, bar=False),
        group,
        Average(model, settings.average) if settings.average else None,
        device,
    )


def _batch(goal: Task, rows: Rows, chance: torch.Generator) -> Batch:
    """What the loss is taken of. All objectives but the causal one want full rows; without any, nothing is made."""
    if goal.loss is causal.loss:
        return causal.batch(*rows)
    ids = rows.ids if rows.real is None else rows.ids[rows.real[:, 1:].all(1)]
    return goal.make(ids, chance) if len(ids) else {}


def _device(name: str) -> torch.device:
    """``auto`` is a GPU if there is one."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, is_there in there.items() if is_there))
    if not there[name]:
        raise RecipeError(f"training.device is {name!r}, which this machine does not have.")
    return torch.device(name)
