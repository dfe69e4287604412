"""Documents in files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from glassformer.train.data.reading import read_jsonl, read_text
from glassformer.train.data.texts import Part, whole_documents

JSONL = (".jsonl", ".ndjson")


class Files:
    """Text files, a document each, and JSONL files, whose every line is an object with a document as its ``text``.

    Args:
        paths: files, folders (all files in them that are not hidden, at any depth, sorted) and patterns such as
            ``"books/*.txt"`` (sorted). A file that is named twice is read once.

    Files must be UTF-8. A byte order mark at the beginning is taken off; nothing else, line ends included, is changed.
    Empty lines of a JSONL file are passed over, and so are documents without a character.

    Raises ``FileNotFoundError`` if a path names nothing, ``ValueError`` if there are no paths. Reading raises
    ``ValueError``, naming the file and the line or byte, for a file that is empty, binary, not UTF-8 or not JSONL.
    """

    def __init__(self, paths: str | Path | Sequence[str | Path]) -> None:
        listed = [paths] if isinstance(paths, str | Path) else list(paths)
        if not listed:
            raise ValueError("paths must not be empty: there is nothing to read.")
        found: dict[Path, Path] = {}
        for path in listed:
            for file in _expand(Path(path).expanduser()):
                found.setdefault(file.resolve(), file.absolute())  # read under its own name, which says what it is
        self.paths = tuple(found.values())

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return sum(path.stat().st_size for path in self.paths)

    def sources(self) -> list[dict[str, Any]]:
        """The path, size and time of change of each file."""
        stats = [(path, path.stat()) for path in self.paths]
        return [{"path": str(path), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns} for path, stat in stats]

    def parts(self) -> Iterator[Part]:
        """All documents in order, in parts."""
        for path in self.paths:
            yield from (read_jsonl if path.suffix.lower() in JSONL else read_text)(path)

    def documents(self) -> Iterator[str]:
        """All documents in order, each whole."""
        return whole_documents(self.parts())


def _expand(path: Path) -> Iterator[Path]:
    """The files that ``path`` names. Raises ``FileNotFoundError`` if there are none."""
    if path.is_file():
        yield path
    elif path.is_dir():
        inside = (file.relative_to(path) for file in path.rglob("*") if file.is_file())
        found = sorted(file for file in inside if not any(name.startswith(".") for name in file.parts))
        if not found:
            raise FileNotFoundError(f"The folder {path} holds no files.")
        yield from (path / file for file in found)
    else:
        found = sorted(file for file in Path(path.anchor).glob(str(path.relative_to(path.anchor))) if file.is_file())
        if not found:
            raise FileNotFoundError(f"There is no file or folder {path}.")
        yield from found
