"""The sections of ``transformers`` on one page, for printing: stills and outputs, no scripts, links within the page."""

import re
from pathlib import Path
from typing import Final

SECTIONS: Final = "transformers"
TITLE: Final = "Transformer Flow, all sections"
_SCRIPT: Final = re.compile(r"<script\b.*?</script>", re.S)
_TOOLS: Final = re.compile(r'<p class="gf-tools">.*?</p>|<nav class="gf-next".*?</nav>|<button\b.*?</button>', re.S)
_NAMES: Final = re.compile(r'(\b(?:id|for|name|aria-labelledby|aria-describedby|aria-controls)="|href="#|url\(#)')
_BESIDE: Final = re.compile(r'href="(\d\d)-[\w-]+\.html(?:#([^"]*))?"')
_ALIVE: Final = re.compile(r' data-kind="\w+"|(?<=class="gf-)widget(?=")')  # what a script would bring to life
_LEARN: Final = re.compile(r'<script type="module" src="[^"]*learn\.js[^"]*"></script>')
_CONTENTS: Final = re.compile(r'<aside class="toc-drawer.*?</aside>', re.S)


def join(site: Path) -> Path | None:
    """Write ``transformers/print.html`` into the built ``site`` from the sections there; ``None`` if there are none.

    Every anchor gets the number of its section in front, so that those of two sections do not meet.
    """
    files = sorted((site / SECTIONS).glob("[0-9][0-9]-*.html"))
    if not files:
        return None
    shell = files[0].read_text("utf-8")
    begin, end = _article(shell)
    body = "\n".join(_section(file) for file in files)
    text = f"{shell[:begin]}<h1>{TITLE}</h1>\n{body}\n{shell[end:]}"
    text = _LEARN.sub("", _CONTENTS.sub("", text))
    text = re.sub(r"<title>.*?</title>", f"<title>{TITLE}</title>", text, count=1, flags=re.S)
    target = site / SECTIONS / "print.html"
    target.write_text(text, "utf-8")
    return target


def _article(text: str) -> tuple[int, int]:
    return text.index(">", text.index("<article")) + 1, text.index("</article>")


def _section(file: Path) -> str:
    text = file.read_text("utf-8")
    begin, end = _article(text)
    key = f"s{file.name[:2]}"
    text = _TOOLS.sub("", _SCRIPT.sub("", text[begin:end]))
    text = _ALIVE.sub(lambda m: "figure" if m[0] == "widget" else "", text)
    text = _NAMES.sub(rf"\1{key}-", text)
    text = _BESIDE.sub(lambda m: f'href="#s{m[1]}{f"-{m[2]}" if m[2] else ""}"', text)
    return f'<section class="gf-printed" id="{key}">{text}</section>'
