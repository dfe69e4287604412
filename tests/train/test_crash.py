"""The benchmark that kills runs, in short: five kills."""

import importlib.util
import os
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "crash.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")
def test_a_run_that_is_killed_at_any_moment_goes_on_to_the_same_bits(tmp_path):
    spec = importlib.util.spec_from_file_location("crash", SCRIPT)
    crash = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(crash)
    found = crash.measure(5, 3, tmp_path)
    assert found["same_bits"] == found["kills"] == 5
    assert found["damaged_same_bits"] and found["damaged_went_back_to"] == 56
    assert found["steps_lost_most"] <= found["save_every"]
