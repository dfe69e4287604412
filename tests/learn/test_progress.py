"""Progress survives what happens to files: kills, two writers, damage, a full disk, an older and a newer schema."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from glassformer.learn import progress
from glassformer.learn.answers import Verdict
from glassformer.learn.progress import MIGRATIONS, Progress, ProgressError

RIGHT, WRONG = Verdict("nn.neuron", True, ()), Verdict("nn.neuron", False, (), "The bias is missing.")
WRITER = """
import sys
from pathlib import Path
from glassformer.learn.answers import Verdict
from glassformer.learn.progress import Progress
file, name, count = Progress(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(count):
    file.record(Verdict(name, True, ()), str(number))
    print(number, flush=True)
"""


@pytest.fixture
def file(tmp_path):
    return Progress(tmp_path / "folder" / "progress.sqlite3")


def write(file, name, count):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file.path), name, str(count)], stdout=subprocess.PIPE, text=True
    )


def test_what_is_recorded_is_there(file):
    file.record(WRONG, "one")
    assert file.summary()["exercises"]["nn.neuron"] == {"passed": "", "attempts": 1, "answer": "one"}
    file.record(RIGHT, "two")
    file.record(WRONG, "three")
    kept = file.summary()["exercises"]["nn.neuron"]
    assert kept["passed"] and kept["attempts"] == 3 and kept["answer"] == "three"  # once earned, it stays earned
    file.tick("tell-apart", True)
    file.tick("other", True)
    file.tick("other", False)
    file.choose("beginner")
    file.edit("nn_intro", "3.2-1", "abc", "x = 1")
    assert list(file.summary()["ticked"]) == ["tell-apart"]
    assert file.summary()["path"] == "beginner"
    assert file.edits("nn_intro") == {"3.2-1": {"abc": "x = 1"}}
    file.forget_edit("nn_intro", "3.2-1", "another original")
    assert file.edits("nn_intro") == {"3.2-1": {"abc": "x = 1"}}
    file.forget_edit("nn_intro", "3.2-1", "abc")
    assert file.edits("nn_intro") == {}


def test_kill_9_while_writing_loses_nothing_that_was_said_to_be_saved(file):
    for round_ in range(5):
        process = write(file, f"round-{round_}", 1_000_000)
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3 + 7 * round_)][-1]
        process.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        process.wait()
        kept = file.summary()
        assert kept["exercises"][f"round-{round_}"]["attempts"] >= int(said) + 1
        assert kept["notice"] == ""


def test_processes_that_write_at_the_same_time_lose_nothing(file):
    writers = [write(file, f"writer-{number}", 50) for number in range(3)]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    kept = file.summary()["exercises"]
    assert {name: kept[name]["attempts"] for name in kept} == {f"writer-{n}": 50 for n in range(3)}


@pytest.mark.parametrize("damage", [b"no database at all", b"SQLite format 3\0" + b"\xff" * 9000, "middle"])
def test_a_damaged_file_is_set_aside_and_said_so(file, damage):
    for number in range(200):
        file.record(RIGHT, str(number))
    whole = file.path.read_bytes()
    bad = whole[:100] + b"\xa5" * 3996 + whole[4096:] if damage == "middle" else damage
    file.path.write_bytes(bad)
    summary = file.summary()
    aside = list(file.path.parent.glob("*damaged*.sqlite3"))
    assert len(aside) == 1 and aside[0].read_bytes() == bad
    assert str(aside[0]) in summary["notice"] and summary["exercises"] == {}
    file.record(RIGHT, "again")
    assert file.summary()["exercises"]["nn.neuron"]["attempts"] == 1
    file.dismiss_notice()
    assert file.summary()["notice"] == ""


def test_a_full_disk_is_said_and_loses_nothing(file, monkeypatch):
    """SQLite gives the same error for a page limit as for a full disk."""
    file.record(RIGHT, "kept")
    connect = Progress._connect

    def small(self):
        connection = connect(self)
        connection.execute("PRAGMA max_page_count = 1")  # no page more than there are
        return connection

    monkeypatch.setattr(Progress, "_connect", small)
    with pytest.raises(ProgressError, match="disk is full"):
        file.record(RIGHT, "x" * 100_000)
    monkeypatch.undo()
    assert file.summary()["exercises"]["nn.neuron"] == {
        "passed": file.summary()["exercises"]["nn.neuron"]["passed"],
        "attempts": 1,
        "answer": "kept",
    }


def test_an_older_schema_is_brought_up_to_date(file):
    file.path.parent.mkdir()
    with closing(sqlite3.connect(file.path)) as old:
        old.executescript(MIGRATIONS[0])
        old.execute("INSERT INTO attempts VALUES ('nn.neuron', '2026-01-01T00:00:00+00:00', 1, 'old', '')")
        old.execute("PRAGMA user_version = 1")
        old.commit()
    assert file.edits("nn_intro") == {}
    assert file.summary()["exercises"]["nn.neuron"]["answer"] == "old"


def test_a_newer_schema_is_left_untouched(file):
    file.record(RIGHT, "new")
    with closing(sqlite3.connect(file.path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(ProgressError, match="written by a newer Glassformer"):
        file.summary()
    assert not list(file.path.parent.glob("*damaged*"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ProgressError, match="cannot be kept"):
        Progress(tmp_path / "file" / "progress.sqlite3").summary()


def test_export_and_import(file, tmp_path):
    file.record(WRONG, "one")
    file.record(RIGHT, "two")
    file.tick("tell-apart", True)
    text = json.dumps(file.export())
    other = Progress(tmp_path / "other.sqlite3")
    other.record(RIGHT, "three")
    assert other.merge(json.loads(text)) == 2
    assert other.merge(json.loads(text)) == 0
    assert other.summary()["exercises"]["nn.neuron"]["attempts"] == 3
    assert list(other.summary()["ticked"]) == ["tell-apart"]


def test_a_notice_does_not_travel(file, tmp_path):
    file.record(RIGHT, "one")
    file.path.write_bytes(b"damaged")
    assert file.summary()["notice"]
    assert "damaged" not in json.dumps(file.export())
    other = Progress(tmp_path / "other.sqlite3")
    other.merge({**file.export(), "settings": [{"name": "notice", "value": "from elsewhere"}]})
    assert other.summary()["notice"] == ""


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"format": "other"},
        {"format": progress.FORMAT, "version": 99},
        {"format": progress.FORMAT, "version": 1, "attempts": [{"exercise": "a"}]},
        {"format": progress.FORMAT, "version": 1, "ticks": [{"mark": [], "at": ""}]},
        {"format": progress.FORMAT, "version": 1, "attempts": 3},
        {"format": progress.FORMAT, "version": 1, "attempts": ["text"]},
        *(
            {
                "format": progress.FORMAT,
                "version": 1,
                "attempts": [{"exercise": "a", "at": "b", "passed": passed, "answer": "", "mistake": ""}],
            }
            for passed in (2**70, "true", None)
        ),
    ],
)
def test_what_is_no_export_changes_nothing(file, data):
    file.record(RIGHT, "one")
    before = file.export()
    with pytest.raises(ProgressError):
        file.merge(data)
    assert file.export() == before
