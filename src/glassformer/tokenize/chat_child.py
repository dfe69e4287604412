"""The process that runs chat templates: a request a line in, an answer a line out, both JSON.

Started by ``chat.py`` as a file of its own, so that nothing else of the package is in reach of a template.
"""

import datetime
import json
import sys
from typing import Any

MEMORY = 1 << 29  # bytes of addresses; Python and Jinja need a fifth of that


def limit_memory() -> None:
    """Where the system knows such limits; elsewhere the limit on time must do."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass


class RefusedError(Exception):
    """The template called ``raise_exception``: the messages are not what it takes."""


def environment() -> Any:
    """Jinja's sandbox with what published templates use, as the reference implementation sets it up."""
    from jinja2 import nodes
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """``{% generation %}``: marks the assistant's part for training; for the text it changes nothing."""

        tags = {"generation"}  # noqa: RUF012  (Jinja asks for a set on the class)

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)

    def refuse(message: str) -> None:
        raise RefusedError(message)

    def to_json(
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:  # Jinja's own escapes <, > and &, for pages
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = to_json
    made.globals["raise_exception"] = refuse
    made.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    return made


def answer(request: dict[str, Any], jinja: Any) -> dict[str, str]:
    """The text of one conversation, or the reason why there is none."""
    try:
        text, most = [], request["written"]
        for piece in jinja.from_string(request["template"]).generate(request["values"]):
            text.append(piece)
            most -= len(piece)
            if most < 0:
                return {"error": f"The chat template wrote more than {request['written']} characters."}
        return {"text": "".join(text)}
    except MemoryError:
        return {"error": "The chat template asked for too much memory."}
    except RefusedError as error:
        return {"error": f"The chat template refuses these messages: {error}"[:500]}
    except Exception as error:  # whatever a template does wrong is an answer
        kind = type(error).__name__
        if kind == "SecurityError":
            return {"error": f"The chat template does what the sandbox forbids: {error}."[:500]}
        return {"error": f"The chat template failed: {error} ({kind})."[:500]}


def main() -> None:
    """Answer until there are no more requests."""
    sys.path[:] = [path for path in json.loads(sys.argv[1]) if path]
    jinja = environment()
    limit_memory()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), jinja)), flush=True)


if __name__ == "__main__":
    main()
