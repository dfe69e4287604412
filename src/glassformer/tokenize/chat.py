"""Chat templates: a conversation as the text a model was trained on.

A template is a program in the Jinja language that comes with the weights, written by whoever published them. It is run
as what it is, code from a file: in Jinja's immutable sandbox, in a process of its own (``chat_child.py``) that has a
limit on memory and on what it writes, and is ended when its time is up. The process stays for the next conversation.
"""

import json
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

LENGTH = 1 << 17  # characters of a template; the longest published ones have some 20,000
WRITTEN = 1 << 22  # characters that a template may write
SECONDS = 5.0
START = 60.0  # seconds for Python itself to start, on a busy machine


class TemplateError(ValueError):
    """A chat template that is refused, fails, or refuses the messages; says which."""


class ChatTemplate:
    """A chat template, to be called with messages.

    Args:
        source: the template.
        tokens: the names a template knows, such as ``bos_token``, and their text.
        seconds: how long one call may take.

    Raises ``TemplateError`` if ``source`` is empty or too long.

    Taught in ``transformers``, section 5.
    """

    def __init__(self, source: str, tokens: Mapping[str, str] | None = None, seconds: float = SECONDS) -> None:
        if not 0 < len(source) <= LENGTH:
            raise TemplateError(f"The chat template must have 1 to {LENGTH} characters, not {len(source)}.")
        self.source, self.tokens, self.seconds = source, dict(tokens or {}), seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None

    def __call__(self, messages: Sequence[Mapping[str, Any]], add_generation_prompt: bool = True) -> str:
        """The text of ``messages``, each with a ``role`` and a ``content``.

        With ``add_generation_prompt`` it ends where the assistant's answer begins.

        Raises ``TemplateError`` if the template fails, refuses the messages, does what the sandbox forbids, or goes
        over a limit; ``ValueError`` if a message lacks its role.
        """
        for number, message in enumerate(messages):
            if not isinstance(message, Mapping) or "role" not in message:
                raise ValueError(f"messages must each have a role and a content; number {number} is {message!r:.80}.")
        request = {
            "template": self.source,
            "values": {**self.tokens, "messages": list(messages), "add_generation_prompt": add_generation_prompt},
            "written": WRITTEN,
        }
        with self._lock:
            answer = self._ask(json.dumps(request))
        if "error" in answer:
            raise TemplateError(answer["error"])
        return str(answer["text"])

    def __reduce__(self) -> tuple[type["ChatTemplate"], tuple[str, dict[str, str], float]]:
        return ChatTemplate, (self.source, self.tokens, self.seconds)  # a copy starts its own process

    def _ask(self, line: str) -> dict[str, str]:
        child = self._running()
        began = time.monotonic()
        try:
            answer = _exchange(child, line, self.seconds)
        except BaseException:  # interrupted: its answer would be taken for that to the next conversation
            self._child = None
            _stop(child)
            raise
        if answer:
            return dict(json.loads(answer))
        self._child = None
        _stop(child)
        if time.monotonic() - began >= self.seconds:
            raise TemplateError(f"The chat template took more than {self.seconds:g} seconds and was stopped.")
        raise TemplateError("The chat template ended its process: it asked for too much memory, or was stopped.")

    def _running(self) -> "subprocess.Popen[str]":
        """The child, started if there is none. To a fork of this process ``poll`` says that it has none."""
        if self._child is not None and self._child.poll() is None:
            return self._child
        program = [sys.executable, "-I", str(Path(__file__).with_name("chat_child.py")), json.dumps(sys.path)]
        # None of this process's secrets: only what Python needs to start.
        environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
        child = subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            encoding="ascii",
        )
        self._child = child
        weakref.finalize(self, _stop, child)
        if _exchange(child, "", START) != "ready\n":
            child.kill()
            problem = (child.stderr.read().strip().splitlines() if child.stderr else []) or ["no reason given"]
            self._child = None
            _stop(child)
            raise TemplateError(f"The process for chat templates did not start: {problem[-1]}.")
        return child


def _exchange(child: "subprocess.Popen[str]", line: str, seconds: float) -> str:
    """Write ``line`` and read one; a timer ends the child after ``seconds``, and then nothing is read."""
    assert child.stdin is not None and child.stdout is not None
    timer = threading.Timer(seconds, child.kill)
    timer.daemon = True
    timer.start()
    try:
        if line:
            child.stdin.write(line + "\n")
            child.stdin.flush()
        return child.stdout.readline()
    except OSError:
        return ""
    finally:
        timer.cancel()


def _stop(child: "subprocess.Popen[str]") -> None:
    child.kill()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with suppress(OSError):  # what was still to be written has no reader any more
                pipe.close()
    child.wait()
