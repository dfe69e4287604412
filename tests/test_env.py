"""The set-up tool: what it would install, when it has nothing to do, and what it says when it cannot."""

import ast
import importlib.util
import itertools
import json
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools" / "env.py"


@pytest.fixture
def env(tmp_path):
    """The tool, in a project of its own."""
    (tmp_path / "tools").mkdir()
    for name in ("tools/env.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    spec = importlib.util.spec_from_file_location("env", tmp_path / "tools" / "env.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_an_old_python_can_read_it():
    ast.parse(TOOL.read_text("utf-8"), feature_version=(3, 7))
    first = ast.parse(TOOL.read_text("utf-8")).body
    imported = {alias.name for node in first if isinstance(node, ast.Import) for alias in node.names}
    assert "tomllib" not in imported  # new in 3.11


def test_old_python_is_told_what_to_do(env):
    said = env.version_problem((3, 10, 4), [])
    assert said.startswith("Glassformer needs Python 3.11 or newer, and this is Python 3.10. Install a newer one")
    assert "Run this again with python3.13." in env.version_problem((3, 9), ["python3.13", "python3.11"])
    assert env.version_problem((3, 11), []) == env.version_problem((4, 0), []) == ""


def test_reading_needs_no_pytorch(env):
    packages = env.wanted(PROJECT, "read")
    assert not any(p.startswith(("torch", "numpy", "matplotlib")) for p in packages)
    assert any(p.startswith("sphinx>") for p in packages)


def test_extras_that_name_extras_are_put_in_their_place(env):
    packages = env.wanted(PROJECT, "dev")
    assert not any(p.startswith("glassformer") for p in packages)
    for part in ("torch", "sphinx", "anywidget", "pytest"):
        assert any(p.startswith(part) for p in packages), part


@pytest.mark.parametrize(
    ("system", "gpu", "configured", "chosen"),
    list(
        itertools.product(["Linux", "Darwin", "Windows"], [False, True], [False, True], [None, "https://index.example"])
    ),
)
def test_where_pytorch_comes_from(env, system, gpu, configured, chosen):
    options = env.torch_options(system, gpu, configured, chosen)
    if chosen:
        assert options == ["--index-url", chosen]
    elif (system, gpu, configured) == ("Linux", False, False):
        assert options == ["--index-url", env.CPU_INDEX]
    else:
        assert options == []


@pytest.mark.parametrize(
    ("listing", "environment", "expected"),
    [
        ("", {}, False),
        ("global.timeout='60'", {"PATH": "/bin"}, False),
        ("global.index-url='https://mirror.example'", {}, True),
        ("install.find-links='wheels'", {}, True),
        ("", {"PIP_EXTRA_INDEX_URL": "https://mirror.example"}, True),
    ],
)
def test_whether_pip_was_told_otherwise(env, listing, environment, expected):
    assert env.pip_is_configured(listing, environment) is expected


def test_ready_until_something_changes(env):
    env.VENV.mkdir()
    assert not env.is_ready("read")
    env.mark("read")
    assert env.is_ready("read") and not env.is_ready("dev")
    with (env.ROOT / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    assert not env.is_ready("read")


def test_status_is_json(env):
    done = subprocess.run([sys.executable, env.__file__, "--status"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == dict.fromkeys(env.STAGES, False)


def test_unknown_stage(env, capsys):
    assert env.main(["raed"]) == 1
    assert "read | guide | dev | browser" in capsys.readouterr().err


def test_a_pip_that_fails_is_explained_and_leaves_no_stamp(env, monkeypatch, capsys):
    env.VENV.mkdir()
    monkeypatch.setattr(env, "make_venv", lambda: None)
    failing = "import sys; print('ERROR: No matching distribution found for nosuch'); sys.exit(1)"
    monkeypatch.setattr(env, "python", lambda: sys.executable)
    run = subprocess.run

    def no_network(command, **kwargs):
        return run([sys.executable, "-c", failing], **kwargs) if "install" in command else run(command, **kwargs)

    monkeypatch.setattr(env.subprocess, "run", no_network)
    assert env.main(["read"]) == 1
    said = capsys.readouterr().err
    assert "No matching distribution found for nosuch" in said and "setup.log" in said and "CONSTRAINTS=none" in said
    assert not env.is_ready("read")


def test_a_folder_that_cannot_be_written(env, monkeypatch, capsys):
    def read_only():
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(env, "make_venv", read_only)
    assert env.main(["read"]) == 1
    assert "Set-up cannot write to" in capsys.readouterr().err


def test_interrupt_is_clean(env, monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(env, "make_venv", interrupted)
    assert env.main(["read"]) == 130
    assert "it goes on where it stopped" in capsys.readouterr().err


def test_an_environment_of_another_python_is_made_anew(env, capsys):
    env.VENV.mkdir()
    (env.VENV / "pyvenv.cfg").write_text("home = /nowhere\n")
    env.make_venv()
    assert "made anew" in capsys.readouterr().out
    asked = subprocess.run([env.python(), "-c", "print(1)"], capture_output=True, text=True, check=True)
    assert asked.stdout == "1\n"


def test_one_set_up_at_a_time_and_a_dead_one_does_not_block(env, capsys):
    env.VENV.mkdir()
    hold = (
        "import importlib.util, sys; s = importlib.util.spec_from_file_location('env', sys.argv[1]);"
        "m = importlib.util.module_from_spec(s); s.loader.exec_module(m);"
        "lock = m.Lock(); lock.__enter__(); print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold, env.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "held\n"
    lock = env.Lock()
    lock.file = (env.VENV / "setup.lock").open("a+b")
    assert not lock._try()
    other.kill()
    other.wait()
    began = time.monotonic()
    with env.Lock():
        assert time.monotonic() - began < 30
    lock.file.close()


def test_constraints_pin_what_the_project_names():
    text = (ROOT / "constraints.txt").read_text("utf-8")
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in text.splitlines() if "==" in line}
    assert "://" not in text
    named = [*PROJECT["dependencies"], *itertools.chain(*PROJECT["optional-dependencies"].values())]
    for requirement in named:
        name = "".join(itertools.takewhile(lambda c: c.isalnum() or c in "-_", requirement)).lower()
        assert name == "glassformer" or name in pinned, f"{name} is not pinned"
