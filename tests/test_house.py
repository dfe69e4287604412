"""The rules of the house that a machine can hold: who imports whom, and how many switches a part may have."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "glassformer"
MODULES = sorted(SOURCE.rglob("*.py"))

# Imports run downward only. Packages of one floor do not know each other.
FLOORS = [
    {"data"},
    {"parts", "tokenize"},
    {"models"},
    {"checkpoint", "objectives", "generate", "adapt", "evaluate", "glass"},
    {"hub", "catalog"},
    {"train", "search"},
    {"learn"},
    {"app"},
    {"cli"},
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
EXCEPTIONS: set[tuple[str, str]] = set()  # (importer, imported), each with its reason beside it


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield f"{node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "glassformer")


def package_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "glassformer" and len(parts) > 1 and parts[1] in FLOOR else None


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_imports_run_downward(path: Path) -> None:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    if parts in {("__init__",), ("__main__",)}:
        return  # the first names the app to Jupyter Server when asked; the second is the command
    own = parts[0]
    assert own in FLOOR, f"{own} has no floor: give it one in this test and in house rules"
    for name in imported(path):
        other = package_of(name)
        if other is None or other == own or (own, other) in EXCEPTIONS:
            continue
        assert FLOOR[other] < FLOOR[own], f"{path.name} imports {name}: {own} may not know {other}"
        if other == "models" and FLOOR[own] == 3:
            assert name == "glassformer.models" or parts[:2] == ("checkpoint", "families"), (
                f"{path.name} imports {name}: {own} knows the models' interface, never a particular model"
            )


def test_importing_the_package_does_no_work() -> None:
    import subprocess
    import sys

    code = "import sys, glassformer.cli; print(sorted(set(sys.modules) & {'torch', 'numpy', 'matplotlib', 'sphinx'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


CEILING_SWITCHES, CEILING_BRANCHES = 3, 4
CHOOSES = re.compile(r"\b(bool|str|Literal)\b")


def switches(init: ast.FunctionDef) -> list[str]:
    """Arguments that choose behavior: booleans, names and alternatives. Sizes are free, parts are parts."""
    arguments = [*init.args.posonlyargs, *init.args.args, *init.args.kwonlyargs]
    return [a.arg for a in arguments if a.annotation is not None and CHOOSES.search(ast.unparse(a.annotation))]


def problems(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for method in (item for item in node.body if isinstance(item, ast.FunctionDef)):
            where = f"{node.name}.{method.name}"
            if method.args.kwarg:
                yield f"{where} passes **{method.args.kwarg.arg} through"
            if method.name == "__init__" and len(switches(method)) > CEILING_SWITCHES:
                yield f"{where} has the switches {switches(method)}"
            if method.name == "forward":
                inner = list(ast.walk(method))
                branches = [n for n in inner if isinstance(n, ast.If | ast.IfExp | ast.Match)]
                if len(branches) > CEILING_BRANCHES:
                    yield f"{where} has {len(branches)} branches"
                for call in inner:
                    name = call.func if isinstance(call, ast.Call) else None
                    if isinstance(name, ast.Name) and name.id in ("isinstance", "hasattr", "getattr"):
                        yield f"{where} asks what it was given with {name.id}"


@pytest.mark.parametrize("folder", ["parts", "models"])
def test_parts_have_few_switches(folder: str) -> None:
    for path in sorted((SOURCE / folder).glob("*.py")):
        assert not list(problems(ast.parse(path.read_text("utf-8")))), path.name


def test_the_counter_counts() -> None:
    bad = """
class Part:
    def __init__(self, a: bool, b: str, c: bool | None, d: "Literal[1, 2]", size: int, **rest): ...
    def forward(self, x):
        if x: return 1 if x else 2
        if isinstance(x, int): pass
        if x: pass
        if x: pass
"""
    assert len(list(problems(ast.parse(bad)))) == 4
