"""The background installation: started only where it is needed, and ended together with what it started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glassformer.app import install


def test_nothing_is_started_where_nothing_is_missing(monkeypatch):
    monkeypatch.setattr(install, "cells_can_run", lambda: True)
    assert install.start() is None


def test_nothing_is_started_outside_the_checkouts_own_environment(monkeypatch, tmp_path):
    monkeypatch.setattr(install, "cells_can_run", lambda: False)
    monkeypatch.setattr(install, "CHECKOUT", tmp_path)
    assert install.start() is None


@pytest.mark.skipif(os.name == "nt", reason="asks /proc and POSIX signals")
def test_stop_ends_the_child_of_the_child_as_well(monkeypatch, tmp_path):
    tool = tmp_path / "env.py"
    tool.write_text(
        "import subprocess, sys, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "print('ready', flush=True)\n"
        "child.wait()\n"
    )
    job = subprocess.Popen([sys.executable, str(tool)], stdout=subprocess.PIPE, start_new_session=True)
    assert job.stdout is not None and job.stdout.readline() == b"ready\n"
    child = int((tmp_path / "pid").read_text())
    assert install.stop(job) is True
    state = Path(f"/proc/{child}/stat")
    assert job.stdout.read() == b""  # the child held the other end: it reads to the end only once the child is gone
    assert not state.exists() or state.read_text().split()[2] == "Z"
    assert install.stop(job) is False
