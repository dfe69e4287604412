"""The benchmark that kills runs, in short: five kills."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "crash.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")
def test_a_run_that_is_killed_at_any_moment_goes_on_to_the_same_bits():
    command = [sys.executable, str(SCRIPT), "--kills", "5", "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["same_bits"] == found["kills"] == 5
    assert found["damaged_same_bits"] and found["damaged_went_back_to"] == 56
    assert found["steps_lost_most"] <= found["save_every"]
