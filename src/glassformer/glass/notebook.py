"""What a kernel needs to show the guide's figures: ``%load_ext glassformer.glass.notebook``.

The book's builds, the live cells and the downloaded notebooks all load this one extension.
"""

from typing import Any

from matplotlib.figure import Figure
from matplotlib_inline.config import InlineBackend

from glassformer.glass.style import bundle, use_style


def load_ipython_extension(shell: Any) -> None:
    """Use the guide's style, and display Matplotlib figures as themed SVG with their text and data beside them."""
    InlineBackend.instance(parent=shell).figure_formats = set()
    use_style()
    InlineBackend.instance().rc = {}
    shell.display_formatter.mimebundle_formatter.for_type(Figure, bundle)
