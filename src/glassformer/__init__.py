"""Glassformer: a guide to transformers that runs, and the small PyTorch library under it.

Importing this package does no work and does not import PyTorch, so that the guide opens before PyTorch is installed.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from glassformer.glass.trace import trace as trace
    from glassformer.hub import get as get
    from glassformer.hub import load as load
    from glassformer.hub import save as save

_ELSEWHERE = {
    "get": "glassformer.hub",
    "load": "glassformer.hub",
    "save": "glassformer.hub",
    "trace": "glassformer.glass.trace",
}


def __getattr__(name: str) -> Any:
    """``glassformer.load`` and its like, imported when they are asked for."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"glassformer has no {name!r}. There are: {', '.join(_ELSEWHERE)}.")
    import importlib

    return getattr(importlib.import_module(_ELSEWHERE[name]), name)


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Where Jupyter Server finds the app that serves the guide."""
    from glassformer.app.server import GuideApp

    return [{"module": "glassformer", "app": GuideApp}]
