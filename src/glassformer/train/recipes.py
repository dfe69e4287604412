"""The recipes that come with Glassformer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from glassformer.train.reading import near
from glassformer.train.recipe import RecipeError

DEFAULT: Final = "shakespeare"
PACKAGE: Final = Path(__file__).parents[1]


def folder() -> Path:
    """Where they are: ``recipes/`` in a checkout, the copy inside the package where it was installed."""
    checkout = PACKAGE.parents[1] / "recipes"
    return checkout if checkout.is_dir() else PACKAGE / "_recipes"


def recipes() -> Iterator[tuple[str, str]]:
    """The name of each, and the first line of its comment."""
    for path in sorted(folder().glob("*.toml")):
        yield path.stem, path.read_text("utf-8").splitlines()[0].removeprefix("#").strip()


def find(name: str) -> Path:
    """The file of a recipe: a path, or the name of one that comes along. Raises ``RecipeError`` if there is none."""
    if (path := Path(name).expanduser()).is_file():
        return path
    names = dict(recipes())
    if name not in names:
        raise RecipeError(f"There is no recipe {name!r}. {near(name, names)}")
    return folder() / f"{name}.toml"
