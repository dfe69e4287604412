"""What ``glassformer read`` does about PyTorch: it lets the set-up tool install it while the pages are read."""

import contextlib
import os
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

from glassformer.app.site import CHECKOUT

TOOL = CHECKOUT / "tools" / "env.py"
NEEDED: Final = ("torch", "numpy", "matplotlib", "anywidget", "ipykernel")
_jobs: "list[subprocess.Popen[bytes]]" = []


def cells_can_run() -> bool:
    """Whether everything that cells need is installed, to the last file."""
    return all(map(_installed, NEEDED))


def _installed(name: str) -> bool:
    try:
        return bool(metadata.distribution(name).read_text("RECORD"))  # pip writes it last
    except metadata.PackageNotFoundError:
        return False


def problem() -> tuple[str, bool]:
    """Why cells cannot run now, and whether waiting will help; an empty sentence if they can."""
    if cells_can_run():
        return "", False
    if any(job.poll() is None for job in _jobs):
        return "PyTorch is still being installed. The cell runs as soon as it is there.", True
    if _jobs:
        again = f"Run `{Path(sys.executable).name} tools/env.py guide` in the project's folder; it says why."
        return f"PyTorch could not be installed. {again}", False
    missing = ", ".join(name for name in NEEDED if not _installed(name))
    return f"To run cells, install what is missing ({missing}): pip install 'glassformer[guide]'.", False


def start() -> "subprocess.Popen[bytes] | None":
    """Start installing what cells need, in the background; ``None`` if nothing is missing or this is no checkout."""
    inside = Path(sys.prefix).resolve() == (CHECKOUT / ".venv").resolve()
    if cells_can_run() or not TOOL.exists() or not inside:
        return None
    job = subprocess.Popen(
        [sys.executable, str(TOOL), "guide"],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C goes to the reading app, which ends this with ``stop``
    )
    _jobs.append(job)
    return job


def stop(job: "subprocess.Popen[bytes]") -> bool:
    """End an installation that is still running, pip included. What is half done, the next start does again.

    Returns whether it was running.
    """
    if job.poll() is not None:
        return False
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(job.pid)], stdout=subprocess.DEVNULL, check=False)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(job.pid, signal.SIGTERM)
    job.wait()
    return True
