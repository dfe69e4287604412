"""Start a run, or go on with it: the function behind ``glassformer train``."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from glassformer import __version__
from glassformer.train import checkpoint, stored
from glassformer.train.distributed import connect
from glassformer.train.finish import finish
from glassformer.train.journal import Journal
from glassformer.train.loop import Run, train
from glassformer.train.materials import Materials, materials
from glassformer.train.prepare import prepare
from glassformer.train.recipe import Recipe, RecipeError

RECIPE: Final = "recipe.json"
MAY_CHANGE: Final = {
    "name",
    *(
        f"training.{one}"
        for one in ("steps", "device", "parallel", "evaluate_every", "save_every", "keep", "log_every", "sample")
    ),
}
"""What may differ when a run goes on: what it does not learn from. With more ``steps`` the schedule is stretched."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: whether all steps are done, the last validation, and what the model wrote."""

    done: bool
    step: int
    validation: Mapping[str, float]
    text: str = ""


def start(
    recipe: Recipe, folder: str | Path, say: Callable[[str], object] = lambda sentence: None, bar: bool = True
) -> Outcome:
    """Train as ``recipe`` says, in ``folder``; if a run has begun there, go on with it.

    The folder gets the recipe, checkpoints, ``log.jsonl``, and at the end ``loss.svg``, ``sample.txt`` and the model as
    safetensors in ``model/``. Under ``torchrun`` all processes call this together.

    Args:
        recipe: what to train, on what, and how.
        folder: where; made if it is not there.
        say: hears sentences for people.
        bar: whether to show the progress.

    Raises ``RecipeError`` for a recipe that does not fit, itself or the folder; ``DivergedError`` if the loss is no
    longer a number; ``CheckpointError`` if a checkpoint cannot be written. Taught in ``transformers``, section 14.
    """
    folder = Path(folder)
    with connect(recipe.training.parallel, recipe.training.device) as group:
        tell = say if group.rank == 0 else lambda sentence: None
        with _alone_in(folder) if group.rank == 0 else nullcontext():
            settings = recipe.training
            stuff = materials(recipe.data, settings.seed, recipe.model.start, settings.evaluate_rows, settings.batch)
            same(recipe, folder)
            before = checkpoint.newest(folder, tell)
            step = before.step if before else 0
            journal = Journal(
                folder if group.rank == 0 else None,
                settings.steps,
                settings.batch * recipe.data.context,
                settings.log_every,
                step,
                bar,
            )
            try:
                run = prepare(recipe, folder, stuff, group, journal)
                if group.rank == 0:
                    beside = folder / f".{RECIPE}"
                    beside.write_text(json.dumps(recipe.as_dict(), indent=1), "utf-8")
                    beside.replace(folder / RECIPE)  # whole, for those who read it now
                group.wait()
                _restore(run, before)
                tell(_about(run, stuff, before))
                done = train(run, lambda run: keep(run, recipe))
                if not done:
                    tell(f"Stopped after step {run.step} of {settings.steps}, and saved. The same command goes on.")
                    return Outcome(False, run.step, journal.validation)
                text = finish(run, recipe, stuff, tell)
            finally:
                journal.close()
            return Outcome(True, run.step, journal.validation, text)


def same(recipe: Recipe, folder: Path) -> None:
    """Raises ``RecipeError`` if a run of another recipe has begun in ``folder``."""
    path = folder / RECIPE
    if not path.exists():
        return
    old, new = dict(_flat(json.loads(path.read_text("utf-8")))), dict(_flat(json.loads(json.dumps(recipe.as_dict()))))
    for name in sorted(old.keys() | new.keys()):
        if name not in MAY_CHANGE and old.get(name) != new.get(name):
            raise RecipeError(
                f"{folder} holds a run whose {name} is {old.get(name)!r}, not {new.get(name)!r}. "
                "Go on with that recipe, or choose another folder with --out."
            )


def keep(run: Run, recipe: Recipe) -> None:
    """Write a checkpoint of the run as it is."""
    facts = {
        "recipe": recipe.as_dict(),
        "processes": run.group.size,
        "glassformer": __version__,
        "averages": run.average.updates if run.average else 0,
    }
    tensors = stored.tensors(run.objective.model, run.optimizer, run.average)
    checkpoint.save(run.folder, run.step, tensors, facts, run.settings.keep, run.group)


def _restore(run: Run, before: checkpoint.Checkpoint | None) -> None:
    if before is None:
        return
    if before.step > run.settings.steps:
        raise RecipeError(f"training.steps is {run.settings.steps}, but {before.step} are done in {run.folder}.")
    stored.restore(before, run.objective.model, run.optimizer, run.average)
    if run.average:
        run.average.updates = int(before.facts["averages"])
    run.step = before.step


def _about(run: Run, stuff: Materials, before: checkpoint.Checkpoint | None) -> str:
    size = sum(weight.numel() for weight in run.objective.model.parameters())
    many = f" · {run.group.size} processes" if run.group.size > 1 else ""
    go_on = f"\nIt goes on after step {before.step} of {run.settings.steps}." if before else ""
    return (
        f"{type(run.objective.model).__name__} with {size:,} weights · {stuff.tokens:,} tokens to learn from, "
        f"{stuff.tokenizer.vocab:,} different ones · {run.device}{many}{go_on}"
    )


def _flat(tables: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tables.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{where}{name}.")
        else:
            yield where + name, value


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Raises ``RecipeError`` if another process trains in ``folder``. A killed process holds nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RecipeError(f"Another process is training in {folder}. Wait for it, or choose another folder.") from None
    try:
        yield
    finally:
        lock.release()
