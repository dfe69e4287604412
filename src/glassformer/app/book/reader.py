"""A page as a notebook: for Sphinx with its stored outputs filled in, for a reader as a file to download."""

import re
from collections.abc import Callable
from typing import Any, Final

import nbformat

from glassformer.app.book.execute import FIGURE, WIDGET
from glassformer.app.book.exercises import anchor
from glassformer.app.book.source import LONG, Page, Piece
from glassformer.app.book.store import Output, Run
from glassformer.learn.exercise import Quiz, Words
from glassformer.learn.exercises import find

STALE: Final = "This cell has changed since its output was stored. Run `make outputs`."
_PROMPTS: Final = {"check": "The check behind this", "figure": "The code of this figure", "": "The code"}


def to_notebook(page: Page, run: Run, *, fold_long: bool) -> Any:
    """The notebook that MyST-NB renders: outputs from ``run``, options as tags, and the line each piece starts at."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "python"}
    notebook.metadata["source_map"] = [piece.line - 1 for piece in page.pieces]
    for piece in page.pieces:
        if not piece.is_cell:
            notebook.cells.append(nbformat.v4.new_markdown_cell(piece.source))
            continue
        cell = nbformat.v4.new_code_cell(piece.source)
        outputs = run.outputs_of(piece.id, piece.digest)
        cell.outputs = [_jupyter(o, f"{page.name}-{piece.id}-{i}") for i, o in enumerate(outputs or [])]
        if outputs is None:
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=STALE)]
        folded = _folded(piece, fold_long)
        options = [o.replace("=", "-") for o in piece.options if o != "hide-input"]
        cell.metadata["tags"] = options + ["hide-input"] * folded
        kind = "check" if "check" in piece.options else "figure" if any("figure" in o for o in outputs or []) else ""
        cell.metadata["mystnb"] = {"code_prompt_show": _PROMPTS[kind], "code_prompt_hide": _PROMPTS[kind]}
        cell.metadata["glassformer"] = {"id": piece.id, "digest": piece.digest, "stale": outputs is None}
        notebook.cells.append(cell)
    return notebook


def _folded(piece: Piece, fold_long: bool) -> bool:
    if "open" in piece.options:
        return False
    return bool({"hide-input", "check"} & {*piece.options}) or (fold_long and piece.source.count("\n") >= LONG)


def _jupyter(output: Output, prefix: str) -> Any:
    if "text" in output:
        return nbformat.v4.new_output("stream", name="stdout", text="\n".join(output["text"]))
    if "error" in output:
        name, _, value = output["error"][0].partition(": ")
        return nbformat.v4.new_output("error", ename=name, evalue=value, traceback=output["error"])
    if "html" in output:
        return nbformat.v4.new_output("display_data", {"text/html": "\n".join(output["html"])})
    mime = WIDGET if "widget" in output else FIGURE
    return nbformat.v4.new_output("display_data", {mime: {**output, "prefix": prefix}})


_EVAL: Final = re.compile(r"\{eval\}`([^`]+)`")
_ROLE: Final = re.compile(r"\{(?P<role>[\w:]+)\}`(?P<text>[^`]+)`")
_DIRECTIVE: Final = re.compile(r"^(?P<fence>`{3,}|:{3,})\{(?P<name>\w+)\}(?P<rest>.*?)^(?P=fence)\s*$", re.S | re.M)
_EXERCISE: Final = re.compile(r"^`{4,}\{exercise\} (.+)\n((?:.|\n)*?)^`{4,}\s*$", re.M)
_STARTER: Final = re.compile(r"^```python starter\n((?:.|\n)*?)^```\n", re.M)
_HINT: Final = re.compile(r"^```\{hint\}\n((?:.|\n)*?)^```\n", re.M)
_LABEL: Final = re.compile(r"^(\$\$) \(([\w.:-]+)\)$", re.M)


def to_download(page: Page, run: Run, role: Callable[[str, str], str], directive: Callable[[str, str], str]) -> Any:
    """The notebook that a reader downloads: it runs from top to bottom, without outputs.

    ``role(name, text)`` and ``directive(name, body)`` say in plain Markdown what stands in their place.
    """
    values = list(run.evals)

    def value(expression: str) -> str:
        """As the page has it: the next stored value of this expression."""
        while values:
            stored, result = values.pop(0)
            if stored == expression:
                return result
        return "(not computed yet)"

    setup = nbformat.v4.new_code_cell(
        "%load_ext glassformer.glass.notebook\n%load_ext glassformer.learn.notebook", id="setup"
    )
    head = nbformat.v4.new_markdown_cell(
        "*This notebook is made from a page of the Glassformer guide. It needs the packages of the guide:* "
        "`python3 tools/env.py guide` *in a clone of the project installs them.*",
        id="about",
    )
    notebook = nbformat.v4.new_notebook(cells=[head, setup])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, piece in enumerate(page.pieces):
        if piece.is_cell:
            cell = nbformat.v4.new_code_cell(piece.source, id=f"cell-{piece.id.replace('.', '-')}")
            cell.metadata["tags"] = list(piece.options)
            notebook.cells.append(cell)
            continue
        text = _EVAL.sub(lambda m: value(m[1]), piece.source)
        answers: list[tuple[str, str]] = []
        text = _EXERCISE.sub(lambda m, found=answers: _as_markdown(m[1], m[2], found), text)  # type: ignore[misc]
        text = _DIRECTIVE.sub(lambda m: directive(m["name"], m["rest"]), text)
        text = _ROLE.sub(lambda m: role(m["role"], m["text"]), text)
        text = _LABEL.sub(lambda m: f"\\tag{{{role('number', m[2])}}}\n$$", text)
        for part, stretch in enumerate(text.split(_ANSWER)):
            notebook.cells.append(nbformat.v4.new_markdown_cell(stretch.strip("\n"), id=f"text-{number}-{part}"))
            if part < len(answers):
                name, code = answers[part]
                notebook.cells.append(nbformat.v4.new_code_cell(code, id=anchor(name)))
    return notebook


_ANSWER: Final = "\x00answer\x00"  # where the cell for an answer goes


def _as_markdown(title: str, body: str, answers: list[tuple[str, str]]) -> str:
    """An exercise in plain Markdown. The cell in which it is answered and checked is added to ``answers``."""
    exercise = find(body.split(":id:", 1)[1].split()[0])
    starter = _STARTER.search(body)
    hints = "\n".join(
        f"<details><summary>Hint {number}</summary>\n\n{hint.strip()}\n\n</details>\n"
        for number, hint in enumerate(_HINT.findall(body), 1)
    )
    text = re.sub(r"^:id:.*\n", "", _HINT.sub("", _STARTER.sub("", body)), count=1, flags=re.M).strip()
    if isinstance(exercise, Quiz):
        text += "\n\n" + "\n".join(f"{number}. {option.text}" for number, option in enumerate(exercise.options, 1))
    if isinstance(exercise, Words):
        points = "\n".join(f"- {point}" for point in exercise.points)
        hints += f"\n<details><summary>Model answer</summary>\n\n{exercise.model}\n\n{points}\n\n</details>\n"
        return f"**Exercise: {title}**\n\n{text}\n\n{hints}"
    code = f"%%exercise {exercise.id}\n{starter[1].rstrip()}" if starter else f"%exercise {exercise.id} "
    answers.append((exercise.id, code))
    return f"**Exercise: {title}**\n\n{text}\n\n{hints}\n{_ANSWER}\n"
