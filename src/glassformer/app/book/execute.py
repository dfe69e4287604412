"""Execute a page from scratch: a fresh kernel, every cell in order, then the ``{eval}`` values where they stand."""

import ast
import re
import tempfile
from collections.abc import Callable
from typing import Any, Final

import nbformat
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from glassformer.app.book.source import Page, PageError, Piece, Solution
from glassformer.app.book.store import Output, Record, Run
from glassformer.learn.check import check

FIGURE: Final = "application/vnd.glassformer.figure+json"
WIDGET: Final = "application/vnd.glassformer.widget+json"
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CELL_SECONDS: Final = 240


def execute(page: Page, progress: Callable[[int, int], None] = lambda done, of: None, stored: Run | None = None) -> Run:
    """Execute ``page`` and return what it showed.

    A cell that needs weights which are not here keeps what ``stored`` has, and so do the values in sentences that come
    from such cells.

    Raises ``PageError`` with the file, the line and the traceback if a cell fails that is not meant to, if one that is
    meant to fail does not, if a cell writes to standard error, or if the solution of an exercise does not pass.
    """
    run, stored = Run(page.name), stored or Run(page.name)
    total = len(page.cells)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            nbformat.v4.new_notebook(),
            kernel_name="python3",
            timeout=CELL_SECONDS,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
            extra_arguments=["--ext=glassformer.glass.notebook", "--colors=nocolor", "--log-level=ERROR"],
        )
        with client.setup_kernel():
            for piece in page.pieces:
                if piece.missing:
                    run.skipped.append(piece.id)
                    run.records.append(Record(piece.id, piece.digest, _stored(page, piece, stored)))
                elif piece.is_cell:
                    outputs = _execute_cell(client, page, piece, len(run.records) - len(run.skipped))
                    run.records.append(Record(piece.id, piece.digest, outputs))
                    progress(len(run.records), total)
                else:
                    run.evals += _evaluate(client, page, piece, stored.evals[len(run.evals) :] if run.skipped else [])
    for solution in page.solutions:
        _check_solution(page, solution)
    return run


def _stored(page: Page, piece: Piece, stored: Run) -> list[Output]:
    outputs = stored.outputs_of(piece.id, piece.digest)
    if outputs is None:
        raise PageError(
            f"{page.name}.md:{piece.line}: cell {piece.id} was never executed and needs what is not on this machine: "
            f"glassformer get {' '.join(piece.missing)}"
        )
    return outputs


def _check_solution(page: Page, solution: Solution) -> None:
    """Hand a solution in, as a reader would. Raises ``PageError`` if it does not pass."""
    where = f"{page.name}.md:{solution.line}"
    try:
        verdict = check(solution.exercise, solution.source)
    except ValueError as error:
        raise PageError(f"{where}: {error}") from error
    if not verdict.passed:
        raise PageError(f"{where}: the solution does not pass.\n{verdict}")


def _execute_cell(client: Any, page: Page, piece: Piece, index: int) -> list[Output]:
    cell = nbformat.v4.new_code_cell(piece.source)
    cell.metadata["tags"] = ["raises-exception"] if "raises-exception" in piece.options else []
    client.nb.cells.append(cell)
    try:
        client.execute_cell(cell, index)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise PageError(f"{page.name}.md:{piece.line}: cell {piece.id} failed.\n{_ANSI.sub('', str(error))}") from error
    outputs = [_output(raw, page, piece) for raw in cell.outputs]
    if "raises-exception" in piece.options and not any("error" in output for output in outputs):
        raise PageError(f"{page.name}.md:{piece.line}: cell {piece.id} is meant to fail, but it does not.")
    return outputs


def _output(raw: Any, page: Page, piece: Piece) -> Output:
    """One Jupyter output in the stored form."""
    if raw.output_type == "stream":
        if raw.name == "stderr":
            raise PageError(f"{page.name}.md:{piece.line}: cell {piece.id} wrote to standard error:\n{raw.text}")
        return {"text": raw.text.rstrip("\n").split("\n")}
    if raw.output_type == "error":
        return {"error": [f"{raw.ename}: {raw.evalue}"]}
    data = raw.data
    if WIDGET in data:
        widget = data[WIDGET]
        return {key: widget[name] for key, name in (("widget", "module"), *((k, k) for k in ("alt", "state", "still")))}
    if FIGURE in data:
        if not data[FIGURE]["alt"]:
            raise PageError(f"{page.name}.md:{piece.line}: the figure of cell {piece.id} has no alternative text.")
        return {"figure": data["image/svg+xml"], **data[FIGURE]}
    if "text/html" in data:
        return {"html": data["text/html"].split("\n")}
    return {"text": data["text/plain"].split("\n")}


def _evaluate(client: Any, page: Page, piece: Piece, stored: list[tuple[str, str]]) -> list[tuple[str, str]]:
    expressions = piece.evals
    if not expressions:
        return []
    reply = run_sync(client.kc.execute_interactive)(
        "",
        store_history=False,
        user_expressions={str(i): f"str({expression})" for i, expression in enumerate(expressions)},
        timeout=CELL_SECONDS,
    )
    values = []
    for i, expression in enumerate(expressions):
        answer = reply["content"]["user_expressions"][str(i)]
        if answer["status"] != "ok" and answer["ename"] == "NameError" and expression in dict(stored[i : i + 1]):
            values.append((expression, stored[i][1]))
            continue
        if answer["status"] != "ok":
            raise PageError(
                f"{page.name}.md:{piece.line}: {{eval}} {expression} failed: {answer['ename']}: {answer['evalue']}"
            )
        values.append((expression, ast.literal_eval(answer["data"]["text/plain"])))
    return values
