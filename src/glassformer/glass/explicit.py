"""Before a model is watched: kernels that can be watched, nothing compiled, and names for every place in it."""

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from glassformer.parts.kernel import Explicit, Fused, Kernel
from glassformer.parts.tap import Tap

Pattern = str | re.Pattern[str]
"""A name, a glob such as ``"stack.*.stream"``, or a compiled regular expression for the whole name."""


@contextmanager
def explicit(model: Any) -> Iterator[Any]:
    """Within the block every ``Fused`` attention kernel of ``model`` is an ``Explicit`` one, and nothing runs compiled.

    Yields the module below ``torch.compile``, or ``model`` itself. The kernels get the same scale and dropout. The old
    ones are put back when the block ends, whatever ends it. Blocks may be nested. A compiled model that is called
    inside runs uncompiled, since compiled code ignores hooks that came later.

    Taught in ``transformers``, section 9.
    """
    module = uncompiled(model)
    swapped: list[tuple[nn.Module, str, nn.Module]] = []
    made: dict[Kernel, Explicit] = {}
    with ExitStack() as stack:
        if "torch._dynamo" in sys.modules:  # else nothing was compiled, and the import would take a second
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            for owner in list(module.modules()):
                for name, part in list(owner._modules.items()):
                    if isinstance(part, Fused):
                        if part not in made:
                            made[part] = Explicit(part.scale, part.dropout).train(part.training)
                        swapped.append((owner, name, part))
                        setattr(owner, name, made[part])
            yield module
        finally:
            for owner, name, part in swapped:
                setattr(owner, name, part)


@contextmanager
def resting(model: nn.Module) -> Iterator[None]:
    """Within the block ``model`` drops nothing and keeps no gradients; every module's mode is put back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def uncompiled(model: Any) -> Any:
    """The module that ``torch.compile`` wrapped, or ``model`` itself."""
    return getattr(model, "_orig_mod", model)


def named(model: nn.Module) -> dict[str, nn.Module]:
    """Every module by its path, a shared one under each of its paths. Compiled ones have the path they had before."""
    modules = model.named_modules(remove_duplicate=False)
    return {name.replace("_orig_mod.", ""): uncompiled(module) for name, module in modules if name}


def title(name: str) -> str:
    """A path in words: ``layer 3 · attention · weights`` for ``stack.3.attention.part.kernel.weights``."""
    name = re.sub(r"\bstack\.(\d+)", r"layer \1", name)
    name = re.sub(r"\bexperts\.(\d+)", r"expert \1", name)
    return " · ".join(word for word in name.split(".") if word not in ("part", "kernel"))


def find(model: nn.Module, patterns: Pattern | Iterable[Pattern]) -> dict[str, nn.Module]:
    """The taps of ``model`` whose path or title matches; where a pattern matches no tap, the modules that it matches.

    ``*`` in a glob stands for any letters, dots too. Call it within ``explicit``, where the kernels have taps.
    Raises ``ValueError`` with the nearest names for a pattern that matches nothing.
    """
    modules = named(model)
    taps = [name for name, module in modules.items() if isinstance(module, Tap)]
    return {name: modules[name] for name in select(patterns, taps, list(modules))}


def select(patterns: Pattern | Iterable[Pattern], *choices: Sequence[str]) -> list[str]:
    """For each pattern the names that match it, of the first of the ``choices`` where there are any; no name twice.

    Raises ``ValueError`` with the nearest names for a pattern that matches nothing.
    """
    found: list[str] = []
    for pattern in [patterns] if isinstance(patterns, (str, re.Pattern)) else patterns:
        some = next((some for names in choices if (some := _matching(names, pattern))), None)
        if some is None:
            raise ValueError(f"{_words(pattern)} must match the name of a tensor. {nearest(pattern, choices[-1])}")
        found += some
    return list(dict.fromkeys(found))


def nearest(pattern: Pattern, names: Iterable[str]) -> str:
    """A sentence with the names that come near."""
    wanted = pattern if isinstance(pattern, str) else pattern.pattern
    known = {word: name for name in names for word in (title(name), name)}
    near = dict.fromkeys(known[word] for word in difflib.get_close_matches(wanted, known, 6, 0.4))
    return f"The nearest are: {', '.join(list(near)[:3])}." if near else "None is near."


def _matching(names: Sequence[str], pattern: Pattern) -> list[str]:
    if isinstance(pattern, str):
        return [name for name in names if fnmatchcase(name, pattern) or fnmatchcase(title(name), pattern)]
    return [name for name in names if pattern.fullmatch(name)]


def _words(pattern: Pattern) -> str:
    return repr(pattern if isinstance(pattern, str) else pattern.pattern)
