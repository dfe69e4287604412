from functools import cache
from pathlib import Path

from bs4 import BeautifulSoup


@cache
def parsed(file: Path) -> BeautifulSoup:
    """A page of the built site, parsed once for all tests, which only read it."""
    return BeautifulSoup(file.read_text("utf-8"), "html.parser")
