"""Glassformer: a guide to transformers that runs, and the small PyTorch library under it.

Importing this package does no work and does not import PyTorch, so that the guide opens before PyTorch is installed.
"""

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Where Jupyter Server finds the app that serves the guide."""
    from glassformer.app.server import GuideApp

    return [{"module": "glassformer", "app": GuideApp}]
