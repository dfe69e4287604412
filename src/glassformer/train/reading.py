"""Read recipes, and say in one sentence what is wrong with one."""

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from glassformer.train.recipe import FREE, AtLeast, OneOf, Recipe, RecipeError


def load(path: str | Path, changes: Iterable[str] = ()) -> Recipe:
    """The recipe in a TOML file, with ``changes`` such as ``"steps=500"`` or ``"model.layers=6"``.

    Raises ``RecipeError`` for a field that is not known (the nearest is suggested), a value of the wrong kind or out of
    range, and a file that is not there or not TOML.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"There is no recipe {path}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not a TOML file: {error}.") from None
    return parse({"name": path.stem} | tables, changes)


def parse(tables: Mapping[str, Any], changes: Iterable[str] = ()) -> Recipe:
    """The recipe that nested dictionaries describe. Raises ``RecipeError``, as ``load`` does."""
    tables = {name: dict(value) if isinstance(value, Mapping) else value for name, value in tables.items()}
    for change in changes:
        name, given, value = change.partition("=")
        if not given:
            raise RecipeError(f"A change must be NAME=VALUE, such as steps=500, not {change!r}.")
        table, _, key = _place(name.strip()).rpartition(".")
        place = tables.setdefault(table, {}) if table else tables
        if not isinstance(place, dict):
            raise RecipeError(f"{table} must be a table, not {place!r}.")
        place[key] = _read(value.strip())
    return cast(Recipe, _table(Recipe, tables, ""))


def known() -> Iterator[tuple[str, str, Any, str]]:
    """Every field: its table, its name, its default and its meaning."""
    for name, (kind, meaning, _) in _hints(Recipe).items():
        if not is_dataclass(kind):
            yield "", name, getattr(Recipe(), name), meaning
            continue
        for inner, (_, said, rules) in _hints(cast(type, kind)).items():
            choices = [f": {', '.join(rule.values)}" for rule in rules if isinstance(rule, OneOf)]
            yield name, inner, getattr(getattr(Recipe(), name), inner), said + "".join(choices)


def _hints(owner: type) -> dict[str, tuple[Any, str, tuple[Any, ...]]]:
    """For each field its type, its meaning and its rules."""
    found = {}
    for name, hint in get_type_hints(owner, include_extras=True).items():
        about = getattr(hint, "__metadata__", ("",))
        found[name] = (get_args(hint)[0] if get_origin(hint) is Annotated else hint, about[0], about[1:])
    return found


def _place(name: str) -> str:
    """``steps`` in full: ``training.steps``."""
    if "." in name or name in _hints(Recipe):
        return name
    tables = [table for table, key, _, _ in known() if key == name and table]
    if len(tables) > 1:
        raise RecipeError(f"{name!r} is in several tables: say {' or '.join(f'{t}.{name}' for t in tables)}.")
    if not tables:
        every = sorted({key for _, key, _, _ in known()})
        raise RecipeError(
            f"A recipe has no field {name!r}. {near(name, every)} A size of the model is set as model.{name}=…, "
            f"a field of the objective as objective.{name}=…."
        )
    return f"{tables[0]}.{name}"


def near(name: str, names: Iterable[str]) -> str:
    """What may have been meant, or all there is."""
    names = list(names)
    near = difflib.get_close_matches(name, names, 1, 0.5)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names)}."


def _read(value: str) -> Any:
    """A value of the command line as TOML; what is not TOML is a text."""
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _table(owner: type, given: Mapping[str, Any], where: str) -> Any:
    free = FREE.get(where)
    own = {name: hint for name, hint in _hints(owner).items() if name != free}
    values: dict[str, Any] = {free: {}} if free else {}
    for name, value in given.items():
        if name not in own and free:
            values[free][name] = value  # whose fields these are is known later, and says so then
            continue
        if name not in own:
            raise RecipeError(f"{f'[{where}]' if where else 'A recipe'} has no field {name!r}. {near(name, own)}")
        kind, _, rules = own[name]
        full = f"{where}.{name}".lstrip(".")
        if is_dataclass(kind):
            if not isinstance(value, Mapping):
                raise RecipeError(f"{full} must be a table, not {value!r}.")
            values[name] = _table(cast(type, kind), value, full)
        else:
            values[name] = _checked(value, kind, rules, full)
    return owner(**values)


WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _checked(value: Any, kind: Any, rules: Iterable[Any], name: str) -> Any:
    """``value`` if it is of its kind and in range. Raises ``RecipeError``."""
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise RecipeError(f"{name} must be a list, not {value!r}.")
        return tuple(_checked(one, get_args(kind)[0], rules, name) for one in value)
    if not isinstance(value, int | float if kind is float else kind) or isinstance(value, bool) != (kind is bool):
        raise RecipeError(f"{name} must be {WORDS[kind]}, not {value!r}.")
    for rule in rules:
        if isinstance(rule, OneOf) and value not in rule.values:
            raise RecipeError(f"{name} must be {' or '.join(rule.values)}, not {value!r}.")
        if isinstance(rule, AtLeast) and not rule.value <= value < float("inf"):
            raise RecipeError(f"{name} must be at least {rule.value:g}, not {value}.")
    return kind(value)
