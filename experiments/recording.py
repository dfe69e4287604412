"""What the experiments share: the hash of an experiment's code, a cache of finished parts, and the result file.

A result file is ``src/glassformer/data/recorded/NAME.json``; pages read it with ``glassformer.data.recorded(NAME)``.
"""

import ast
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
RECORDED = SOURCE / "glassformer" / "data" / "recorded"
CACHE = ROOT / "build" / "experiments"


def imported(tree: ast.AST) -> Iterator[Path]:
    """The files of the glassformer modules that ``tree`` imports, absolutely."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
        for name in names:
            path = SOURCE.joinpath(*name.split(".")).with_suffix(".py")
            if name.startswith("glassformer.") and path.exists():
                yield path


def canonical(node: Any) -> Any:
    """A syntax tree as nested lists: without comments, docstrings and positions, and the same in every Python.

    ``ast.dump`` would not do: what it leaves out, and which empty fields there are, differs between versions.
    """
    if isinstance(node, list):
        return [canonical(item) for item in node]
    if isinstance(node, ast.Constant):
        return ["Constant", repr(node.value)]
    if not isinstance(node, ast.AST):
        return node
    fields = dict(ast.iter_fields(node))
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    return [type(node).__name__, *([key, canonical(fields[key])] for key in sorted(fields) if fields[key])]


def code(script: Path) -> str:
    """SHA-256 of the code a result depends on: ``script`` and the glassformer modules it uses, directly or not.

    A data file that has a module's name and stands beside it (``plays.json.xz`` for ``plays.py``) counts as well.
    Comments, docstrings, layout and what is written about the data do not.
    """
    digest, waiting, seen = hashlib.sha256(), [script], {script}
    trees = {}
    while waiting:
        path = waiting.pop()
        trees[path] = ast.parse(path.read_text("utf-8"))
        new = set(imported(trees[path])) - seen
        seen |= new
        waiting += new
    for path in sorted(trees, key=lambda p: p.resolve().as_posix().removeprefix(ROOT.as_posix())):
        digest.update(path.name.encode() + json.dumps(canonical(trees[path])).encode())
        if path.is_relative_to(SOURCE):
            for data in sorted(path.parent.glob(f"{path.stem}.*")):
                digest.update(data.read_bytes() if data.suffix not in {".py", ".md", ".README"} else b"")
    return digest.hexdigest()


def resumed(script: Path, keys: list[str], compute: Callable[[str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """``compute(key)`` for each of ``keys``. What an interrupted run of the same code has finished is not redone."""
    CACHE.mkdir(parents=True, exist_ok=True)
    cache = CACHE / f"{script.stem}-{code(script)[:16]}.jsonl"
    done: dict[str, dict[str, Any]] = {}
    for line in cache.read_text("utf-8").splitlines() if cache.exists() else ():
        try:
            key, value = json.loads(line)
        except ValueError:  # the line at which the last run was cut off
            continue
        done[key] = value
    for number, key in enumerate(keys, start=1):
        if key not in done:
            done[key] = json.loads(json.dumps(compute(key)))
            with cache.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps([key, done[key]]))
        print(f"{number:3d} of {len(keys)}   {key}", flush=True)
    return {key: done[key] for key in keys}


def rounded(value: Any) -> Any:
    """``value`` with every float in it rounded to four digits after the point."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def write(script: Path, result: dict[str, Any]) -> Path:
    """Write the result file of ``script``: ``result``, rounded, and the hash of the code; one line for each entry.

    What ``resumed`` kept is removed, so that the next run starts anew.
    """
    RECORDED.mkdir(exist_ok=True)
    entries = {"code": code(script), **rounded(result)}
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries.items())
    path = RECORDED / f"{script.stem}.json"
    path.write_text("{\n" + lines + "\n}\n", "utf-8")
    for cache in CACHE.glob(f"{script.stem}-*.jsonl"):
        cache.unlink()
    return path
