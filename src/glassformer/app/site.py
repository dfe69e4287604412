"""Find the guide, execute its pages, build the site, and know when nothing has changed."""

import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import platformdirs

from glassformer.app.book import printed
from glassformer.app.book.source import Page, read_page

PACKAGE: Final = Path(__file__).parents[1]
CHECKOUT: Final = PACKAGE.parents[1]
_BUILT: Final = "built.json"


class SiteError(RuntimeError):
    """Something a person can mend: one sentence that says what to do."""


def guide_folder() -> Path:
    """The folder of the pages: ``guide/`` in a checkout, the copy inside the package where it was installed."""
    for folder in (CHECKOUT / "guide", PACKAGE / "_guide"):
        if (folder / "conf.py").exists():
            return folder
    raise SiteError("The pages of the guide are not installed. Clone the project and run `make read` there.")


def work_folder() -> Path:
    """Where built pages are kept: ``build/`` in a checkout, else the user's cache folder; ``GLASSFORMER_HOME`` wins.

    Raises ``SiteError`` if nothing can be written there.
    """
    chosen = os.environ.get("GLASSFORMER_HOME")
    if chosen:
        folder = Path(chosen).expanduser()
    elif (CHECKOUT / "guide" / "conf.py").exists():
        folder = CHECKOUT / "build"
    else:
        folder = Path(platformdirs.user_cache_dir("glassformer"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SiteError(
            f"Glassformer cannot write to {folder} ({error.strerror}). "
            "Set GLASSFORMER_HOME to a folder that you can write to, and try again."
        ) from error
    return folder


def pages() -> list[Page]:
    """Every page of the guide, by name."""
    root = guide_folder()
    skip = ("outputs", "_templates")
    files = [p for p in sorted(root.rglob("*.md")) if not p.relative_to(root).parts[0].startswith(skip)]
    return [read_page(path, root) for path in files]


def fingerprint() -> str:
    """The SHA-256 of everything a built page depends on: pages, stored outputs, the package and what builds them."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("sphinx", "myst-nb", "myst-parser", "furo", "sphinxcontrib-bibtex", "mini-racer"):
        digest.update(f"{name} {importlib.metadata.version(name)}".encode())
    for root in (guide_folder(), PACKAGE):
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def build(target: Path, *, outputs: Path | None = None, strict: bool = False) -> None:
    """Build the site into ``target`` from the outputs in ``outputs`` (default: those stored beside the pages).

    The new site takes the old one's place only when it is complete. Raises ``SiteError`` with Sphinx's own words if
    the build fails; with ``strict``, every warning is a failure.
    """
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    guide = guide_folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))  # two builds at once do not meet
    fresh, old = work / "fresh", work / "old"
    overrides = {"glassformer_outputs": str(outputs)} if outputs else None
    words = io.StringIO()
    try:
        with patch_docutils(str(guide)), docutils_namespace(), contextlib.redirect_stdout(io.StringIO()):
            app = Sphinx(
                guide, guide, fresh, work / "doctrees", "html", overrides, status=None, warning=words, freshenv=True
            )
            app.build()
        said = words.getvalue().strip()
        if app.statuscode or (strict and said):
            raise SiteError(f"The site was not built:\n{said}")
        if said:
            print(said, file=sys.stderr)
        for leftover in (".buildinfo", "objects.inv", "_sources"):
            path = fresh / leftover
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        _write_widgets(fresh / "_static" / "widgets")
        printed.join(fresh)
        (fresh / ".nojekyll").touch()
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write_widgets(folder: Path) -> None:
    source = PACKAGE / "glass" / "widgets"
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in (".js", ".css"):
        common = (source / f"common{suffix}").read_text("utf-8")
        for path in sorted(source.glob(f"*{suffix}")):
            if path.stem != "common" and "." not in path.stem:
                files = (*sorted(source.glob(f"{path.stem}.*{suffix}")), path)
                (folder / path.name).write_text(
                    "\n".join([common, *(file.read_text("utf-8") for file in files)]), "utf-8"
                )


def up_to_date_site(tell: Callable[[str], None] = lambda sentence: None) -> Path:
    """The built site, built anew only if something that it depends on has changed."""
    folder = work_folder()
    site, mark = folder / "read", folder / _BUILT
    now = fingerprint()
    with contextlib.suppress(OSError, ValueError):
        if json.loads(mark.read_text("utf-8")) == now and (site / "index.html").exists():
            return site
    tell("Building the pages from their stored outputs (about 10 seconds).")
    build(site)
    mark.write_text(json.dumps(now), "utf-8")
    return site
