"""The home page's own parts, from ``paths.yml``: four questions, the paths, the reader's progress, the documents."""

import html
import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from glassformer.app.book.exercises import anchor, places
from glassformer.app.book.furniture import link_to, step_title
from glassformer.learn.paths import Guide, LearningPath, Step, exercises_on, load


class _Part(nodes.General, nodes.Element):
    """A part of the home page; it becomes HTML once all pages are known."""


class HomePart(Directive):
    """``{home} continue``, ``recommender``, ``paths``, ``progress`` or ``documents``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A node that ``_fill`` replaces."""
        if self.arguments[0] not in _PARTS:
            raise self.error(f"home has the parts {', '.join(_PARTS)}, not {self.arguments[0]!r}.")
        return [_Part("", part=self.arguments[0])]


def _continue(app: Sphinx, docname: str, guide: Guide) -> str:
    return '<p class="gf-continue" hidden></p>'


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
            f'<section class="gf-path" id="path-{path.id}" data-path="{path.id}"><h3>{html.escape(path.title)}</h3>'
            f"<p>{html.escape(path.reader)}</p>"
            f'<p class="gf-follow" hidden><button type="button">Follow this path</button></p>{phases}'
            f"<h4>What you will be able to do</h4>{_milestones(app, docname, path)}</section>"
        )
    return f'<div class="gf-paths">{"".join(cards)}</div>'


def _milestones(app: Sphinx, docname: str, path: LearningPath) -> str:
    items = ""
    for milestone in path.milestones:
        links = "".join(f"<li>{_exercise_link(app, docname, name)}</li>" for name in milestone.by)
        more = "<li>more in preparation</li>" if milestone.more and milestone.by else ""
        how = (
            f"<details><summary>Earned by</summary><ul>{links}{more}</ul></details>"
            if milestone.by
            else '<span class="gf-gives">exercises in preparation</span>'
        )
        items += (
            f'<li data-mark="{milestone.mark}" data-by="{" ".join(milestone.by)}"'
            f"{' data-more' if milestone.more else ''}>"
            f'<span class="gf-box"></span><span class="gf-can">{html.escape(milestone.text)}</span>{how}</li>'
        )
    return f'<p class="gf-count" hidden></p><ul class="gf-milestones">{items}</ul>'


def _exercise_link(app: Sphinx, docname: str, name: str) -> str:
    page, title = places(app.env)[name]
    return f'<a href="{app.builder.get_relative_uri(docname, page)}#{anchor(name)}">{html.escape(title)}</a>'


def _progress(app: Sphinx, docname: str, guide: Guide) -> str:
    """The next step on the reader's path, and what saves and adds progress; the page's script fills it."""
    steps = {
        path.id: [
            {"title": step_title(guide, step), "exercises": [[n, _exercise_link(app, docname, n)] for n in names]}
            for step in path.steps()
            if (names := exercises_on(step.page))
        ]
        for path in guide.paths
    }
    data = json.dumps({"paths": {p.id: p.title for p in guide.paths}, "steps": steps}).replace("</", "<\\/")
    return (
        f'<div class="gf-progress" hidden><script type="application/json">{data}</script>'
        '<p class="gf-notice" role="alert" hidden></p><p class="gf-now" role="status"></p>'
        '<p class="gf-move"><button type="button" class="gf-export">Save your progress as a file</button> '
        '<label class="gf-import">Add progress from a file '
        '<input type="file" accept=".json,application/json"></label></p>'
        "</div><noscript><p>Progress is kept by the page's script, and JavaScript is off here.</p></noscript>"
    )


def _documents(app: Sphinx, docname: str, guide: Guide) -> str:
    rows = "".join(
        f"<tr><td>{link_to(app, docname, guide, Step(d.page, '', ''))}"
        f"{f'<span class=gf-ready>{html.escape(d.ready)}</span>' if d.ready else ''}</td>"
        f"<td>{html.escape(d.purpose)}</td><td>{html.escape(d.focus)}</td></tr>"
        for d in guide.documents
    )
    head = "<tr><th scope=col>Document</th><th scope=col>Purpose</th><th scope=col>Focus</th></tr>"
    return f'<div class="table-wrapper"><table class="docutils gf-documents">{head}{rows}</table></div>'


_PARTS = {
    "continue": _continue,
    "recommender": _recommender,
    "paths": _paths,
    "progress": _progress,
    "documents": _documents,
}


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(_Part)):
        guide = load(Path(app.srcdir))
        node.replace_self(nodes.raw("", _PARTS[node["part"]](app, docname, guide), format="html"))


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_node(_Part)
    app.add_directive("home", HomePart)
    app.connect("doctree-resolved", _fill)
