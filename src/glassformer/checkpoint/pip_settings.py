"""What pip is told on this machine about package indexes, so that a download here goes where pip's would go."""

import ast
import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass, field


@dataclass
class Settings:
    """What pip is told about indexes on this machine."""

    index: str = "https://pypi.org/simple"
    more: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    no_index: bool = False
    cert: str | None = None
    proxy: str | None = None
    trusted: list[str] = field(default_factory=list)


def pip_settings() -> Settings:
    """The settings that a download by pip would have: its files, in its own order of precedence, then its variables."""
    values: dict[str, str] = {}
    lines = [line.partition("=") for line in _pip_config().splitlines()]
    for section in ("global.", "install.", "download."):  # the later one wins
        for key, _, value in lines:
            if key.startswith(section):
                with contextlib.suppress(ValueError, SyntaxError):
                    values[key.removeprefix(section)] = str(ast.literal_eval(value))
    for key, value in os.environ.items():  # pip may be missing here, and its variables count all the same
        if key.startswith("PIP_") and value:
            values[key.removeprefix("PIP_").lower().replace("_", "-")] = value
    return Settings(
        index=values.get("index-url", Settings.index),
        more=values.get("extra-index-url", "").split(),
        find_links=values.get("find-links", "").split(),
        no_index=values.get("no-index", "").lower() in ("1", "true", "yes", "on"),
        cert=values.get("cert"),
        proxy=values.get("proxy"),
        trusted=values.get("trusted-host", "").split(),
    )


def _pip_config() -> str:
    command = [sys.executable, "-m", "pip", "config", "list"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    return ""


def places(settings: Settings) -> list[str]:
    """Folders and pages of links first, then indexes, which are marked by a last ``/``."""
    indexes = [] if settings.no_index else [settings.index, *settings.more]
    return [place.rstrip("/") for place in settings.find_links] + [index.rstrip("/") + "/" for index in indexes]
