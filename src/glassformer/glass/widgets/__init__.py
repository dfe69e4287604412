"""Interactive figures: one ES module each, the same file in a live cell, in JupyterLab and on a static page."""

from glassformer.glass.widgets.base import MIME, InteractiveFigure, module_source, style_source

__all__ = ["MIME", "InteractiveFigure", "module_source", "style_source"]
