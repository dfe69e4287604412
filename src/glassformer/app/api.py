"""What the pages ask the server for: their kernel, the reader's edits, and progress. Every answer is JSON.

All of it stands behind the server's own token, cookie, ``Origin`` and XSRF checks.
"""

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final

from jupyter_server.base.handlers import APIHandler
from tornado import web

from glassformer.app.kernels import BusyError, Kernels
from glassformer.app.site import guide_folder
from glassformer.checkpoint.fetch import SOURCES, cached
from glassformer.learn.check import check
from glassformer.learn.exercise import Code
from glassformer.learn.exercises import find
from glassformer.learn.paths import load
from glassformer.learn.progress import Progress, ProgressError

LONGEST: Final = 1_000_000
LONGEST_EXPORT: Final = 50_000_000


def _answers(method: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
    """Ask for the token, run ``method``, and send what it returns. What a reader can mend becomes one sentence."""

    @web.authenticated
    @wraps(method)
    async def wrapped(self: "GuideHandler", *arguments: str) -> None:
        try:
            result = method(self, *arguments)
            if isinstance(result, Awaitable):
                result = await result
        except BusyError as error:
            self.set_status(503)
            result = {"message": str(error), "wait": error.wait}
        except ProgressError as error:
            self.set_status(507)
            result = {"message": str(error)}
        except (ValueError, KeyError, TypeError) as error:
            self.set_status(400)
            result = {"message": str(error)}
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(result))

    return wrapped  # type: ignore[return-value]


class GuideHandler(APIHandler):  # type: ignore[misc]
    """The base of all of them."""

    def initialize(self, kernels: Kernels) -> None:
        """``kernels`` of the pages."""
        self.kernels = kernels

    def body(self, *names: str, longest: int = LONGEST) -> list[Any]:
        """The fields ``names`` of the request. Raises ``ValueError`` if it is too long, no object, or lacks one."""
        if len(self.request.body) > longest:
            raise ValueError(f"The request has {len(self.request.body):,} bytes; at most {longest:,} are taken.")
        try:
            data = json.loads(self.request.body)
            return [data[name] for name in names] if names else [data]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"The request must be a JSON object with {', '.join(names) or 'an export'}.") from error


class KernelHandler(GuideHandler):
    """``/kernels/PAGE``: the page's kernel."""

    @_answers
    def get(self, page: str) -> Any:
        """Its id, or ``null`` and why it is gone."""
        return {"id": self.kernels.get(page), "why": self.kernels.why_gone.get(page, "")}

    @_answers
    async def post(self, page: str) -> Any:
        """Start it, or find it."""
        return {"id": await self.kernels.start(page)}

    @_answers
    async def put(self, page: str) -> Any:
        """Start it afresh, whatever it is doing."""
        await self.kernels.restart(page)
        return {"id": self.kernels.get(page)}


class WeightsHandler(GuideHandler):
    """``/weights/NAME``: whether published weights are on this machine."""

    @_answers
    def get(self, name: str) -> Any:
        """``here``, and what they are and how much would be fetched."""
        here = cached(name) is not None  # refuses a name that is not known
        source = SOURCES[name]
        return {"here": here, "about": source.about, "megabytes": round(source.size / 1e6)}


class EditsHandler(GuideHandler):
    """``/edits/PAGE``: the reader's own versions of a page's cells."""

    @_answers
    def get(self, page: str) -> Any:
        """All of them."""
        return Progress().edits(page)


class EditHandler(GuideHandler):
    """``/edits/PAGE/CELL``: one of them."""

    @_answers
    def put(self, page: str, cell: str) -> Any:
        """Keep one."""
        digest, source = self.body("digest", "source")
        Progress().edit(page, cell, str(digest), str(source))
        return {}

    @_answers
    def delete(self, page: str, cell: str) -> Any:
        """Back to the original."""
        Progress().forget_edit(page, cell, str(self.body("digest")[0]))
        return {}


class ProgressHandler(GuideHandler):
    """``/progress``: what the reader has done; a POST adds an export to it."""

    @_answers
    def get(self) -> Any:
        """The summary."""
        return Progress().summary()

    @_answers
    def post(self) -> Any:
        """Add an export."""
        added = Progress().merge(self.body(longest=LONGEST_EXPORT)[0])
        return {"added": added}

    @_answers
    def delete(self) -> Any:
        """The notice about a damaged file has been read."""
        Progress().dismiss_notice()
        return {}


class ExportHandler(GuideHandler):
    """``/progress.json``: everything, to keep or to take elsewhere."""

    @_answers
    def get(self) -> Any:
        """The export."""
        self.set_header("Content-Disposition", 'attachment; filename="glassformer-progress.json"')
        return Progress().export()


class AnswerHandler(GuideHandler):
    """``/answers``: an answer that is a number, a choice or words. Code is checked in the page's kernel."""

    @_answers
    def post(self) -> Any:
        """Check it here as well, and keep the verdict: the page's word is not taken for it."""
        name, answer = self.body("exercise", "answer")
        if isinstance(find(str(name)), Code):
            raise ValueError(f"{name} is answered in code, which the page's kernel checks.")
        verdict = check(str(name), answer)
        Progress().record(verdict, answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
        return {"passed": verdict.passed, "sentences": verdict.sentences}


class MarkHandler(GuideHandler):
    """``/ticks/MARK`` and ``/path``: what the reader sets by hand."""

    @_answers
    def put(self, mark: str | None = None) -> Any:
        """Tick or untick; without a mark, choose the learning path."""
        if mark is None:
            Progress().choose(load(guide_folder()).path(str(self.body("path")[0])).id)
        else:
            Progress().tick(mark, bool(self.body("on")[0]))
        return {}


def handlers(kernels: Kernels) -> list[tuple[str, type[GuideHandler], dict[str, Any]]]:
    """The routes, below the server's base address."""
    routes = {
        r"/glassformer/kernels/([\w/-]+)": KernelHandler,
        r"/glassformer/weights/([\w-]+)": WeightsHandler,
        r"/glassformer/edits/([\w/-]+)/([\d.]+-\d+|[a-z]\w*\.[\w-]+)": EditHandler,
        r"/glassformer/edits/([\w/-]+)": EditsHandler,
        r"/glassformer/progress": ProgressHandler,
        r"/glassformer/progress\.json": ExportHandler,
        r"/glassformer/answers": AnswerHandler,
        r"/glassformer/ticks/([\w.:-]+)": MarkHandler,
        r"/glassformer/path": MarkHandler,
    }
    return [(route, handler, {"kernels": kernels}) for route, handler in routes.items()]
