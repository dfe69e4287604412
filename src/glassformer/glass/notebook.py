"""What a kernel needs to show the guide's figures: ``%load_ext glassformer.glass.notebook``.

The book's builds, the live cells and the downloaded notebooks all load this one extension. It imports Matplotlib only
once somebody's code does: a kernel is ready sooner, and 40 MB smaller, without it.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Use the guide's style, and display Matplotlib figures as themed SVG with their text and data beside them."""
    shell.config.InlineBackend.figure_formats = set()
    shell.config.InlineBackend.rc = {}
    shell.display_formatter.mimebundle_formatter.for_type_by_name("matplotlib.figure", "Figure", _bundle)
    if "matplotlib" in sys.modules:
        from matplotlib_inline.config import InlineBackend

        if InlineBackend.initialized():
            InlineBackend.instance().figure_formats = set()
            InlineBackend.instance().rc = {}
        _style()
    else:
        sys.meta_path.insert(0, _After("matplotlib", _style))


def _bundle(figure: Any, **options: Any) -> dict[str, Any]:
    from glassformer.glass.style import bundle

    return bundle(figure, **options)


def _style() -> None:
    from glassformer.glass.style import use_style

    use_style()


class _After(MetaPathFinder):
    """Calls ``action`` once, right after the module ``name`` has been imported for the first time."""

    def __init__(self, name: str, action: Callable[[], None]) -> None:
        self.name, self.action = name, action

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module's own spec, with the action at the end of its execution."""
        spec = PathFinder.find_spec(name, path) if name == self.name else None
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def then(module: ModuleType) -> None:
                execute(module)
                sys.meta_path.remove(self)
                self.action()

            spec.loader.exec_module = then  # type: ignore[method-assign]
        return spec
