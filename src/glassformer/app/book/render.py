"""How a cell's figures stand on a page: SVG in the page itself, so that its style and the theme button reach it."""

import html
import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from docutils import nodes

from glassformer.app.book.execute import FIGURE, WIDGET

_ID: Final = re.compile(r'(\bid="|url\(#|href="#)')


def figure(svg: str, alt: str, prefix: str) -> str:
    """An SVG picture as HTML: ids made unique by ``prefix``, ``alt`` as its name, its text kept as text."""
    svg = _slim(svg[svg.index("<svg") :])
    svg = _ID.sub(lambda m: m[1] + prefix.replace(".", "-").replace("/", "-") + "-", svg)
    svg = re.sub(r'(<svg[^>]*?) width="([\d.]+)pt" height="[\d.]+pt"', _sized, svg, count=1)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(alt)}" ', 1)


def _slim(svg: str) -> str:
    """Without the fallbacks of colors that a page has names for, and without comments."""
    svg = re.sub(r"var\((--[\w-]+), [^)]*\)", r"var(\1)", svg)
    return re.sub(r"<!--.*?-->\s*", "", svg, flags=re.S)


def _sized(match: re.Match[str]) -> str:
    """As wide as the page allows, at most 1.7 pixels a point: drawn small, so that its words can be read on a phone."""
    return f'{match[1]} style="width:100%;max-width:{float(match[2]) * 1.7:.0f}px;height:auto"'


def widget(output: dict[str, Any], prefix: str) -> str:
    """An interactive figure as HTML: the still, and the state from which the page's script brings it to life."""
    state = json.dumps(output["state"], ensure_ascii=False).replace("</", "<\\/")
    return (
        f'<div class="gf-widget" data-module="{html.escape(output["widget"])}">'
        f'<script type="application/json">{state}</script>'
        f'<div class="gf-still">{figure(output["still"], output["alt"], prefix)}</div></div>'
    )


class GlassformerMime:
    """Renders the guide's own output types; MyST-NB finds it by its entry point."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = [("*", FIGURE, 1), ("*", WIDGET, 1)]

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """The nodes of a figure or an interactive figure; ``None`` for every other type."""
        if inline or data.mime_type not in (FIGURE, WIDGET):
            return None
        output = dict(data.content)
        if data.mime_type == WIDGET:
            text = widget(output, output["prefix"])
        else:
            text = f'<div class="gf-figure">{figure(output["figure"], output["alt"], output["prefix"])}</div>'
        return [nodes.raw("", text, format="html")]
