"""A page as a notebook: for Sphinx with its stored outputs filled in, for a reader as a file to download."""

import re
from collections.abc import Callable
from typing import Any, Final

import nbformat

from glassformer.app.book.execute import FIGURE, WIDGET
from glassformer.app.book.source import LONG, Page, Piece
from glassformer.app.book.store import Output, Run

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
        cell.metadata["tags"] = [o for o in piece.options if o != "hide-input"] + ["hide-input"] * folded
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
_LABEL: Final = re.compile(r"^(\$\$) \(([\w.:-]+)\)$", re.M)


def to_download(page: Page, run: Run, role: Callable[[str, str], str], directive: Callable[[str, str], str]) -> Any:
    """The notebook that a reader downloads: it runs from top to bottom, without outputs.

    ``role(name, text)`` and ``directive(name, body)`` say in plain Markdown what stands in their place.
    """
    values = iter(run.evals)
    setup = nbformat.v4.new_code_cell("%load_ext glassformer.glass.notebook", id="setup")
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
        else:
            text = _EVAL.sub(lambda _: next(values)[1], piece.source)
            text = _DIRECTIVE.sub(lambda m: directive(m["name"], m["rest"]), text)
            text = _ROLE.sub(lambda m: role(m["role"], m["text"]), text)
            text = _LABEL.sub(lambda m: f"\\tag{{{role('number', m[2])}}}\n$$", text)
            cell = nbformat.v4.new_markdown_cell(text, id=f"text-{number}")
        notebook.cells.append(cell)
    return notebook
