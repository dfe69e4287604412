"""The documents of the guide, the paths through them and their milestones, read from ``guide/paths.yml``.

That one file is what the home page, the table in the README and the page footers are made or checked from.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from glassformer.learn.exercises import exercises, find


@dataclass(frozen=True)
class Document:
    """One of the nine documents. ``ready`` says which part of it exists; it is empty for one in preparation."""

    page: str
    title: str
    purpose: str
    focus: str
    ready: str


@dataclass(frozen=True)
class Step:
    """A step of a path: what to read (``page``, and ``part`` of it, which begins ``at`` a page) and what it gives."""

    page: str
    part: str
    gives: str
    at: str = ""


@dataclass(frozen=True)
class Milestone:
    """What a reader can do at some point of a path: the exercises that earn it, and whether more are in preparation."""

    mark: str
    text: str
    by: tuple[str, ...]
    more: bool

    def state(self, passed: Collection[str], ticked: Collection[str]) -> str:
        """``earned`` by all its exercises, else ``ticked`` by hand, else ``open``."""
        if self.by and not self.more and all(name in passed for name in self.by):
            return "earned"
        return "ticked" if self.mark in ticked else "open"


@dataclass(frozen=True)
class LearningPath:
    """A learning path: its name, who it is for, its milestones, and its phases, each a name and steps in order."""

    id: str
    title: str
    reader: str
    phases: tuple[tuple[str, tuple[Step, ...]], ...]
    milestones: tuple[Milestone, ...]

    def steps(self) -> Iterator[Step]:
        """All steps in order."""
        for _, steps in self.phases:
            yield from steps


@dataclass(frozen=True)
class Question:
    """A question of the recommender. Each answer has its words and the points it gives to each path."""

    id: str
    text: str
    answers: tuple[tuple[str, Mapping[str, int]], ...]


@dataclass(frozen=True)
class Guide:
    """Everything that ``paths.yml`` says."""

    documents: tuple[Document, ...]
    paths: tuple[LearningPath, ...]
    questions: tuple[Question, ...]

    def document(self, page: str) -> Document:
        """The document named ``page``. Raises ``KeyError`` if there is none."""
        return {d.page: d for d in self.documents}[page]

    def pages(self) -> set[str]:
        """The names of all documents, ready or not."""
        return {d.page for d in self.documents}

    def path(self, name: str) -> LearningPath:
        """The path with the id ``name``. Raises ``ValueError`` that names those there are."""
        for path in self.paths:
            if path.id == name:
                return path
        raise ValueError(f"path ({name}) must be one of {', '.join(path.id for path in self.paths)}.")

    def recommend(self, answers: Mapping[str, int]) -> str:
        """The id of the path with the most points for ``answers`` (question id to the number of the answer).

        A tie goes to the earlier path: it asks for less.
        """
        points = {path.id: 0 for path in self.paths}
        for question in self.questions:
            for path, given in question.answers[answers[question.id]][1].items():
                points[path] += given
        return max(points, key=lambda path: points[path])


def load(folder: Path) -> Guide:
    """Read ``paths.yml`` in ``folder``.

    Raises ``ValueError`` if a step, a milestone or a question names what does not exist.
    """
    data: dict[str, Any] = yaml.safe_load((folder / "paths.yml").read_text("utf-8"))
    documents = tuple(
        Document(page, d["title"], d["purpose"], d["focus"], d.get("ready", ""))
        for page, d in data["documents"].items()
    )
    paths = tuple(
        LearningPath(
            name,
            path["title"],
            path["reader"],
            tuple(
                (phase, tuple(Step(s["page"], s.get("part", ""), s["gives"], s.get("at", "")) for s in steps))
                for phase, steps in path["phases"].items()
            ),
            tuple(
                Milestone(f"{name}:{mark}", m["text"], tuple(m.get("by", ())), m.get("more", not m.get("by")))
                for mark, m in path["milestones"].items()
            ),
        )
        for name, path in data["paths"].items()
    )
    questions = tuple(
        Question(name, q["text"], tuple((a["text"], a["points"]) for a in q["answers"]))
        for name, q in data["questions"].items()
    )
    guide = Guide(documents, paths, questions)
    for path in paths:
        for step in path.steps():
            if step.page not in guide.pages():
                raise ValueError(f"paths.yml: path {path.id!r} has a step {step.page!r}, which is no document.")
        for milestone in path.milestones:
            for name in milestone.by:
                find(name)  # or an error that suggests the nearest
    for question in questions:
        for _, points in question.answers:
            if unknown := points.keys() - {path.id for path in paths}:
                raise ValueError(f"paths.yml: question {question.id!r} gives points to {sorted(unknown)}, no path.")
    return guide


def exercises_on(page: str) -> list[str]:
    """The ids of the exercises on ``page`` and on the pages of its folder, in order."""
    taught = {name: exercise.teaches.split("#")[0] for name, exercise in exercises().items()}
    return [name for name, where in taught.items() if where == page or where.startswith(f"{page}/")]


def next_step(path: LearningPath, passed: Collection[str]) -> tuple[Step, str] | None:
    """The first step of ``path`` with an exercise that is not done yet, and that exercise; ``None`` if all are done."""
    for step in path.steps():
        for name in exercises_on(step.page):
            if name not in passed:
                return step, name
    return None


def tables(guide: Guide) -> tuple[str, str]:
    """The README's tables in Markdown: the paths with their steps, and the documents."""

    def name(page: str, at: str = "") -> str:
        return f"[`{page}`](guide/{at or page}.md)" if guide.document(page).ready else f"`{page}` (in preparation)"

    paths = ["| path | for whom | steps, in order |", "|---|---|---|"]
    for path in guide.paths:
        phases = [
            f"{phase}: " + " → ".join(name(s.page, s.at) + (f", {s.part}" if s.part else "") for s in steps)
            for phase, steps in path.phases
        ]
        paths.append(f"| {path.title} | {path.reader} | {'. '.join(phases)}. |")
    documents = ["| document | purpose | focus | ready |", "|---|---|---|---|"]
    for d in guide.documents:
        documents.append(f"| {name(d.page)} | {d.purpose} | {d.focus} | {d.ready or 'in preparation'} |")
    return "\n".join(paths), "\n".join(documents)
