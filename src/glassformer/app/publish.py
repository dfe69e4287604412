"""Execute the pages: to store what they show, or to check that what is stored still follows."""

import shutil
import subprocess
import time
from collections.abc import Callable, Collection
from pathlib import Path

from glassformer.app.book.execute import execute
from glassformer.app.book.source import Page
from glassformer.app.book.store import TOTAL_LIMIT, Run, differences, load, prune, save
from glassformer.app.site import SiteError, build, guide_folder, pages


def store(names: Collection[str], tell: Callable[[str], None]) -> int:
    """Execute the pages ``names`` (all, if there are none) and write their outputs beside them."""
    folder = guide_folder() / "outputs"
    for page in pages():
        if page.cells and (not names or page.name in names):
            began = time.perf_counter()
            run = execute(page, _progress(page.name, tell), load(page.name, folder))
            size = save(run, folder)
            tell(f"{page.name}: {len(page.cells)} cells, {size / 1000:.0f} kB, {time.perf_counter() - began:.0f} s")
            _say_skipped(page, run, tell)
    prune(folder)
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if total > TOTAL_LIMIT:
        raise SiteError(f"The stored outputs have {total:,} bytes in all; at most {TOTAL_LIMIT:,}.")
    return 0


def check(target: Path, tell: Callable[[str], None], *, changed: bool = False) -> int:
    """Execute every page from scratch, compare with what is stored, and build the site from the fresh outputs.

    The fresh outputs lie in ``target``'s neighbor ``executed``. With ``changed``, only pages are executed whose source
    or stored outputs git says were touched, and the others keep what is stored; what a change of the package does to
    them, the full check says. Returns 1 if a stored output no longer follows.
    """
    fresh, stored = target.parent / "executed", guide_folder() / "outputs"
    shutil.rmtree(fresh, ignore_errors=True)
    touched = _touched() if changed else None
    found: list[str] = []
    for page in pages():
        if not page.cells:
            continue
        kept = load(page.name, stored)
        if touched is not None and page.name not in touched:
            save(kept, fresh)
            continue
        began = time.perf_counter()
        run = execute(page, _progress(page.name, tell), kept)
        save(run, fresh)
        _say_skipped(page, run, tell)
        tell(f"{page.name}: {len(page.cells)} cells executed in {time.perf_counter() - began:.0f} s")
        found += differences(page, kept, load(page.name, fresh))
    for sentence in found:
        tell(sentence)
    build(target, outputs=fresh.resolve(), strict=True)
    tell(f"The site is in {target}." if not found else f"{len(found)} stored outputs no longer follow: `make outputs`.")
    return 1 if found else 0


def _touched() -> set[str]:
    """The pages whose source or stored outputs are not as they were committed."""
    names: set[str] = set()
    for command in ("diff --name-only --relative HEAD", "ls-files --others --exclude-standard"):
        done = subprocess.run(["git", *command.split()], cwd=guide_folder(), capture_output=True, text=True, check=True)
        names |= {line.removeprefix("outputs/") for line in done.stdout.splitlines()}
    return {part for name in names for part in (name.rpartition(".")[0], name.rpartition("/")[0])}


def _say_skipped(page: Page, run: Run, tell: Callable[[str], None]) -> None:
    if run.skipped:
        how = " ".join(sorted({name for cell in page.cells for name in cell.missing}))
        tell(f"{page.name}: {len(run.skipped)} cells keep what is stored; to run them: glassformer get {how}")


def _progress(name: str, tell: Callable[[str], None]) -> Callable[[int, int], None]:
    def cell(done: int, of: int) -> None:
        if done % 5 == 0 or done == of:
            tell(f"  {name}: cell {done} of {of}")

    return cell
