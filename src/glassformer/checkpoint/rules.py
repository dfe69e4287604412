"""Rule tables: which published tensor becomes which parameter, and back. One engine for every family."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from glassformer.models.tying import tie


class Tensors(Protocol):
    """Anything that hands out tensors by name, one at a time."""

    def names(self) -> Iterable[str]:
        """All names."""

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name. Raises ``KeyError`` if there is none."""


class How:
    """How a published tensor becomes a parameter: as it is."""

    def load(self, stored: Tensor) -> Tensor:
        """The parameter, from the published tensor."""
        return stored

    def save(self, parameters: Sequence[Tensor]) -> Tensor:
        """The published tensor, from all parameters that come from it, in the order of the rules."""
        return parameters[0]


@dataclass(frozen=True)
class Transposed(How):
    """Stored as ``[d_in, d_out]``, as GPT-2 does."""

    def load(self, stored: Tensor) -> Tensor:
        """``storedᵀ``."""
        return stored.T

    def save(self, parameters: Sequence[Tensor]) -> Tensor:
        """``parameterᵀ``."""
        return parameters[0].T


@dataclass(frozen=True)
class Piece(How):
    """One of several that are stored as one tensor, side by side along ``dim``; ``transposed`` afterwards if asked for.

    ``sizes`` are the widths of all pieces, ``index`` says which one this is.
    """

    index: int
    sizes: tuple[int, ...]
    dim: int = 0
    transposed: bool = False

    def load(self, stored: Tensor) -> Tensor:
        """The piece."""
        if stored.shape[self.dim] != sum(self.sizes):
            raise ValueError(f"axis {self.dim} has {stored.shape[self.dim]} entries, not {sum(self.sizes)}")
        piece = stored.narrow(self.dim, sum(self.sizes[: self.index]), self.sizes[self.index])
        return piece.T if self.transposed else piece

    def save(self, parameters: Sequence[Tensor]) -> Tensor:
        """All pieces side by side."""
        return torch.cat([p.T if self.transposed else p for p in parameters], self.dim)


@dataclass(frozen=True)
class Shifted(How):
    """Stored minus ``by``: a norm's weight that is published as its distance from 1."""

    by: float

    def load(self, stored: Tensor) -> Tensor:
        """``stored + by``."""
        return stored + self.by

    def save(self, parameters: Sequence[Tensor]) -> Tensor:
        """``parameter − by``."""
        return parameters[0] - self.by


@dataclass(frozen=True)
class Reshaped(How):
    """Stored in another shape: ``ours`` and ``theirs`` are the two shapes."""

    ours: tuple[int, ...]
    theirs: tuple[int, ...]

    def load(self, stored: Tensor) -> Tensor:
        """In our shape."""
        return stored.reshape(self.ours)

    def save(self, parameters: Sequence[Tensor]) -> Tensor:
        """In the published shape."""
        return parameters[0].reshape(self.theirs)


@dataclass(frozen=True)
class Rule:
    """``ours`` ← ``theirs``: two names in which ``{}`` stands for a number, such as that of the layer."""

    ours: str
    theirs: str
    how: How = How()  # noqa: RUF009  a value

    def published(self, parameter: str) -> str | None:
        """The published name of a parameter, or ``None`` if this rule is not about it."""
        pattern = r"(\d+)".join(re.escape(part) for part in self.ours.split("{}"))
        match = re.fullmatch(pattern, parameter)
        return self.theirs.format(*match.groups()) if match else None


class LoadError(ValueError):
    """The weights do not fit the model. The message names every tensor that is missing, unused or of another shape."""


def _find(rules: Sequence[Rule], parameter: str) -> tuple[str, How]:
    for rule in rules:
        name = rule.published(parameter)
        if name is not None:
            return name, rule.how
    raise LoadError(f"No rule says where the parameter {parameter!r} comes from.")


def _list(title: str, names: Sequence[str]) -> str:
    return f"\n  {title}: " + ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def fill(
    model: nn.Module,
    weights: Tensors,
    rules: Sequence[Rule],
    *,
    skip: Sequence[str] = (),
    prefixes: Sequence[str] = ("",),
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
) -> None:
    """Give every parameter of ``model`` its published tensor, one at a time, then tie.

    Args:
        model: built on the meta device, so that nothing is held twice.
        weights: the published tensors.
        rules: the family's table.
        skip: regular expressions of published names that are no parameters, such as stored masks.
        prefixes: what some checkpoints put before every name; tried in order.
        device, dtype: where to and as what; the stored dtype by default.

    Raises ``LoadError`` that names every missing, unused or misshapen tensor; ``model`` must not be used then.
    """
    there = set(weights.names())
    unused, missing, misshapen = set(there), [], []
    for parameter, old in dict(model.named_parameters()).items():
        theirs, how = _find(rules, parameter)
        name = next((prefix + theirs for prefix in prefixes if prefix + theirs in there), None)
        if name is None and any(theirs.startswith(p) and theirs.removeprefix(p) in there for p in prefixes):
            name = next(theirs.removeprefix(p) for p in prefixes if theirs.removeprefix(p) in there)
        if name is None:
            missing.append(f"{theirs} (for {parameter})")
            continue
        unused.discard(name)
        stored = weights.tensor(name)
        try:
            loaded = how.load(stored)
        except (ValueError, RuntimeError) as error:
            misshapen.append(f"{name} is {list(stored.shape)}: {error}")
            continue
        if loaded.shape != old.shape:
            misshapen.append(f"{name} is {list(loaded.shape)}, and {parameter} must be {list(old.shape)}")
            continue
        # A copy of its own: a view would keep the whole stored tensor, or the whole file, in memory.
        fresh = torch.empty(loaded.shape, dtype=dtype or loaded.dtype, device=device)
        fresh.copy_(loaded)
        path, _, last = parameter.rpartition(".")
        setattr(model.get_submodule(path), last, nn.Parameter(fresh, requires_grad=old.requires_grad))
    unused -= {name for name in unused if any(re.fullmatch(pattern, name) for pattern in skip)}
    if missing or unused or misshapen:
        told = "The weights do not fit this model; nothing is loaded."
        told += _list("missing", missing) if missing else ""
        told += _list("unused", sorted(unused)) if unused else ""
        told += _list("misshapen", misshapen) if misshapen else ""
        raise LoadError(told)
    tie(model)


def publish(model: nn.Module, rules: Sequence[Rule]) -> Iterator[tuple[str, Tensor]]:
    """The published tensors of ``model``, one at a time: the rules, backwards. A tied tensor comes once."""
    groups: dict[str, list[tuple[How, str]]] = {}
    parameters = dict(model.named_parameters())
    order = {rule.ours: place for place, rule in enumerate(rules)}
    for parameter in parameters:
        name, how = _find(rules, parameter)
        groups.setdefault(name, []).append((how, parameter))
    del order
    for name, members in groups.items():
        members.sort(key=lambda member: getattr(member[0], "index", 0))
        yield name, members[0][0].save([parameters[p].detach() for _, p in members]).contiguous()


def tensors(found: Mapping[str, Tensor]) -> Tensors:
    """A dictionary of tensors, such as a state dict, as something to load from."""
    return _Held(found)


class _Held:
    def __init__(self, found: Mapping[str, Tensor]) -> None:
        self.found = found

    def names(self) -> Iterable[str]:
        return self.found.keys()

    def tensor(self, name: str) -> Tensor:
        return self.found[name]
