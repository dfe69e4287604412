"""The module of an interactive figure, run in V8."""

import json
import re
from collections.abc import Callable
from typing import Any

from py_mini_racer import MiniRacer

from glassformer.glass.widgets import module_source


def evaluator(name: str) -> Callable[[str], Any]:
    """What gives the value of an expression in which the names of the figure's module are known."""
    racer = MiniRacer()
    racer.eval(re.sub(r"^export .*$", "", module_source(name), flags=re.M))
    return lambda expression: json.loads(racer.eval(f"JSON.stringify({expression})"))
