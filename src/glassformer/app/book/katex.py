"""Formulas as HTML, made while the book is built, so that a page needs no script and no other host for its maths."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

VENDOR: Final = Path(__file__).parent / "vendor" / "katex.min.js"
MACROS: Final = {r"\R": r"\mathbb{R}", r"\T": r"^{\mathsf T}"}
_ANNOTATION: Final = re.compile(r"<annotation.*?</annotation>", re.S)


class FormulaError(ValueError):
    """A formula that KaTeX cannot read."""


@cache
def _engine() -> Any:
    # V8 does not survive a fork: it starts at the first formula, in the process that resolves the pages.
    from py_mini_racer import MiniRacer

    engine = MiniRacer()
    engine.eval(VENDOR.read_text("utf-8"))
    engine.eval(
        "function render(source, displayMode, macros) {"
        " const options = {displayMode, macros, throwOnError: true, strict: 'error'};"
        " try { return {html: katex.renderToString(source, options)} }"
        " catch (error) { return {error: String(error.message)} } }"
    )
    return engine


@cache
def render(source: str, display: bool = False) -> str:
    """The formula ``source`` as HTML with MathML for screen readers. Raises ``FormulaError`` with KaTeX's message.

    The TeX annotation is left out: the search would find every formula twice.
    """
    result = dict(_engine().call("render", source, display, MACROS))
    if "error" in result:
        raise FormulaError(result["error"])
    return _ANNOTATION.sub("", result["html"])
