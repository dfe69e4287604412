"""The base of every interactive figure.

A figure ``name`` is three files: ``name.py`` (its state, as synchronized traits, and its still), ``name.js`` (how it is
drawn and worked) and, if it needs one, ``name.css``. ``common.js`` and ``common.css`` are put in front of each.
"""

from pathlib import Path
from typing import Any, ClassVar, Final

import anywidget

MIME: Final = "application/vnd.glassformer.widget+json"
HERE: Final = Path(__file__).parent


def module_source(name: str) -> str:
    """The whole ES module of the figure ``name``: the common part, then its own."""
    return "\n".join((HERE / f"{part}.js").read_text("utf-8") for part in ("common", name))


def style_source(name: str) -> str:
    """The whole style sheet of the figure ``name``."""
    files = (HERE / f"{part}.css" for part in ("common", name))
    return "\n".join(file.read_text("utf-8") for file in files if file.exists())


class InteractiveFigure(anywidget.AnyWidget):  # type: ignore[misc]
    """An interactive figure. A subclass sets ``module`` and defines its synchronized traits and ``still()``."""

    module: ClassVar[str]
    alt: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "module" in cls.__dict__:
            cls._esm = module_source(cls.module)
            cls._css = style_source(cls.module)
        super().__init_subclass__(**kwargs)

    def state(self) -> dict[str, Any]:
        """The synchronized values that the module reads, and nothing of the widget machinery."""
        return {
            name: value
            for name, value in sorted(self.get_state().items())
            if not name.startswith("_") and name not in ("layout", "tabbable", "tooltip")
        }

    def still(self) -> str:
        """The figure's present state as SVG, for print and for pages without JavaScript."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data[MIME] = {"module": self.module, "alt": self.alt, "state": self.state(), "still": self.still()}
        return bundle
