"""Exercises on a page: the ``{exercise}`` directive, with everything in the HTML that reading and checking needs.

    ````{exercise} A title
    :id: nn.neuron

    What to do.

    ```python starter
    def neuron(x, w, b):
        ...
    ```
    ```{hint}
    A first hint; a second one is shown once the first was opened.
    ```
    ````

What kind of exercise it is, its options and its answer come from its declaration in ``glassformer.learn.exercises``.
"""

import hashlib
import html
import json
from dataclasses import asdict
from typing import Any, ClassVar, Final

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from glassformer.learn.exercise import Code, Exercise, Number, Quiz, Words
from glassformer.learn.exercises import find

KINDS: Final = {Code: "code", Number: "number", Quiz: "quiz", Words: "words"}
LABELS: Final = {"code": "in code", "number": "a number", "quiz": "choose one", "words": "in your words"}


def anchor(exercise: str) -> str:
    """The anchor of an exercise on its page."""
    return "exercise-" + exercise.replace(".", "-")


def places(env: Any) -> dict[str, tuple[str, str]]:
    """The page and the title of every exercise that has been read so far."""
    if not hasattr(env, "glassformer_exercises"):
        env.glassformer_exercises = {}
    found: dict[str, tuple[str, str]] = env.glassformer_exercises
    return found


class _Exercise(nodes.General, nodes.Element):
    """An exercise; its children are its text, its starter code and its hints."""


class _Controls(nodes.General, nodes.Element):
    """Where the answer to an exercise goes, and what is said about it."""


class _Hint(nodes.General, nodes.Element):
    """A hint, folded."""


class ExerciseDirective(SphinxDirective):
    """``{exercise} Title`` with the option ``:id:``."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"id": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """The exercise, or an error that names the id and the rule."""
        try:
            exercise = find(self.options.get("id", ""))
        except ValueError as error:
            raise self.error(str(error)) from error
        node = _Exercise("", id=exercise.id, kind=KINDS[type(exercise)], title=self.arguments[0])
        node["names"] = [anchor(exercise.id)]
        self.state.nested_parse(self.content, self.content_offset, node)
        hints = list(node.findall(nodes.hint))
        node.append(_Controls("", id=exercise.id))
        for number, hint in enumerate(hints, 1):
            hint.parent.remove(hint)
            node.append(_Hint("", *hint.children, number=number))
        starters = list(node.findall(nodes.literal_block))
        if node["kind"] == "code":
            if len(starters) != 1:
                raise self.error(f"{exercise.id} is answered in code and needs one `python starter` fence.")
            starters[0].replace_self(nodes.container("", starters[0].deepcopy(), classes=["gf-starter"]))
            node["digest"] = hashlib.sha256(starters[0].astext().encode()).hexdigest()[:12]
        self.state.document.note_explicit_target(node)
        places(self.env)[exercise.id] = (self.env.docname, self.arguments[0])
        return [node]


def _visit_exercise(translator: Any, node: nodes.Element) -> None:
    kind, name = node["kind"], node["id"]
    digest = f' data-digest="{node["digest"]}"' if kind == "code" else ""
    translator.body.append(
        f'<section class="gf-exercise" id="{anchor(name)}" data-exercise="{name}" data-kind="{kind}"{digest} '
        f'aria-label="Exercise: {html.escape(node["title"])}">'
        f'<p class="gf-exercise-title"><span class="gf-kind">Exercise, {LABELS[kind]}</span> '
        f'{html.escape(node["title"])} <span class="gf-mark"></span></p>\n'
    )


def _depart_exercise(translator: Any, node: nodes.Element) -> None:
    translator.body.append("</section>\n")


def _visit_controls(translator: Any, node: nodes.Element) -> None:
    translator.body.append(_controls(find(node["id"])) + '<div class="gf-verdict" role="status"></div>\n')
    raise nodes.SkipNode


def _controls(exercise: Exercise) -> str:
    """Where the answer goes. Without the page's script it is read, and the answer stands folded behind it."""
    if isinstance(exercise, Code):
        return (
            '<p class="gf-command">Here no Python runs. Download this page as a notebook (the link at its top) and '
            "check your function there, or in a terminal, where the guide is installed: "
            f"<code>glassformer check {exercise.id} my.py</code>.</p>"
        )
    data = json.dumps(declaration(exercise), ensure_ascii=False).replace("</", "<\\/")
    script = f'<script type="application/json" class="gf-data">{data}</script>'
    name = exercise.id.replace(".", "-")
    if isinstance(exercise, Number):
        unit = f" <span>{html.escape(exercise.unit)}</span>" if exercise.unit else ""
        field = f'<label>Your answer <input name="answer" type="text" autocomplete="off" size="10"></label>{unit} '
        return f'{script}<form class="gf-answer">{field}<button hidden>Check</button></form>'
    if isinstance(exercise, Words):
        field = '<label>Your answer <textarea name="answer" rows="4"></textarea></label>'
        points = "".join(f"<li>{html.escape(point)}</li>" for point in exercise.points)
        model = (
            f'<details class="gf-model"><summary>Model answer</summary><p>{html.escape(exercise.model)}</p>'
            f"<p>Its points:</p><ul>{points}</ul></details>"
        )
        return f'{script}<form class="gf-answer">{field}<button hidden>Compare</button></form>{model}'
    choices = "".join(
        f'<label><input type="radio" name="{name}" value="{number}"> <span>{html.escape(option.text)}</span></label>'
        for number, option in enumerate(exercise.options, 1)
    )
    reasons = "".join(
        f"<li>{'Right' if option.right else 'Wrong'}. {html.escape(option.reason)}</li>" for option in exercise.options
    )
    return (
        f'{script}<form class="gf-answer"><fieldset><legend>Choose one</legend>{choices}</fieldset>'
        f"<button hidden>Check</button></form>"
        f'<details class="gf-reasons"><summary>What each option is worth</summary><ol>{reasons}</ol></details>'
    )


def declaration(exercise: Number | Quiz | Words) -> dict[str, Any]:
    """What the page's script needs to check an answer where no server does."""
    data = asdict(exercise)
    del data["teaches"]
    return {"kind": KINDS[type(exercise)], **data}


def _visit_hint(translator: Any, node: nodes.Element) -> None:
    translator.body.append(f'<details class="gf-hint"><summary>Hint {node["number"]}</summary>')


def _depart_hint(translator: Any, node: nodes.Element) -> None:
    translator.body.append("</details>\n")


def setup(app: Sphinx) -> None:
    """Register the directive and its nodes."""
    app.add_node(_Exercise, html=(_visit_exercise, _depart_exercise))
    app.add_node(_Controls, html=(_visit_controls, None))
    app.add_node(_Hint, html=(_visit_hint, _depart_hint))
    app.add_directive("exercise", ExerciseDirective)
