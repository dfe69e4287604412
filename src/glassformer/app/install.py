"""What ``glassformer read`` does about PyTorch: it lets the set-up tool install it while the pages are read."""

import importlib.util
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
        start_new_session=True,
    )
