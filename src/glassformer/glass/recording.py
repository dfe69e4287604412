"""Recording: every tensor that has a name, as it flows through a model."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from glassformer.glass.explicit import Pattern, explicit, find, named, title
from glassformer.parts.tap import Tap


@dataclass(frozen=True)
class Record:
    """One tensor of a pass.

    Attributes:
        name: its path in the model, such as ``stack.3.attention.part.kernel.weights``.
        shape: in the guide's notation, such as ``"B H T S"``; empty for the output of a module that is no tap.
        section: the section of ``transformers`` that explains it; 0 for such an output.
        size: the same in numbers.
        kept: the values, or ``None`` where the filter left them out.
    """

    name: str
    shape: str
    section: int
    size: tuple[int, ...]
    kept: Tensor | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """The name in words: ``layer 3 · attention · weights``."""
        return title(self.name)

    @property
    def value(self) -> Tensor:
        """The values. Raises ``ValueError`` if the filter left them out."""
        if self.kept is None:
            raise ValueError(
                f"taps must match {self.name!r} for its values to be kept: trace it with taps={self.name!r}."
            )
        return self.kept


@contextmanager
def recording(model: Any, taps: Pattern | Iterable[Pattern] = "*") -> Iterator[dict[str, Record]]:
    """Record what flows through ``model`` in this block, in the order in which it flows.

    The kernels are explicit meanwhile. A shared module has a path for each of its places, used one after the other;
    when it runs more often, its further records are named ``path #2`` and so on. Values are copies, without gradients.
    """
    records: dict[str, Record] = {}
    runs: Counter[str] = Counter()
    handles = []
    with explicit(model) as module:
        wanted = find(module, taps)
        paths: dict[nn.Module, list[str]] = {}
        for name, part in named(module).items():
            if isinstance(part, Tap) or name in wanted:
                paths.setdefault(part, []).append(name)

        def watch(part: nn.Module, _: Any, out: Any) -> None:
            if not isinstance(out, Tensor):
                return
            names = paths[part]
            name = names[min(runs[names[0]], len(names) - 1)]
            again = runs[names[0]] - len(names) + 2
            runs[names[0]] += 1
            shape, section = (part.shape, part.section) if isinstance(part, Tap) else ("", 0)
            kept = out.detach().clone() if name in wanted else None
            key = name if again < 2 else f"{name} #{again}"
            records[key] = Record(key, shape, section, tuple(out.shape), kept)

        try:
            handles += [part.register_forward_hook(watch) for part in paths]
            yield records
        finally:
            for handle in handles:
                handle.remove()
