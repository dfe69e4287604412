"""A reader's progress, in one SQLite file of their own: every answer that was checked, and what they ticked by hand.

The file is in the user's data folder (``GLASSFORMER_HOME`` moves it). Each call opens it, does one transaction and
closes it, so tabs, kernels and the command line can all write, and a process that is killed loses nothing it was told
is saved. A file that is damaged is set aside under another name, never deleted.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import platformdirs

from glassformer.learn.answers import Verdict

WAIT_SECONDS: Final = 15.0
FORMAT: Final = "glassformer-progress"

# One script for each version of the schema. A file of version n has had the first n of them; none is ever changed.
MIGRATIONS: Final = (
    """
    CREATE TABLE attempts (
        exercise TEXT NOT NULL, at TEXT NOT NULL, passed INTEGER NOT NULL, answer TEXT NOT NULL, mistake TEXT NOT NULL,
        UNIQUE (exercise, at, answer)
    );
    CREATE TABLE ticks (mark TEXT PRIMARY KEY, at TEXT NOT NULL);
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
    """
    CREATE TABLE edits (
        page TEXT NOT NULL, cell TEXT NOT NULL, digest TEXT NOT NULL, source TEXT NOT NULL, at TEXT NOT NULL,
        PRIMARY KEY (page, cell, digest)
    );
    """,
)


class ProgressError(RuntimeError):
    """Progress could not be read or saved: one sentence that says what to do."""


def default_path() -> Path:
    """Where progress is kept: ``GLASSFORMER_HOME`` if it is set, else the user's data folder."""
    chosen = os.environ.get("GLASSFORMER_HOME")
    folder = Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("glassformer", appauthor=False))
    return folder / "progress.sqlite3"


def now() -> str:
    """The time in UTC as ISO 8601, to the microsecond: two attempts never share it."""
    return datetime.now(UTC).isoformat()


