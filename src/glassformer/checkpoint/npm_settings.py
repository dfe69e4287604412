"""What npm is told on this machine about its registry, so that a download here goes where npm's would go."""

import json
import os
import shutil
import subprocess
from typing import Any

from glassformer.checkpoint.pip_settings import Settings

REGISTRY = "https://registry.npmjs.org/"


def npm_settings(scope: str = "") -> Settings:
    """The registry, certificate and proxy of npm for packages of ``scope`` (such as ``@stdlib``), in our own terms.

    npm is asked if it is installed. Its variables, such as ``npm_config_registry``, count without it, too.
    """
    values = _npm_config()
    for key, value in os.environ.items():
        if key.lower().startswith("npm_config_") and value:
            values[key.lower().removeprefix("npm_config_").replace("_", "-")] = value
    registry = values.get(f"{scope}:registry") or values.get("registry") or REGISTRY
    proxy = values.get("https-proxy") or values.get("proxy")
    return Settings(
        index=str(registry).rstrip("/") + "/",
        cert=values.get("cafile") or None,
        proxy=proxy if isinstance(proxy, str) and proxy not in ("", "null", "false") else None,
    )


def _npm_config() -> dict[str, Any]:
    npm = shutil.which("npm")
    if npm is None:
        return {}
    try:
        said = subprocess.run(
            [npm, "config", "list", "--json"], capture_output=True, text=True, timeout=60, check=False
        )
        found = json.loads(said.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return dict(found) if isinstance(found, dict) else {}
