"""The background installation: started only where it is needed, and ended together with what it started."""

import os
import subprocess
import sys

import pytest

from glassformer.app import install


def test_nothing_is_started_where_nothing_is_missing(monkeypatch):
    monkeypatch.setattr(install, "cells_can_run", lambda: True)
    assert install.start() is None


def test_nothing_is_started_outside_the_checkouts_own_environment(monkeypatch, tmp_path):
    monkeypatch.setattr(install, "cells_can_run", lambda: False)
    monkeypatch.setattr(install, "CHECKOUT", tmp_path)
    assert install.start() is None


@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")
def test_stop_ends_the_child_of_the_child_as_well(monkeypatch, tmp_path):
    tool = tmp_path / "env.py"
    tool.write_text(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('ready', flush=True)\n"
        "child.wait()\n"
    )
    job = subprocess.Popen([sys.executable, str(tool)], stdout=subprocess.PIPE, start_new_session=True)
    assert job.stdout is not None and job.stdout.readline() == b"ready\n"
    assert install.stop(job) is True
    assert job.stdout.read() == b""  # the child held the other end: reading ends only when the child has ended
    assert install.stop(job) is False


def test_why_cells_cannot_run_is_said(monkeypatch):
    assert install.problem() == ("", False)
    monkeypatch.setattr(install, "NEEDED", ("numpy", "no-such-package"))
    sentence, wait = install.problem()
    assert "install what is missing (no-such-package)" in sentence and not wait
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as job:
        monkeypatch.setattr(install, "_jobs", [job])
        assert install.problem() == ("PyTorch is still being installed. The cell runs as soon as it is there.", True)
        job.communicate(b"\n")
    sentence, wait = install.problem()
    assert "could not be installed" in sentence and "tools/env.py guide" in sentence and not wait
