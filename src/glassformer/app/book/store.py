"""Stored outputs: what each cell showed when it was last executed, in files that are small and read well in a diff.

``outputs/PAGE.json`` holds, cell by cell, the digest of the code, its text outputs as lines, the data behind its
figures, and the values of the ``{eval}`` roles. Pictures lie beside it as SVG files, ``outputs/PAGE/CELL.svg``. What an
interactive figure shows of a whole model is the same on many pages and lies once, in ``outputs/shared/DIGEST.json``.
"""

import contextlib
import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from glassformer.app.book.source import Page

Output = dict[str, Any]
"""One output. Its key says what it is: ``text``, ``html``, ``error``, ``figure`` (with ``alt``, ``data``) or ``widget``
(with ``alt``, ``state``, ``still``). Pictures are held as SVG text here and as file names on disk."""

PAGE_LIMIT: Final = 300_000
TOTAL_LIMIT: Final = 8_000_000
FIGURE_LIMIT: Final = 100_000
SHARED: Final = "shared"
SHARED_FROM: Final = 50_000  # characters of one value of a figure's state
_PICTURES: Final = ("figure", "still")


@dataclass
class Record:
    """What one cell showed: the digest of its code and its outputs."""

    id: str
    digest: str
    outputs: list[Output] = field(default_factory=list)


@dataclass
class Run:
    """What a page showed: a record for each cell and ``(expression, value)`` for each ``{eval}``, both in order.

    ``skipped`` names the cells that kept an earlier record, for want of what they need.
    """

    page: str
    records: list[Record] = field(default_factory=list)
    evals: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def outputs_of(self, cell_id: str, digest: str) -> list[Output] | None:
        """The outputs of a cell, or ``None`` if its code is not what was executed."""
        for record in self.records:
            if record.id == cell_id and record.digest == digest:
                return record.outputs
        return None


def save(run: Run, folder: Path) -> int:
    """Write ``run`` below ``folder`` and return the number of bytes. Pictures of earlier runs are removed.

    Raises ``ValueError`` if a figure, or the page as a whole, is over its limit.
    """
    pictures: dict[str, str] = {}
    shared: dict[str, str] = {}
    cells = []
    for record in run.records:
        outputs = []
        for number, output in enumerate(record.outputs):
            kept = dict(output)
            for kind in _PICTURES:
                if kind in kept:
                    file = f"{record.id}{f'-{number}' if number else ''}.svg"
                    pictures[file], kept[kind] = kept[kind], file
            if "state" in kept:
                kept["state"] = {name: _share(value, shared) for name, value in kept["state"].items()}
            outputs.append(kept)
        cells.append({"cell": record.id, "code": record.digest, "outputs": outputs})
    evals = [{"value": value, "of": expression} for expression, value in run.evals]
    text = json.dumps({"cells": cells, "evals": evals}, indent=1, ensure_ascii=False)
    # Lists of numbers on one line each. No string is touched: inside one, a line break is written \\n.
    text = re.sub(r"\[\n[^\[\]{}\"]*\]", lambda numbers: " ".join(numbers[0].split()), text) + "\n"
    for file, picture in pictures.items():
        if len(picture.encode()) > FIGURE_LIMIT:
            raise ValueError(
                f"{run.page}: the figure {file} has {len(picture.encode()):,} bytes; at most {FIGURE_LIMIT:,}."
            )
    size = len(text.encode()) + sum(len(picture.encode()) for picture in pictures.values())
    if size > PAGE_LIMIT:
        raise ValueError(f"{run.page}: the stored outputs have {size:,} bytes; at most {PAGE_LIMIT:,} a page.")
    target = folder / run.page
    for old in target.glob("*.svg"):  # not the folder: pages may lie in it, as those of ``transformers`` do
        old.unlink()
    with contextlib.suppress(OSError):  # not there, or not empty
        target.rmdir()
    for file, picture in pictures.items():
        target.mkdir(parents=True, exist_ok=True)
        (target / file).write_text(picture + "\n", "utf-8")
    path = folder / f"{run.page}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    for digest, value in shared.items():
        (folder / SHARED).mkdir(exist_ok=True)
        (folder / SHARED / f"{digest}.json").write_text(value + "\n", "utf-8")
    return size


