"""Execute the pages: to store what they show, or to check that what is stored still follows."""

import hashlib
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path

from glassformer.app.book.execute import execute
from glassformer.app.book.source import Page
from glassformer.app.book.store import TOTAL_LIMIT, Run, differences, load, save
from glassformer.app.site import PACKAGE, SiteError, build, guide_folder, pages


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
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if total > TOTAL_LIMIT:
        raise SiteError(f"The stored outputs have {total:,} bytes in all; at most {TOTAL_LIMIT:,}.")
    return 0


def check(target: Path, tell: Callable[[str], None], *, changed: bool = False) -> int:
    """Execute every page from scratch, compare with what is stored, and build the site from the fresh outputs.

    The fresh outputs lie in ``target``'s neighbor ``executed``. With ``changed``, pages are left out that were executed
    there and have not changed since, nor has the package. Returns 1 if a stored output no longer follows.
    """
    fresh = target.parent / "executed"
    if not changed:
        shutil.rmtree(fresh, ignore_errors=True)
    found: list[str] = []
    for page in pages():
        if not page.cells:
            continue
        mark, now = fresh / f"{page.name}.sha256", _fingerprint(page)
        if not (mark.exists() and mark.read_text("utf-8") == now):
            began = time.perf_counter()
            run = execute(page, _progress(page.name, tell), load(page.name, guide_folder() / "outputs"))
            save(run, fresh)
            _say_skipped(page, run, tell)
            mark.write_text(now, "utf-8")
            tell(f"{page.name}: {len(page.cells)} cells executed in {time.perf_counter() - began:.0f} s")
        found += differences(page, load(page.name, guide_folder() / "outputs"), load(page.name, fresh))
    for sentence in found:
        tell(sentence)
    build(target, outputs=fresh.resolve(), strict=True)
    tell(f"The site is in {target}." if not found else f"{len(found)} stored outputs no longer follow: `make outputs`.")
    return 1 if found else 0


def _say_skipped(page: Page, run: Run, tell: Callable[[str], None]) -> None:
    if run.skipped:
        how = " ".join(sorted({name for cell in page.cells for name in cell.missing}))
        tell(f"{page.name}: {len(run.skipped)} cells keep what is stored; to run them: glassformer get {how}")


def _fingerprint(page: Page) -> str:
    """What the outputs of a page depend on: its source, the weights that are here, and the package."""
    missing = [name for cell in page.cells for name in cell.missing]
    digest = hashlib.sha256(repr((page, missing)).encode())
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in (".py", ".js", ".css", ".json"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _progress(name: str, tell: Callable[[str], None]) -> Callable[[int, int], None]:
    def cell(done: int, of: int) -> None:
        if done % 5 == 0 or done == of:
            tell(f"  {name}: cell {done} of {of}")

    return cell
