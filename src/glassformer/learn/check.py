"""Check an exercise. A reader's code runs in a process of its own, under a time limit, and sees nothing but itself."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from typing import IO, Any, Final

from glassformer.learn.answers import Verdict, check_number, check_quiz, check_words
from glassformer.learn.exercise import Code, Number, Quiz
from glassformer.learn.exercises import find

START_SECONDS: Final = 120.0
"""How long the child may take until it is ready: it may have to import PyTorch from a cold disk."""
LONGEST: Final = 100_000


def check(name: str, answer: Any) -> Verdict:
    """Check ``answer`` to the exercise with the id ``name``.

    ``answer`` is source code for an exercise in code, a number with or without its unit, the number of an option
    counted from 1, or ``{"text": ..., "points": [...]}`` for an exercise in words. Raises ``ValueError`` if there is
    no such exercise.
    """
    exercise = find(name)
    if isinstance(exercise, Code):
        return check_code(exercise, str(answer))
    if isinstance(exercise, Number):
        return check_number(exercise, str(answer))
    if isinstance(exercise, Quiz):
        return check_quiz(exercise, answer)
    return check_words(exercise, answer if isinstance(answer, dict) else {"text": str(answer)})


def check_code(exercise: Code, source: str, seconds: float | None = None) -> Verdict:
    """Run ``source`` in a child process and compare its function with the reference, on random inputs.

    ``seconds`` replaces the exercise's own time limit. Endless loops end with it, those in C too.
    """
    seconds = exercise.seconds if seconds is None else seconds
    if len(source) > LONGEST:
        return Verdict(
            exercise.id, False, (f"The answer has {len(source):,} characters; at most {LONGEST:,} are read.",)
        )
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "glassformer.learn.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
        start_new_session=True,
    )
    assert child.stdin and child.stdout
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(child.stdout, lines), daemon=True).start()
    try:
        try:
            child.stdin.write(json.dumps({"id": exercise.id, "source": source, "seconds": seconds}).encode())
            child.stdin.close()
        except BrokenPipeError:
            pass  # it died at once; the next line says so
        if not _next(lines, child, START_SECONDS):
            return _died(exercise, child)
        answer = _next(lines, child, seconds)
        return _verdict(exercise, answer) if answer else _died(exercise, child)
    except queue.Empty:
        return Verdict(
            exercise.id,
            False,
            (f"It did not finish within {seconds:g} seconds and was stopped. Is there a loop that never ends?",),
        )
    finally:
        _end(child)


def _read(pipe: IO[bytes], lines: "queue.Queue[bytes]") -> None:
    for line in pipe:
        lines.put(line)
    lines.put(b"")


def _next(lines: "queue.Queue[bytes]", child: "subprocess.Popen[bytes]", seconds: float) -> bytes:
    """The next line of the child; empty if it has ended, even if what it started still holds its output open.

    Raises ``queue.Empty`` when the time is over.
    """
    until = time.monotonic() + seconds
    while True:
        ended = child.poll() is not None
        try:
            return lines.get(timeout=min(0.1, max(0.0, until - time.monotonic())))
        except queue.Empty:
            if ended:
                return b""
            if time.monotonic() >= until:
                raise


def _verdict(exercise: Code, line: bytes) -> Verdict:
    said = json.loads(line)
    return Verdict(exercise.id, said["passed"], tuple(said["sentences"]), said["mistake"], said["printed"])


def _died(exercise: Code, child: "subprocess.Popen[bytes]") -> Verdict:
    code = child.wait()
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
    return Verdict(
        exercise.id,
        False,
        (f"The process that ran your code ended without an answer ({how}). Does it need too much memory, or exit?",),
    )


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End the child, and what it may have started and left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter: macOS, if only zombies are left
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
