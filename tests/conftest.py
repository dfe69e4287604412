"""What all tests share: the built site, and the rule that a full run skips nothing.

``GLASSFORMER_FULL=1`` (CI) turns every skip into a failure. ``GLASSFORMER_SITE`` names a site that is already built.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
FULL = bool(os.environ.get("GLASSFORMER_FULL"))

BESIDE = "beside the project"  # what a skip says that not even a full run can mend: a file that nobody may fetch

# Derandomized: a run that is green stays green; no deadline: the machine may be busy.
settings.register_profile("glassformer", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("glassformer")


def skip(what: str, how: str) -> None:
    """Skip a test for want of ``what``; ``how`` says how to have it. In a full run this is a failure."""
    (pytest.fail if FULL else pytest.skip)(f"needs {what}; to enable: {how}")


# Packages whose tests take minutes together. ``--changed`` (make check) runs those that git says were touched.
THOROUGH = {"adapt", "checkpoint", "generate", "glass", "models", "tokenize", "train"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--changed", action="store_true", help="leave out thorough tests of packages that have not changed"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--changed"):
        return
    git = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True)
    parts = [Path(line[3:].split(" -> ")[-1]).parts for line in done.stdout.splitlines()]
    touched = {part[2] for part in parts if part[:2] == ("src", "glassformer")} | {
        part[1] for part in parts if part[0] == "tests" and len(part) > 2
    }
    idle = set() if "parts" in touched else THOROUGH - touched  # everything stands on the parts
    left = [item for item in items if item.path.relative_to(ROOT / "tests").parts[0] in idle]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in set(left)]


@pytest.fixture(autouse=True)
def _enabled(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("execute") and not FULL:
        skip("the execution of pages, which takes a minute", "GLASSFORMER_FULL=1 make test")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if FULL and any(BESIDE not in str(report.longrepr) for report in skipped):
        session.exitstatus = 1


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site: the one CI has built from a fresh execution, or one built here from the stored outputs."""
    if given := os.environ.get("GLASSFORMER_SITE"):
        return Path(given).resolve()
    from glassformer.app.site import build

    target = tmp_path_factory.mktemp("site") / "site"
    build(target, strict=True)
    return target


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of an installed Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    skip("Chromium", "apt install chromium, or put a Chrome on the PATH")
    raise AssertionError
