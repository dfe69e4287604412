"""The base of every interactive figure.

A figure ``name`` is three files: ``name.py`` (its state, as synchronized traits, and its still), ``name.js`` (how it is
drawn and worked) and, if it needs one, ``name.css``. ``common.js`` and ``common.css`` are put in front of each, and so
are parts of a long script, ``name.part.js``.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import anywidget
import numpy as np
from traitlets import TraitError

MIME: Final = "application/vnd.glassformer.widget+json"
HERE: Final = Path(__file__).parent


def module_source(name: str) -> str:
    """The whole ES module of the figure ``name``: the common part, then its own."""
    files = (HERE / "common.js", *sorted(HERE.glob(f"{name}.*.js")), HERE / f"{name}.js")
    return "\n".join(file.read_text("utf-8") for file in files)


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


def finite(name: str, value: Any, shape: tuple[int, ...], rule: str) -> Any:
    """``value`` as finite floats of that shape, or a ``TraitError`` that names argument, rule and value."""
    try:
        numbers = np.array(value, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise TraitError(f"{name} must be {rule}, not {value!r}.")
    return numbers.tolist()


def one_of(name: str, value: Any, choices: Collection[str]) -> str:
    """``value`` if it is one of the ``choices``, or a ``TraitError`` that names them."""
    if value not in choices:
        raise TraitError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return str(value)


def labeled(name: str, value: Mapping[str, Any], keys: Sequence[str]) -> int:
    """The label of an example that has all the ``keys``, 0 or 1, or a ``TraitError`` that says what is wrong."""
    if missing := set(keys) - set(value):
        needed = f"{', '.join(keys[:-1])} and {keys[-1]}"
        raise TraitError(f"{name} must have {needed}; {', '.join(sorted(missing))} is missing.")
    if value["label"] not in (0, 1):
        raise TraitError(f"{name}['label'] must be 0 or 1, not {value['label']!r}.")
    return int(value["label"])
