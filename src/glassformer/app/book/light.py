"""What makes a page open fast: nothing it does not use, its fonts first, and its top before the rest."""

import re
from typing import Any, Final

from sphinx.application import Sphinx

# Names, brackets and spaces have no color of their own: without their markup a page is a tenth smaller.
_PLAIN_CODE: Final = re.compile(r'<span class="[npw]">([^<]*)</span>')

# Asked for at once, before the style sheets have been read: a font that comes late lays out the whole page again.
_FIRST_FONTS: Final = (
    ("source-serif-4", "normal"),
    ("source-serif-4", "italic"),
    ("inter", "normal"),
    ("jetbrains-mono", "normal"),
)


# A page that is opened at its top shows that first; what is far from view is laid out a moment later (see book.js).
_OPENING: Final = (
    'if (!location.hash && performance.getEntriesByType("navigation")[0]?.type === "navigate") '
    'document.documentElement.classList.add("gf-opening");'
)


def _lighten(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Leave away what a page does not use: the scripts of the search, and MyST-NB's style, which ours stands in for."""
    unused = {"_static/documentation_options.js", "_static/doctools.js", "_static/sphinx_highlight.js"}
    if "body" in context:
        context["body"] = _PLAIN_CODE.sub(r"\1", context["body"])
    if page != "search" and "script_files" in context:
        context["script_files"] = [f for f in context["script_files"] if getattr(f, "filename", "") not in unused]
        fonts = [f"fonts/{name}-latin-wght-{style}.woff2" for name, style in _FIRST_FONTS]
        at = "../" * page.count("/") + "_static/"
        context["metatags"] = context.get("metatags", "") + "".join(
            f'<link rel="preload" as="font" type="font/woff2" crossorigin href="{at}{font}">' for font in fonts
        )
        context["metatags"] += f"<script>{_OPENING}</script>"
        context["css_files"] = [f for f in context["css_files"] if "mystnb" not in getattr(f, "filename", str(f))]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("html-page-context", _lighten)
