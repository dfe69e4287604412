"""Check an answer in a notebook, with ``%exercise`` and ``%%exercise``: ``%load_ext glassformer.learn.notebook``."""

from dataclasses import asdict
from typing import Any, Final

from glassformer.learn.check import check
from glassformer.learn.progress import keep

MIME: Final = "application/vnd.glassformer.verdict+json"


def load_ipython_extension(shell: Any) -> None:
    """Register ``%exercise ID ANSWER`` for a number or a choice and ``%%exercise ID`` above code."""

    def exercise(line: str, cell: str | None = None) -> None:
        name, _, answer = line.strip().partition(" ")
        if cell is None and not answer:
            print(f"Write your answer behind the name: %exercise {name} ANSWER")
            return
        try:
            verdict = check(name, answer if cell is None else cell)
        except ValueError as error:
            print(error)
            return
        shell.display_pub.publish({"text/plain": str(verdict), MIME: asdict(verdict)})
        keep(verdict, answer if cell is None else cell, print)
        if cell is not None and verdict.passed:
            shell.run_cell(cell)  # a function that is right can be used from here on

    shell.register_magic_function(exercise, "line_cell", "exercise")
