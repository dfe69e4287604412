"""Rule tables: which published tensor becomes which parameter, and back. One engine for every family."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from glassformer.models import tie


class Tensors(Protocol):
    """Anything that hands out tensors by name, one at a time."""

    def names(self) -> Iterable[str]:
        """All names."""

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """The tensor of that name in memory of its own, as ``dtype`` if one is given.

        Raises ``KeyError`` if there is none.
        """


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
    """``ours`` ← ``theirs``: two names in which ``{}`` stands for a number, such as that of the layer.

    Attributes:
        how: what happens to the tensor on the way.
        older: other names that files may use for ``theirs``; tried in order when it is not there.
        absent: what the parameter is filled with when a file holds none of these; ``None``: that is an error.
    """

    ours: str
    theirs: str
    how: How = How()  # noqa: RUF009  a value
    older: tuple[str, ...] = ()
    absent: float | None = None

    def published(self, parameter: str) -> str | None:
        """The published name of a parameter, or ``None`` if this rule is not about it."""
        names = self.names(parameter)
        return names[0] if names else None

    def names(self, parameter: str) -> list[str]:
        """The published name of a parameter, then the older ones; empty if this rule is not about it."""
        pattern = r"(\d+)".join(re.escape(part) for part in self.ours.split("{}"))
        match = re.fullmatch(pattern, parameter)
        return [name.format(*match.groups()) for name in (self.theirs, *self.older)] if match else []


class LoadError(ValueError):
    """The weights do not fit the model. The message names every tensor that is missing, unused or of another shape."""


def _find(rules: Sequence[Rule], parameter: str) -> tuple[list[str], Rule]:
    for rule in rules:
        names = rule.names(parameter)
        if names:
            return names, rule
    raise LoadError(f"No rule says where the parameter {parameter!r} comes from.")


def _stored(names: Sequence[str], prefixes: Sequence[str], there: set[str]) -> str | None:
    """The first of ``names`` that is there, with one of the prefixes before it or taken away."""
    for name in names:
        with_prefix = [prefix + name for prefix in prefixes]
        without = [name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)]
        for candidate in (*with_prefix, *without):
            if candidate in there:
                return candidate
    return None


def _part(model: Any, weights: Tensors, rules: Sequence[Rule], prefixes: Sequence[str], there: set[str]) -> None:
    """Untie each pair that the weights hold as two tensors which differ. A tied model may be published with a copy."""
    for pair in model.tied:
        both = [[names for rule in rules if (names := rule.names(side))][:1] for side in pair]
        held = [_stored(found[0], prefixes, there) if found else None for found in both]
        if held[0] is None or held[1] is None or held[0] == held[1]:
            continue
        if not torch.equal(weights.tensor(held[0]), weights.tensor(held[1])):
            path, _, last = pair[0].rpartition(".")
            owner = model.get_submodule(path)
            setattr(owner, last, nn.Parameter(torch.empty_like(getattr(owner, last))))
            model.tied = tuple(other for other in model.tied if other != pair)


def _list(title: str, names: Sequence[str]) -> str:
    return f"\n  {title}: " + ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _finite(tensor: Tensor, rows: int = 1 << 22) -> bool:
    """Whether all numbers are finite. A piece at a time: what is made on the way stays small beside the weights."""
    flat = tensor.view(-1) if tensor.is_contiguous() else tensor
    sums = (flat[start : start + rows].sum(dtype=torch.float32) for start in range(0, len(flat), rows))
    return all(bool(torch.isfinite(total)) for total in sums) or bool(
        torch.isfinite(tensor).all()
    )  # a sum may overflow


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
    """Give every parameter of ``model`` its published tensor, one at a time, then tie; what differs is untied.

    Args:
        model: built on the meta device, so that nothing is held twice.
        weights: the published tensors.
        rules: the family's table.
        skip: regular expressions of published names that are no parameters, such as stored masks.
        prefixes: what some checkpoints put before every name; tried in order.
        device, dtype: where to and as what; the stored dtype by default.

    Raises ``LoadError`` that names every tensor that is missing, unused, misshapen or holds NaN; ``model`` must not be
    used then.
    """
    there = set(weights.names())
    _part(model, weights, rules, prefixes, there)
    unused, missing, misshapen, broken = set(there), [], [], []
    buffers = dict(model.named_buffers())
    for parameter, old in (dict(model.named_parameters()) | buffers).items():
        names, rule = _find(rules, parameter)
        name = _stored(names, prefixes, there)
        if name is None and rule.absent is None:
            missing.append(f"{names[0]} (for {parameter})")
            continue
        unused.discard(name or "")
        stored = torch.full(old.shape, rule.absent or 0.0) if name is None else weights.tensor(name, dtype)
        try:
            loaded = stored if name is None else rule.how.load(stored)
        except (ValueError, RuntimeError) as error:
            misshapen.append(f"{name} is {list(stored.shape)}: {error}")
            continue
        if loaded.shape != old.shape:
            misshapen.append(f"{name} is {list(loaded.shape)}, and {parameter} must be {list(old.shape)}")
            continue
        if not _finite(loaded.detach()):
            broken.append(name or parameter)
            continue
        whole = loaded.is_contiguous() and loaded.untyped_storage().nbytes() == loaded.nbytes
        # A copy of its own otherwise: a view would keep the whole stored tensor in memory.
        fresh = loaded.to(device, dtype) if whole else loaded.to(device, dtype, copy=True).contiguous()
        path, _, last = parameter.rpartition(".")
        filled = fresh if parameter in buffers else nn.Parameter(fresh, requires_grad=old.requires_grad)
        setattr(model.get_submodule(path), last, filled)
        del stored, loaded, fresh
    unused -= {name for name in unused if any(re.fullmatch(pattern, name) for pattern in skip)}
    if missing or unused or misshapen or broken:
        told = "The weights do not fit this model; nothing is loaded."
        told += _list("missing", missing) if missing else ""
        told += _list("unused", sorted(unused)) if unused else ""
        told += _list("misshapen", misshapen) if misshapen else ""
        told += _list("not all numbers (NaN or infinite)", broken) if broken else ""
        raise LoadError(told)
    tie(model)


def publish(model: nn.Module, rules: Sequence[Rule]) -> Iterator[tuple[str, Tensor]]:
    """The published tensors of ``model``, one at a time: the rules, backwards. A tied tensor comes once."""
    groups: dict[str, list[tuple[How, str]]] = {}
    parameters = dict(model.named_parameters()) | dict(model.named_buffers())
    for parameter in parameters:
        names, rule = _find(rules, parameter)
        groups.setdefault(names[0], []).append((rule.how, parameter))
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

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        return self.found[name].to(dtype, copy=True)
