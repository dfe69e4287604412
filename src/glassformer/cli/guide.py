"""The commands about the guide: read, build, outputs, check, progress."""

import argparse
import difflib
from pathlib import Path
from typing import Any

from glassformer.cli.tell import tell


def add(commands: Any) -> None:
    """Add these commands to the parser."""
    read = commands.add_parser("read", help="open the guide in your browser")
    read.add_argument("page", nargs="?", default="index", help="the page to open first, such as nn_intro")
    read.add_argument("--port", type=int, default=0, help="the port to use (default: a free one)")
    read.add_argument("--no-browser", action="store_true", help="print the address only")
    read.set_defaults(run=_read)
    build = commands.add_parser("build", help="export the pages for any static web host")
    build.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder")
    build.set_defaults(run=_build)
    outputs = commands.add_parser("outputs", help="execute the pages and store what they show (for authors)")
    outputs.add_argument("pages", nargs="*", help="pages to execute (default: all)")
    outputs.add_argument(
        "--check", type=Path, metavar="OUT", help="compare with what is stored and build the site there"
    )
    outputs.add_argument(
        "--changed", action="store_true", help="with --check: leave out pages that have not changed since"
    )
    outputs.set_defaults(run=_outputs)
    check = commands.add_parser("check", help="check an answer to an exercise; without one, list them")
    check.add_argument("exercise", nargs="?", help="the exercise, such as nn.neuron")
    check.add_argument("answer", nargs="*", help="a file with your code, a number with its unit, or a choice")
    check.set_defaults(run=_check)
    progress = commands.add_parser("progress", help="what you have done so far")
    progress.add_argument("--export", type=Path, metavar="FILE", help="write everything to FILE as JSON")
    progress.add_argument("--import", type=Path, metavar="FILE", dest="merge", help="add what FILE holds")
    progress.add_argument("--path", help="choose the learning path you follow: beginner, practitioner or research")
    progress.set_defaults(run=_progress)


def _known(name: str) -> str:
    """``name`` if it is a page. Raises ``ValueError`` that suggests the nearest."""
    from glassformer.app.site import pages

    names = [page.name for page in pages()]
    name = name.removesuffix(".md").removesuffix(".html")
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, 1, 0.5)
    raise ValueError(
        f"There is no page {name!r}. "
        + (f"Did you mean {near[0]!r}?" if near else f"The pages are: {', '.join(names)}.")
    )


def _read(options: argparse.Namespace) -> int:
    from glassformer.app import install
    from glassformer.app.server import free_port, serve
    from glassformer.app.site import up_to_date_site, work_folder

    page = _known(options.page)
    free_port(options.port)
    site = up_to_date_site(tell)
    job = install.start()
    if job:
        tell("PyTorch is being installed in the background, for running cells. Reading needs none of it.")
    try:
        serve(site, work_folder() / "server", page, options.port, not options.no_browser, tell)
    finally:
        if job and install.stop(job):
            tell("The installation of PyTorch was stopped; the next start goes on with it.")
    return 0


def _build(options: argparse.Namespace) -> int:
    from glassformer.app.site import build

    out: Path = options.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is not empty, and nothing in it is overwritten. Name a new or an empty folder.")
    build(out)
    tell(f"The pages are in {out}. Any static web host can serve them; try: python -m http.server -d {out}")
    return 0


def _outputs(options: argparse.Namespace) -> int:
    from glassformer.app import publish

    names = [_known(name) for name in options.pages]
    if options.check:
        return publish.check(options.check, tell, changed=options.changed)
    return publish.store(names, tell)


def _check(options: argparse.Namespace) -> int:
    from glassformer.learn.check import check
    from glassformer.learn.exercise import Code, Words
    from glassformer.learn.exercises import exercises, find
    from glassformer.learn.progress import keep

    if options.exercise is None:
        for known in exercises().values():
            tell(f"{known.id:28} {type(known).__name__.lower()}")
        return 0
    exercise = find(options.exercise)
    if isinstance(exercise, Words):
        raise ValueError(f"{exercise.id} is answered in words: compare with the model answer on the page.")
    answer = " ".join(options.answer)
    if not answer:
        wanted = "a file with your code" if isinstance(exercise, Code) else "your answer"
        raise ValueError(f"{exercise.id} needs {wanted}: glassformer check {exercise.id} ANSWER")
    if isinstance(exercise, Code):
        answer = Path(answer).read_text("utf-8")
    verdict = check(exercise.id, answer)
    keep(verdict, answer, tell)
    tell(str(verdict))
    return 0 if verdict.passed else 1


def _progress(options: argparse.Namespace) -> int:
    import json

    from glassformer.app.site import guide_folder
    from glassformer.learn.paths import load
    from glassformer.learn.progress import Progress
    from glassformer.learn.report import report

    progress = Progress()
    if options.export:
        with options.export.open("x", encoding="utf-8") as file:  # nothing is overwritten
            json.dump(progress.export(), file, indent=1, ensure_ascii=False)
        tell(f"Your progress is in {options.export}.")
        return 0
    if options.merge:
        tell(f"{progress.merge(_json(options.merge))} new attempts were added.")
        return 0
    guide = load(guide_folder())
    if options.path:
        progress.choose(guide.path(options.path).id)
    for line in report(progress.summary(), guide):
        tell(line)
    return 0


def _json(path: Path) -> object:
    """What the file holds. Raises ``ValueError`` with one sentence if it is no JSON."""
    import json

    try:
        return json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is no export of Glassformer's progress: it is no JSON. Nothing is changed."
        ) from error
