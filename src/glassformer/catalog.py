"""The catalog: every published size with its exact count, what a token costs, and what it needs of memory."""

import importlib
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from glassformer.evaluate.cost import BYTES, Cost, cost
from glassformer.models.sizes import Size, sizes


@dataclass(frozen=True)
class Row:
    """One published size and what it costs.

    Attributes:
        name: the short name, such as ``"gpt2-large"``.
        architecture: the class of the model, such as ``"GPT2"``.
        size: its configuration, its name on the hub and a note.
        cost: parameters, operations and cache, counted on the model built without memory.
    """

    name: str
    architecture: str
    size: Size
    cost: Cost

    def as_dict(self) -> dict[str, Any]:
        """For machines. Memory and cache in bytes, ``flops`` for one token with ``context`` tokens in view."""
        config = {name: getattr(self.size.config, name) for name in self.size.config.__dataclass_fields__}
        return {
            "name": self.name,
            "architecture": self.architecture,
            "hub": self.size.hub,
            "parameters": self.cost.parameters,
            "flops_per_token": self.cost.flops,
            "context": self.cost.context,
            "kv_bytes_per_token": {kind: self.cost.kv_bytes(kind) for kind in ("float32", "bfloat16")},
            "memory": {kind: self.cost.memory(kind) for kind in BYTES},
            "config": {k: v if isinstance(v, str | int | float | bool | None) else repr(v) for k, v in config.items()},
            "note": self.size.note,
        }


def build(config: Any) -> Any:
    """The model of a configuration: the class in its file whose constructor takes it.

    Raises ``ValueError`` if there is none. Under ``torch.device("meta")`` it takes no memory.
    """
    module = importlib.import_module(type(config).__module__)
    for model in vars(module).values():
        if inspect.isclass(model) and issubclass(model, nn.Module) and model.__module__ == module.__name__:
            needed = {
                p.name: p.annotation for p in inspect.signature(model).parameters.values() if p.default is p.empty
            }
            if needed == {"config": type(config)}:
                made: Any = model
                return made(config)
    raise ValueError(f"config must be that of a model in {module.__name__}, not {type(config).__name__}.")


def catalog(pattern: str = "", context: int = 1024) -> Iterator[Row]:
    """Each published size whose name has ``pattern`` in it, with what a token costs with ``context`` tokens in view.

    Taught in ``transformers``, section 4.
    """
    for name, size in sizes().items():
        if pattern.lower() not in name:
            continue
        with torch.device("meta"):
            model = (size.build or build)(size.config)
        yield Row(name, type(model).__name__, size, cost(model, context))


def table(rows: Sequence[Row]) -> str:
    """The rows for people, aligned; notes below."""
    head = ("name", "parameters", "FLOPs/token", "KV/token", *(f"{kind}" for kind in BYTES), "on the hub")
    cells = [
        (
            row.name,
            f"{row.cost.parameters:,}",
            short(row.cost.flops, ""),
            short(row.cost.kv_bytes(), "B") if row.cost.kv_numbers else "–",
            *(short(row.cost.memory(kind), "B") for kind in BYTES),
            row.size.hub or "–",
        )
        for row in rows
    ]
    widths = [max(len(row[i]) for row in (head, *cells)) for i in range(len(head))]
    left = {0, len(head) - 1}
    lines = [
        "  ".join(c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in (head, *cells)
    ]
    notes = [f"{row.name}: {row.size.note}" for row in rows if row.size.note]
    context = rows[0].cost.context if rows else 0
    legend = [
        "",
        f"FLOPs for one token with {context:,} in view; the KV cache is in bfloat16; "
        "memory is that of the weights alone, 1 GB = 10⁹ bytes.",
    ]
    return "\n".join(line.rstrip() for line in (*lines, *legend, *([""] if notes else []), *notes))


def short(number: float, unit: str) -> str:
    """Three digits and a prefix: 249 million bytes are ``249 MB``, operations ``285 M``."""
    for prefix in ("", "k", "M", "G", "T", "P"):
        if abs(number) < 999.5:
            return f"{number:.3g} {prefix}{unit}".rstrip() if number < 100 else f"{number:.0f} {prefix}{unit}".rstrip()
        number /= 1000
    raise ValueError(f"number must be below 10¹⁸, not {number}.")
