"""The command that trains: train."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassformer.cli.tell import tell

if TYPE_CHECKING:
    from glassformer.train.recipe import Recipe


def add(commands: Any) -> None:
    """Add this command to the parser."""
    train = commands.add_parser("train", help="train a model as a recipe says; without one, on Shakespeare's plays")
    train.add_argument("recipe", nargs="?", help="a TOML file, or the name of a recipe that comes with Glassformer")
    train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a field: steps=500")
    train.add_argument("--out", type=Path, metavar="DIR", help="where to (default: runs/NAME)")
    train.add_argument("--fields", action="store_true", help="list every field of a recipe, and the recipes")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    if options.fields:
        for line in _fields():
            tell(line)
        return 0
    from glassformer.train.start import start

    recipe = _recipe(options)
    folder = options.out or Path("runs") / recipe.name
    outcome = start(recipe, folder, say=tell)
    if outcome.text:
        tell(f"\nWhat it writes:\n\n{outcome.text.strip()}\n")
    if outcome.text and (folder / "model").exists():
        tell(
            f"To see more of it: glassformer generate 'To be' --model {folder / 'model'} --temperature 0.8 --max-new 40"
        )
    return 0 if outcome.done else 130


def _recipe(options: argparse.Namespace) -> "Recipe":
    from glassformer.train.reading import load
    from glassformer.train.recipes import DEFAULT, find

    return load(find(options.recipe or DEFAULT), options.set)


def _fields() -> Iterator[str]:
    from glassformer.train.architectures import ARCHITECTURES, sizes
    from glassformer.train.reading import known
    from glassformer.train.recipes import recipes
    from glassformer.train.tasks import TASKS, options

    yield "Recipes that come with Glassformer:"
    for name, about in recipes():
        yield f"  {name:16} {about}"
    last = None
    for table, name, default, meaning in known():
        if table != last:
            yield f"\n[{table}]" if table else ""
        last = table
        yield f"  {name:16} {meaning} (default: {default!r})"
    yield "\nObjectives, and what [objective] may set for each:"
    for name in TASKS:
        yield f"  {name:16} {', '.join(f'{field} = {value!r}' for field, value in options(name).items())}".rstrip()
    yield "\nArchitectures, and what [model] may set for each:"
    for name in ARCHITECTURES:
        yield f"  {name:8} {', '.join(field for field, _ in sizes(name))}"
