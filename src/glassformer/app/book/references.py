"""What points from one place to another: equation numbers, glossary terms, and code included from the package."""

import os
import re
from pathlib import Path
from typing import Any, ClassVar, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.directives.code import LiteralInclude

LETTERS: Final = {
    "nn_intro": "N",
    "mlp_intro": "P",
    "rnn_intro": "R",
    "transformers": "T",
    "transformers_math": "M",
    "math_quick_ref": "Q",
    "knowledge_store": "K",
    "pytorch_ref": "C",
}
"""The letter that equation numbers of a document start with."""

GLOSSARY: Final = "glossary"
_NUMBERED: Final = re.compile(r"(\d+)(?:\.\d+)*\.?\s")


def number_equations(app: Sphinx, doctree: nodes.document) -> None:
    """Number labeled equations by document, heading and counter: the second one under heading 3 of nn_intro is N3.2."""
    document = app.env.docname
    letter = LETTERS.get(document.split("/")[0], "")
    equations: dict[str, tuple[str, Any]] = app.env.domaindata["math"]["objects"]
    counters: dict[str, int] = {}
    for node in doctree.findall(nodes.math_block):
        label = node.get("label")
        if not label:
            continue
        heading = _heading_number(node)
        counters[heading] = counters.get(heading, 0) + 1
        node["number"] = f"{letter}{heading}.{counters[heading]}"
        equations[label] = (document, node["number"])


def _heading_number(node: nodes.Node) -> str:
    parent: nodes.Node | None = node
    while parent is not None:
        if isinstance(parent, nodes.section) and (match := _NUMBERED.match(parent[0].astext())):
            return match[1]
        parent = parent.parent
    return "0"


def collect_terms(app: Sphinx, doctree: nodes.document) -> None:
    """Note the definition under each heading of the glossary, by the anchor that links use."""
    if app.env.docname != GLOSSARY:
        return
    terms: dict[str, str] = {}
    for section in doctree.findall(nodes.section):
        paragraph = next((child for child in section.children if isinstance(child, nodes.paragraph)), None)
        if paragraph is not None and not any(isinstance(child, nodes.section) for child in section.children):
            terms[section["ids"][0]] = paragraph.astext()
    app.env.glassformer_terms = terms  # type: ignore[attr-defined]


def explain_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give every link to a glossary term its definition, which the page shows when the link is pointed at."""
    terms: dict[str, str] = getattr(app.env, "glassformer_terms", {})
    target = app.builder.get_relative_uri(docname, GLOSSARY)
    for node in doctree.findall(nodes.reference):
        page, _, anchor = node.get("refuri", "").partition("#")
        if page == target and anchor in terms and docname != GLOSSARY:
            node["classes"].append("gf-term")
            node["reftitle"] = terms[anchor]


class IncludedCode(LiteralInclude):
    """``literalinclude`` of the package's own code: ``../src/glassformer/…`` is wherever the package is installed.

    The code stands under a line that names the file, and the page follows when the file changes.
    """

    PREFIX: ClassVar[re.Pattern[str]] = re.compile(r"(\.\./)+src/glassformer/")

    def run(self) -> list[nodes.Node]:
        """The code block, or a warning that names the file or the object that does not exist."""
        name = self.arguments[0]
        if found := self.PREFIX.match(name):
            inside = name[found.end() :]
            path = Path(self.config.glassformer_sources) / inside
            self.arguments[0] = Path(os.path.relpath(path, Path(self.env.doc2path(self.env.docname)).parent)).as_posix()
            self.options.setdefault("language", "python")
            self.options.setdefault("dedent", None)
            what = self.options.get("pyobject", "")
            label = f"glassformer/{inside}" + (f" · {what}" if what else "")
            self.options.setdefault("caption", label)
        return super().run()


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_directive("literalinclude", IncludedCode, override=True)
    app.connect("doctree-read", number_equations)
    app.connect("doctree-read", collect_terms)
    app.connect("doctree-resolved", explain_terms)
