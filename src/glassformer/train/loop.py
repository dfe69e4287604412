"""The loop: make a batch, take a step, write down how it went; now and then validate and save."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from glassformer.objectives import Batch, parts, to, whole
from glassformer.train.average import Average
from glassformer.train.evaluate import evaluate
from glassformer.train.group import ALONE, Group
from glassformer.train.groups import AnyOptimizer
from glassformer.train.interrupt import Interrupt
from glassformer.train.journal import Journal
from glassformer.train.recipe import TrainingTable
from glassformer.train.schedule import set_lr
from glassformer.train.step import DivergedError, Goal, Objective, train_step


@dataclass
class Run:
    """What a run is made of. ``step`` counts the steps that are done; it is all that a run must remember of its data.

    ``objective`` is the loss with the model. ``goal`` is the objective as it is called: compiled, or wrapped for
    several processes. ``batch(step)`` is a function of the seed and the step, so that a run that goes on sees what it
    would have seen. ``validation`` is a list of batches; ``average``, if there is one, is what is validated.
    """

    settings: TrainingTable
    objective: Objective
    goal: Goal
    optimizer: AnyOptimizer
    schedule: Callable[[int], float]
    batch: Callable[[int], Batch]
    validation: list[Batch]
    folder: Path
    journal: Journal
    group: Group = ALONE
    average: Average | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    step: int = 0

    def precision(self) -> AbstractContextManager[object]:
        """The context in which the loss is computed."""
        full = self.settings.precision == "float32"
        return nullcontext() if full else torch.autocast(self.device.type, torch.bfloat16)

    def validate(self) -> dict[str, float]:
        """The metrics of the validation batches, with the averaged weights if there are any."""
        with self.average.applied() if self.average else nullcontext():
            return evaluate(self.objective, self.validation, self.group, self.precision, self.device)


def train(run: Run, save: Callable[[Run], Any]) -> bool:
    """Take the steps that are left. Returns whether all are done; after Ctrl-C everything is saved, and it is false.

    Args:
        run: what is trained; its weights, its optimizer and its ``step`` are changed.
        save: writes a checkpoint.

    Raises ``DivergedError`` if the loss or its gradient is no longer a number. Taught in ``transformers``, section 14.
    """
    settings, group, journal = run.settings, run.group, run.journal
    with Interrupt(group) as interrupt:
        while run.step < settings.steps and not interrupt.asked():
            seed_all(settings.seed, run.step, group.rank)
            set_lr(run.optimizer, run.schedule(run.step))
            batch = to(group.share(whole(run.batch(run.step))), run.device)
            try:
                metrics = train_step(
                    run.goal,
                    parts(batch, settings.accumulate),
                    run.optimizer,
                    clip=settings.clip or None,
                    group=group,
                    precision=run.precision,
                )
            except DivergedError as error:
                raise DivergedError(journal.diagnosis(run.step + 1, error)) from None
            if run.average:
                run.average.update()
            run.step += 1
            journal.write(run.step, metrics | {"lr": run.optimizer.param_groups[0]["lr"]})
            if due(settings.evaluate_every, run.step, settings.steps) and run.validation:
                journal.validated(run.step, run.validate())
            if due(settings.save_every, run.step, settings.steps):
                save(run)
        if run.step % settings.save_every and run.step < settings.steps:
            save(run)  # it was interrupted between two checkpoints
    return run.step >= settings.steps


def due(every: int, step: int, steps: int) -> bool:
    """Whether something that is done ``every`` so many steps, and after the last, is due after this one."""
    return step == steps or (every > 0 and step % every == 0)


def seed_all(seed: int, step: int, rank: int = 0) -> None:
    """Let chance within a step, such as dropout, depend on the seed, the step and the process, and on nothing before.

    So a run that goes on from a checkpoint draws what it would have drawn, and no generator has to be saved.
    """
    number = (seed * 1_000_003 + step) * 4_099 + rank
    torch.default_generator.manual_seed(number)  # torch.manual_seed asks for every kind of device, which takes 0.4 ms
    if torch.cuda.is_available():
        torch.cuda.manual_seed(number)
