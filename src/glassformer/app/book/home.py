"""The home page's own parts, made from ``paths.yml``: the four questions, the paths, and the table of documents."""

import html
import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from glassformer.app.book.furniture import link_to
from glassformer.learn.paths import Guide, Step, load


class _Part(nodes.General, nodes.Element):
    """A part of the home page; it becomes HTML once all pages are known."""


class HomePart(Directive):
    """``{home} recommender``, ``{home} paths`` or ``{home} documents``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A node that ``_fill`` replaces."""
        if self.arguments[0] not in _PARTS:
            raise self.error(f"home has the parts {', '.join(_PARTS)}, not {self.arguments[0]!r}.")
        return [_Part("", part=self.arguments[0])]


def _recommender(app: Sphinx, docname: str, guide: Guide) -> str:
    groups = []
    for question in guide.questions:
        choices = "".join(
            f'<label><input type="radio" name="{question.id}" value="{i}"> <span>{html.escape(text)}</span></label>'
            for i, (text, _) in enumerate(question.answers)
        )
        groups.append(f"<fieldset><legend>{html.escape(question.text)}</legend>{choices}</fieldset>")
    points = {q.id: [dict(given) for _, given in q.answers] for q in guide.questions}
    data = {"points": points, "paths": {path.id: path.title for path in guide.paths}}
    return (
        f'<form class="gf-recommender"><script type="application/json">{json.dumps(data)}</script>{"".join(groups)}'
        '<p class="gf-advice" role="status">Answer all four and a path is recommended here.</p></form>'
        "<noscript><p>The four questions need JavaScript. The paths below say whom each is for.</p></noscript>"
    )


def _paths(app: Sphinx, docname: str, guide: Guide) -> str:
    cards = []
    for path in guide.paths:
        phases = ""
        number = 1
        for phase, steps in path.phases:
            items = "".join(
                f"<li>{link_to(app, docname, guide, step)}<span class='gf-gives'>{html.escape(step.gives)}</span></li>"
                for step in steps
            )
            phases += f'<h4>{html.escape(phase)}</h4><ol start="{number}">{items}</ol>'
            number += len(steps)
        cards.append(
            f'<section class="gf-path" id="path-{path.id}"><h3>{html.escape(path.title)}</h3>'
            f"<p>{html.escape(path.reader)}</p>{phases}</section>"
        )
    return f'<div class="gf-paths">{"".join(cards)}</div>'


def _documents(app: Sphinx, docname: str, guide: Guide) -> str:
    rows = "".join(
        f"<tr><td>{link_to(app, docname, guide, Step(d.page, '', ''))}"
        f"{f'<span class=gf-ready>{html.escape(d.ready)}</span>' if d.ready else ''}</td>"
        f"<td>{html.escape(d.purpose)}</td><td>{html.escape(d.focus)}</td></tr>"
        for d in guide.documents
    )
    head = "<tr><th scope=col>Document</th><th scope=col>Purpose</th><th scope=col>Focus</th></tr>"
    return f'<div class="table-wrapper"><table class="docutils gf-documents">{head}{rows}</table></div>'


_PARTS = {"recommender": _recommender, "paths": _paths, "documents": _documents}


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(_Part)):
        guide = load(Path(app.srcdir))
        node.replace_self(nodes.raw("", _PARTS[node["part"]](app, docname, guide), format="html"))


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_node(_Part)
    app.add_directive("home", HomePart)
    app.connect("doctree-resolved", _fill)
