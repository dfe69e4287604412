"""The process that runs a reader's code: it reads a task on standard input and says its verdict on one line.

What the reader's code prints is caught, at most ``PRINTED`` characters of it. The names that it sees are those that the
exercise gives and its own.
"""

import contextlib
import copy
import faulthandler
import importlib
import inspect
import io
import json
import os
import random
import sys
import traceback
from pathlib import Path
from typing import Any, Final

from glassformer.learn.exercise import Code
from glassformer.learn.exercises import find
from glassformer.learn.result import Flat, equal, first_difference, flatten, shapes

PRINTED: Final = 2000
SEEDS: Final = 5
FILE: Final = "<your code>"


class NotYetError(Exception):
    """The answer is not right; the argument is the sentence that says why."""


class FailedError(NotYetError):
    """The reader's function raised an error; the argument says which, and in which line."""


class _Limited(io.StringIO):
    """Keeps the first ``PRINTED`` characters and forgets the rest."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, PRINTED - self.tell())])
        return len(text)


def run(exercise: Code, source: str) -> dict[str, Any]:
    """The verdict on ``source`` as a dictionary: ``passed``, ``sentences``, ``mistake``, ``printed``."""
    printed = _Limited()
    passed, sentences, mistake = False, [], ""
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            function = _define(exercise, source)
            calls = [exercise.inputs(random.Random(seed)) for seed in range(SEEDS)]
            got, failures = _results(exercise, function, calls)
            wanted = [flatten(exercise.reference(*copy.deepcopy(inputs))) for inputs in calls]
        passed = all(equal(a, b) for a, b in zip(got, wanted, strict=True))
        if passed:
            sentences = [f"It agrees with the reference on {SEEDS} random inputs."]
        elif failures:
            mistake = _name(exercise, calls, got)
            sentences = [s for s in (mistake, failures[0]) if s]
        else:
            mistake = _name(exercise, calls, got)
            known = mistake or "It is none of the mistakes that are known here."
            results = [result for result in got if result is not None]  # none has failed
            difference = first_difference(exercise.axes, results, wanted, calls)
            sentences = [s for s in (known, shapes(results, wanted), difference) if s]
    except NotYetError as problem:
        sentences = [str(problem)]
    return {"passed": passed, "sentences": sentences, "mistake": mistake, "printed": printed.getvalue()}


def _define(exercise: Code, source: str) -> Any:
    """The reader's function. Raises ``NotYetError`` if the code is no Python, fails, or does not define it."""
    try:
        code = compile(source, FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = f"Line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else "This"
        where = f": {error.text.strip()}" if isinstance(error, SyntaxError) and error.text else "."
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise NotYetError(f"{line} is not Python yet ({message}){where}") from None
    names: dict[str, Any] = {name: importlib.import_module(name) for name in exercise.given}
    names["__name__"] = "answer"
    try:
        exec(code, names)
    except BaseException as error:
        raise NotYetError(f"Your code failed before {exercise.function} was called. {_where(error)}") from None
    function = names.get(exercise.function)
    if not callable(function):
        raise NotYetError(f"Your code defines no function {exercise.function}. It must have exactly this name.")
    return function


def _results(exercise: Code, function: Any, calls: list[tuple[Any, ...]]) -> tuple[list[Flat | None], list[str]]:
    """What the reader's function gives for each of the ``calls``, ``None`` where it fails, and how it failed."""
    got: list[Flat | None] = []
    failures = []
    for number, inputs in enumerate(calls):
        # Every further call would print the same again.
        with contextlib.redirect_stdout(_Limited()) if number else contextlib.nullcontext():
            try:
                got.append(_flat(exercise, _call(exercise, function, inputs)))
            except FailedError as problem:
                got.append(None)
                failures.append(str(problem))
    return got, failures


def _call(exercise: Code, function: Any, inputs: tuple[Any, ...]) -> Any:
    arguments = list(inspect.signature(exercise.reference).parameters)
    try:
        inspect.signature(function).bind(*inputs)
    except (TypeError, ValueError):
        raise NotYetError(
            f"{exercise.function} is called with {len(arguments)} arguments, {', '.join(arguments)}, "
            "and yours cannot take them."
        ) from None
    try:
        return function(*copy.deepcopy(inputs))
    except BaseException as error:
        raise FailedError(f"{exercise.function} failed. {_where(error)}") from None


def _where(error: BaseException) -> str:
    """The error in a sentence, with the line of the reader's code that it came from."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    at = f"Line {lines[-1]}: " if lines else ""
    hint = " The check sees this code alone, nothing else of the page." if isinstance(error, NameError) else ""
    return f"{at}{type(error).__name__}: {error}.{hint}".replace("..", ".")


def _known(function: Any, inputs: tuple[Any, ...]) -> Flat | None:
    """What a mistake gives, or ``None`` if it fails on these inputs."""
    try:
        return flatten(function(*copy.deepcopy(inputs)))
    except Exception:
        return None


def _flat(exercise: Code, value: Any) -> Flat:
    if value is ...:
        raise NotYetError("The three dots are still there. Put your own code in their place.")
    if value is None:
        raise NotYetError(f"{exercise.function} gives nothing back. Is there a return in it?")
    try:
        return flatten(value)
    except Exception:
        raise NotYetError(
            f"{exercise.function} gives back a {type(value).__name__} that cannot be read; "
            "numbers, or lists of equal length, are wanted."
        ) from None


def _name(exercise: Code, calls: list[tuple[Any, ...]], got: list[Flat | None]) -> str:
    """The known mistake that gives exactly what the reader's function gave, on every input.

    A table turned the wrong way fails unless it is square. So a mistake may fail on some inputs: then the reader's
    function must have failed on the same ones. What fails on every input shows nothing, and has no name.
    """
    if not any(got):
        return ""
    for mistake, function in exercise.mistakes.items():
        known = [_known(function, inputs) for inputs in calls]
        if all(equal(a, b) or (a is None and b is None) for a, b in zip(known, got, strict=True)):
            return mistake
    return ""


def main() -> None:
    """Say ``ready`` when everything is imported, then the verdict, each on a line of its own."""
    task = json.loads(sys.stdin.buffer.read())
    exercise = find(task["id"])
    assert isinstance(exercise, Code)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sink = Path(os.devnull).open("w")  # noqa: SIM115 (open until the process ends)
    os.dup2(sink.fileno(), 1)  # what C code prints goes nowhere, and never between the two lines
    for name in exercise.given:
        importlib.import_module(name)
    print("ready", file=out, flush=True)
    # Who waits for the verdict ends this process in time. If that process is killed, this one ends by itself.
    faulthandler.dump_traceback_later(task["seconds"] + 2, exit=True, file=sink)
    print(json.dumps(run(exercise, task["source"])), file=out, flush=True)
    out.close()
    os._exit(0)  # threads that the reader's code may have left are nobody's business


if __name__ == "__main__":
    main()
