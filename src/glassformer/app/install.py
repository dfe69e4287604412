"""What ``glassformer read`` does about PyTorch: it lets the set-up tool install it while the pages are read."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

from glassformer.app.site import CHECKOUT

TOOL = CHECKOUT / "tools" / "env.py"


def cells_can_run() -> bool:
    """Whether everything that cells need is installed."""
    return all(importlib.util.find_spec(name) for name in ("torch", "matplotlib", "anywidget"))


def start() -> "subprocess.Popen[bytes] | None":
    """Start installing what cells need, in the background; ``None`` if nothing is missing or this is no checkout."""
    inside = Path(sys.prefix).resolve() == (CHECKOUT / ".venv").resolve()
    if cells_can_run() or not TOOL.exists() or not inside:
        return None
    return subprocess.Popen(
        [sys.executable, str(TOOL), "guide"],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C goes to the reading app, which ends this with ``stop``
    )


def stop(job: "subprocess.Popen[bytes]") -> bool:
    """End an installation that is still running, pip included. What is half done, the next start does again.

    Returns whether it was running.
    """
    if job.poll() is not None:
        return False
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(job.pid)], stdout=subprocess.DEVNULL, check=False)
    else:
        os.killpg(job.pid, signal.SIGTERM)
    job.wait()
    return True
