"""The Sphinx extension of the guide: it ties the reader, the stored outputs, the maths and the furniture together."""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from glassformer.app.book import exercises, furniture, home, light, references
from glassformer.app.book.katex import FormulaError, render
from glassformer.app.book.reader import to_notebook
from glassformer.app.book.source import Page, PageError, split
from glassformer.app.book.store import Run, load

HERE = Path(__file__).parent
logger = logging.getLogger(__name__)


class _Current:
    """The page that is being read. MyST-NB hands a reader the text alone, so Sphinx's event notes the name."""

    page = Page("", ())
    run = Run("")
    used = 0


def _source_read(app: Sphinx, docname: str, source: list[str]) -> None:
    try:
        pieces = split(source[0], docname)
    except PageError as error:
        logger.error("%s", error)
        pieces = []
    _Current.page = Page(docname, tuple(pieces))
    _Current.run = load(docname, Path(app.confdir) / app.config.glassformer_outputs)
    _Current.used = 0


def read(text: str) -> Any:
    """The reader that ``nb_custom_formats`` names."""
    notebook = to_notebook(_Current.page, _Current.run, fold_long=_Current.page.name in furniture.BEGINNER_PAGES)
    for cell in notebook.cells:
        about = cell.metadata.get("glassformer", {})
        if about.get("stale"):
            logger.warning("%s, cell %s: no stored output. Run `make outputs`.", _Current.page.name, about["id"])
    return notebook


class EvalRole(SphinxRole):
    """``{eval}`` in prose: the value that the expression had, at this place, when the page was executed."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The stored value as text, marked so that a live page can dim it."""
        evals = _Current.run.evals
        for index in range(_Current.used, len(evals)):
            if evals[index][0] == self.text:
                _Current.used = index + 1
                return [nodes.inline("", evals[index][1], classes=["gf-eval"])], []
        logger.warning("{eval} %s has no stored value. Run `make outputs`.", self.text, location=self.get_location())
        return [nodes.inline("", "(not computed yet)", classes=["gf-eval"])], []


def _name_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Give each cell its anchor, and list them all for the script that makes them live."""
    cells = []
    for node in doctree.findall(nodes.container):
        metadata: dict[str, Any] = node.get("cell_metadata", {})
        about = metadata.get("glassformer")
        if about:
            node["ids"] = [f"cell-{about['id'].replace('.', '-')}"]
            cells.append([node["ids"][0], about["id"], about["digest"]])
    if cells:
        data = json.dumps({"page": app.env.docname, "cells": cells})
        doctree.append(nodes.raw("", f'<script type="application/json" id="gf-cells">{data}</script>', format="html"))


def _render_maths(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in doctree.findall(lambda n: isinstance(n, nodes.math | nodes.math_block)):
        assert isinstance(node, nodes.Element)
        try:
            node["html"] = render(node.astext(), isinstance(node, nodes.math_block))
        except FormulaError as error:
            logger.warning("%s", error, location=node)
            node["html"] = f"<code>{node.astext()}</code>"


def _visit_math(translator: Any, node: nodes.Element) -> None:
    translator.body.append(f'<span class="math">{node["html"]}</span>')
    raise nodes.SkipNode


def _visit_math_block(translator: Any, node: nodes.Element) -> None:
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    # Sphinx has put the anchor of a numbered equation in front of it already.
    translator.body.append(f'<div class="math-block"><div class="math-scroll">{node["html"]}</div>{number}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything with Sphinx."""
    app.setup_extension("myst_nb")
    app.setup_extension("sphinxcontrib.bibtex")
    app.add_config_value("glassformer_outputs", "outputs", "env", str)
    app.add_config_value("glassformer_sources", str(HERE.parents[1]), "env", str)
    app.add_role("eval", EvalRole(), override=True)
    app.add_html_math_renderer("katex", (_visit_math, None), (_visit_math_block, None))
    app.connect("source-read", _source_read, priority=900)
    app.connect("doctree-read", _name_cells)
    app.connect("doctree-resolved", _render_maths)
    references.setup(app)
    exercises.setup(app)
    furniture.setup(app)
    home.setup(app)
    light.setup(app)
    app.config.html_static_path.append(str(HERE / "static"))
    app.config.html_favicon = str(HERE / "static" / "favicon.svg")
    app.add_css_file("katex/katex.min.css")
    app.add_css_file("book.css")
    app.add_js_file("book.js", type="module")
    app.add_js_file("learn.js", type="module")
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": False}