class Progress:
    """The progress kept in the file ``path`` (default: the user's own). Every method raises ``ProgressError``."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()

    def record(self, verdict: Verdict, answer: str) -> None:
        """Keep an answer that was checked."""
        with self._open() as file:
            file.execute(
                "INSERT OR IGNORE INTO attempts VALUES (?, ?, ?, ?, ?)",
                (verdict.exercise, now(), verdict.passed, answer, verdict.mistake),
            )

    def tick(self, mark: str, on: bool) -> None:
        """Tick a milestone or an outcome by hand, or take the tick away."""
        with self._open() as file:
            file.execute("DELETE FROM ticks WHERE mark = ?", (mark,))
            if on:
                file.execute("INSERT INTO ticks VALUES (?, ?)", (mark, now()))

    def choose(self, path: str) -> None:
        """Keep which learning path the reader is on."""
        with self._open() as file:
            file.execute("INSERT OR REPLACE INTO settings VALUES ('path', ?)", (path,))

    def summary(self) -> dict[str, Any]:
        """``exercises`` (id to ``passed``, the time of the first right answer or "", ``attempts`` and the last
        ``answer``), ``ticked`` (mark to time), ``path`` ("" if none is chosen) and ``notice`` (what a reader must
        know about the file, or "")."""
        with self._open() as file:
            rows = file.execute(
                "SELECT exercise, MIN(CASE WHEN passed THEN at END), COUNT(*), "
                "(SELECT answer FROM attempts AS last WHERE last.exercise = each.exercise ORDER BY at DESC LIMIT 1) "
                "FROM attempts AS each GROUP BY exercise ORDER BY MIN(at)"
            ).fetchall()
            ticked = dict(file.execute("SELECT mark, at FROM ticks").fetchall())
            settings = dict(file.execute("SELECT name, value FROM settings").fetchall())
        return {
            "exercises": {name: {"passed": at or "", "attempts": n, "answer": last} for name, at, n, last in rows},
            "ticked": ticked,
            "path": settings.get("path", ""),
            "notice": settings.get("notice", ""),
        }

    def dismiss_notice(self) -> None:
        """The reader has read the notice."""
        with self._open() as file:
            file.execute("DELETE FROM settings WHERE name = 'notice'")

    def edits(self, page: str) -> dict[str, dict[str, str]]:
        """The reader's own versions of a page's cells: cell id to digest of the original to source, the latest last."""
        with self._open() as file:
            rows = file.execute("SELECT cell, digest, source FROM edits WHERE page = ? ORDER BY at", (page,)).fetchall()
        found: dict[str, dict[str, str]] = {}
        for cell, digest, source in rows:
            found.setdefault(cell, {})[digest] = source
        return found

    def edit(self, page: str, cell: str, digest: str, source: str) -> None:
        """Keep the reader's version of a cell whose original has the digest ``digest``."""
        with self._open() as file:
            file.execute("INSERT OR REPLACE INTO edits VALUES (?, ?, ?, ?, ?)", (page, cell, digest, source, now()))

    def forget_edit(self, page: str, cell: str, digest: str) -> None:
        """Back to the original of a cell. Versions of an earlier original stay."""
        with self._open() as file:
            file.execute("DELETE FROM edits WHERE page = ? AND cell = ? AND digest = ?", (page, cell, digest))

    def export(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        tables = {}
        with self._open() as file:
            for table, columns in _TABLES.items():
                rows = file.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
                tables[table] = [row for row in (dict(zip(columns, r, strict=True)) for r in rows) if _travels(row)]
        return {"format": FORMAT, "version": len(MIGRATIONS), **tables}

    def merge(self, data: Any) -> int:
        """Add what an export holds to what is here, and return how many attempts are new. Nothing here is lost.

        Raises ``ProgressError``, and changes nothing, if ``data`` is no export.
        """
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ProgressError("This is no export of Glassformer's progress: its `format` is missing.")
        if data.get("version") not in range(1, len(MIGRATIONS) + 1):
            raise ProgressError(
                f"The export has the version {data.get('version')!r}; this program knows {len(MIGRATIONS)}."
            )
        with self._open() as file:
            before = file.execute("SELECT COUNT(*) FROM attempts").fetchone()[0]
            for table, columns in _TABLES.items():
                rows = data.get(table, [])
                try:
                    values = [tuple(_plain(column, row[column]) for column in columns) for row in rows if _travels(row)]
                except (TypeError, KeyError, AttributeError) as error:
                    raise ProgressError(
                        f"The export's {table!r} cannot be read: {error!r}. Nothing was changed."
                    ) from error
                marks = ", ".join("?" * len(columns))
                file.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", values)
            return int(file.execute("SELECT COUNT(*) FROM attempts").fetchone()[0] - before)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection inside one transaction, to a file that is whole and of the newest schema."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # nobody else's business
            try:
                connection = self._connect()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._set_aside()
                connection = self._connect()
            with closing(connection) as file:
                file.execute("BEGIN IMMEDIATE")
                try:
                    yield file
                except BaseException:
                    file.rollback()
                    raise
                file.commit()
        except sqlite3.Error as error:
            reason = "another program holds it" if "locked" in str(error) else str(error)
            raise ProgressError(
                f"Your progress could not be saved or read in {self.path} ({reason}). "
                "What was saved before is still there."
            ) from error
        except OSError as error:
            raise ProgressError(f"Your progress cannot be kept in {self.path.parent} ({error.strerror}).") from error

    def _connect(self) -> sqlite3.Connection:
        file = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
        try:
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = FULL")
            if file.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("damaged")
            version = file.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise ProgressError(
                    f"{self.path} was written by a newer Glassformer (schema {version}; this one knows "
                    f"{len(MIGRATIONS)}). Update Glassformer; the file was not touched."
                )
            if version < len(MIGRATIONS):
                _migrate(file)
        except BaseException:
            file.close()
            raise
        return file

    def _set_aside(self) -> None:
        """Rename a damaged file, and leave a notice in the new one. Another process may have done so already."""
        try:
            self._connect().close()
            return
        except sqlite3.DatabaseError:
            pass
        aside = self.path.with_name(f"{self.path.stem}-damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.sqlite3")
        for suffix in ("-wal", "-shm", ""):
            part = self.path.with_name(self.path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        with closing(self._connect()) as file:
            file.execute(
                "INSERT OR REPLACE INTO settings VALUES ('notice', ?)",
                (f"The file with your progress was damaged. It was set aside as {aside}, and a new one was begun.",),
            )


_TABLES: Final = {
    "attempts": ("exercise", "at", "passed", "answer", "mistake"),
    "ticks": ("mark", "at"),
    "settings": ("name", "value"),
    "edits": ("page", "cell", "digest", "source", "at"),
}


def _plain(column: str, value: Any) -> str | int:
    """``value`` if the column can hold it: 0 or 1 for ``passed``, text for every other."""
    if not (value in (0, 1) if column == "passed" else isinstance(value, str)):
        raise TypeError(f"{column} cannot be {value!r}")
    return value if isinstance(value, str) else int(value)


def _travels(row: dict[str, Any]) -> bool:
    """Whether a row belongs into an export: a notice is about the file on this machine."""
    return row.get("name") != "notice"


def _migrate(file: sqlite3.Connection) -> None:
    """Bring the schema up to date in one transaction; a second process waits meanwhile, and finds it done."""
    file.execute("BEGIN EXCLUSIVE")
    try:
        version = file.execute("PRAGMA user_version").fetchone()[0]
        for number in range(version, len(MIGRATIONS)):
            for statement in MIGRATIONS[number].split(";"):
                if statement.strip():
                    file.execute(statement)
        file.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        file.execute("COMMIT")
    except BaseException:
        file.execute("ROLLBACK")
        raise


def keep(verdict: Verdict, answer: Any, tell: Callable[[str], None]) -> None:
    """Record a verdict in the user's own progress; a problem with the file is told, and spoils no check."""
    try:
        Progress().record(verdict, answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
    except ProgressError as error:
        tell(str(error))