def _share(value: Any, shared: dict[str, str]) -> Any:
    """``value``, or if it is large, the name under which it is put into ``shared``."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) < SHARED_FROM:
        return value
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    shared[digest] = text
    return {SHARED: digest}


def _unshare(value: Any, folder: Path) -> Any:
    if isinstance(value, dict) and value.keys() == {SHARED}:
        return json.loads((folder / SHARED / f"{value[SHARED]}.json").read_text("utf-8"))
    return value


def prune(folder: Path) -> None:
    """Remove the shared values that no stored page names any more."""
    named = "".join(path.read_text("utf-8") for path in folder.rglob("*.json") if path.parent.name != SHARED)
    for path in (folder / SHARED).glob("*.json"):
        if path.stem not in named:
            path.unlink()


def load(page: str, folder: Path) -> Run:
    """Read the stored run of ``page``; a page that was never executed gives an empty run."""
    path = folder / f"{page}.json"
    if not path.exists():
        return Run(page)
    data = json.loads(path.read_text("utf-8"))
    records = []
    for cell in data["cells"]:
        for output in cell["outputs"]:
            for kind in _PICTURES:
                if kind in output:
                    output[kind] = (folder / page / output[kind]).read_text("utf-8").rstrip("\n")
            if "state" in output:
                output["state"] = {name: _unshare(value, folder) for name, value in output["state"].items()}
        records.append(Record(cell["cell"], cell["code"], cell["outputs"]))
    return Run(page, records, [(entry["of"], entry["value"]) for entry in data["evals"]])


def differences(page: Page, stored: Run, fresh: Run) -> list[str]:
    """Where a fresh run no longer gives what is stored, a sentence each; an empty list means that it still follows.

    Numbers agree to a relative 1e-3, words exactly, figures by the data behind them. Cells tagged ``varies`` are held
    to the kind of output only.
    """
    found = []
    options = {cell.id: cell.options for cell in page.cells}
    if [(r.id, r.digest) for r in stored.records] != [(r.id, r.digest) for r in fresh.records]:
        return [f"{page.name}: the stored outputs belong to other cells than the page has. Run `make outputs`."]
    for old, new in zip(stored.records, fresh.records, strict=True):
        if "varies" in options[old.id]:
            kinds = [sorted(o) for o in old.outputs], [sorted(o) for o in new.outputs]
            if kinds[0] != kinds[1]:
                found.append(f"{page.name}, cell {old.id}: shows other kinds of output than before.")
            continue
        ours, theirs = ([_comparable(o) for o in record.outputs] for record in (old, new))
        found += [f"{page.name}, cell {old.id}: {where}" for where in _compare(ours, theirs, "output")]
    if [e for e, _ in stored.evals] != [e for e, _ in fresh.evals]:
        found.append(f"{page.name}: the stored {{eval}} values belong to other expressions. Run `make outputs`.")
    else:
        for (expression, old_value), (_, new_value) in zip(stored.evals, fresh.evals, strict=True):
            if not same_text(old_value, new_value):
                found.append(f"{page.name}, {{eval}} {expression}: stored {old_value!r}, now {new_value!r}.")
    return found


def _comparable(output: Output) -> Output:
    return {key: value for key, value in output.items() if key not in _PICTURES}


_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def same_text(old: str, new: str) -> bool:
    """Whether two texts have the same words, and numbers that agree to a relative 1e-3."""
    if _NUMBER.sub("#", old) != _NUMBER.sub("#", new):
        return False
    pairs = zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True)
    return all(same_number(float(a), float(b)) for a, b in pairs)


def same_number(old: float, new: float) -> bool:
    """Whether two numbers agree to a relative 1e-3. Below 1e-7, the rounding of float32, both count as zero."""
    return math.isclose(old, new, rel_tol=1e-3, abs_tol=1e-7) or (math.isnan(old) and math.isnan(new))


def _compare(old: Any, new: Any, where: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from _compare(old[key], new[key], f"{where}, {key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _compare(a, b, f"{where} {index + 1}")
    elif isinstance(old, bool) or isinstance(new, bool) or old is None or new is None:
        if old is not new:
            yield f"{where}: stored {old!r}, now {new!r}."
    elif isinstance(old, int | float) and isinstance(new, int | float):
        if not same_number(old, new):
            yield f"{where}: stored {old!r}, now {new!r}."
    elif not (isinstance(old, str) and isinstance(new, str) and same_text(old, new)):
        yield f"{where}: stored {_short(old)}, now {_short(new)}."


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 160 else text[:157] + "…"
