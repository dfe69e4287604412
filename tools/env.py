"""Make and keep up to date the ``.venv`` of this checkout: ``python3 tools/env.py read`` (or another of ``STAGES``).

Standard library only, and written so that an old Python can still read it far enough to say what is wrong.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / "stamps"
LOG = VENV / "setup.log"
OLDEST = (3, 11)
STAGES = ("read", "guide", "dev", "browser", "hub", "reference", "train", "experiments")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SIZES = {
    "read": "the parts that show the guide (about 60 MB)",
    "guide": "PyTorch and what runs the cells (about 250 MB; 3 GB with an NVIDIA GPU)",
    "dev": "the tools for tests (about 50 MB)",
    "browser": "the tools for browser tests (about 50 MB)",
    "reference": "the libraries with which the tests compare (about 150 MB)",
    "train": "more for training (about 40 MB)",
    "experiments": "what the experiments compare with (about 50 MB)",
    "hub": "what serves a class (about 130 MB beside PyTorch and what runs the cells)",
}


class SetupError(Exception):
    """What went wrong and what to do, in one sentence."""


def version_problem(version, commands):
    # type: (tuple[int, ...], list[str]) -> str
    """Why this Python will not do, or an empty string. ``commands`` are newer Pythons that are installed."""
    if tuple(version[:2]) >= OLDEST:
        return ""
    use = "Run this again with %s." % commands[0] if commands else "Install a newer one from python.org or your system."
    return "Glassformer needs Python %s or newer, and this is Python %s. %s" % (
        ".".join(map(str, OLDEST)),
        ".".join(map(str, version[:2])),
        use,
    )


def newer_pythons():
    # type: () -> list[str]
    """Commands on this machine that should be Pythons new enough."""
    return [name for name in ("python3.%d" % minor for minor in range(14, 10, -1)) if shutil.which(name)]


def requirements(project, extra):
    # type: (dict[str, object], str) -> list[str]
    """The requirements of an extra, with extras that it names put in their place."""
    extras = project["optional-dependencies"]
    found = []  # type: list[str]
    for requirement in extras[extra]:  # type: ignore[index]
        if requirement.startswith("glassformer["):
            found += requirements(project, requirement.split("[")[1].rstrip("]"))
        else:
            found.append(requirement)
    return found


def wanted(project, stage):
    # type: (dict[str, object], str) -> list[str]
    """What pip installs for a stage. ``read`` leaves PyTorch, and what only a model needs, for later."""
    core = list(project["dependencies"])  # type: list[str]  # type: ignore[call-overload]
    if stage == "read":
        core = [r for r in core if r.startswith("platformdirs")]
    return core + requirements(project, stage)


def torch_options(system, gpu, pip_is_configured, chosen):
    # type: (str, bool, bool, str | None) -> list[str]
    """Where pip takes PyTorch from: PyTorch's CPU index on Linux without an NVIDIA GPU, unless somebody has chosen."""
    if chosen:
        return ["--index-url", chosen]
    if system == "Linux" and not gpu and not pip_is_configured:
        return ["--index-url", CPU_INDEX]
    return []


def has_gpu():
    # type: () -> bool
    """Whether an NVIDIA GPU answers."""
    if not shutil.which("nvidia-smi"):
        return False
    return subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def pip_is_configured(listing, environment):
    # type: (str, dict[str, str]) -> bool
    """Whether pip has been told where packages come from, by ``pip config list`` or by the environment."""
    names = ("index-url", "extra-index-url", "find-links")
    told = any(line.split("=")[0].split(".")[-1] in names for line in listing.splitlines())
    return told or any("PIP_" + name.replace("-", "_").upper() in environment for name in names)


def fingerprint(stage):
    # type: (str) -> str
    """What a finished stage depends on."""
    digest = hashlib.sha256()
    for part in (stage, platform.python_version(), os.environ.get("CONSTRAINTS", "")):
        digest.update(part.encode() + b"\0")
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes() + b"\0")
    return digest.hexdigest()


def is_ready(stage):
    # type: (str) -> bool
    """Whether a stage was finished for just what the project now asks for."""
    stamp = STAMPS / stage
    return stamp.exists() and stamp.read_text() == fingerprint(stage)


def python():
    # type: () -> str
    """The Python of the virtual environment."""
    return str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def make_venv():
    # type: () -> None
    """Make ``.venv``, or make it anew if its Python has gone or is another version than this one."""
    if VENV.exists():
        asked = "import platform; print(platform.python_version())"
        try:
            answer = subprocess.run([python(), "-c", asked], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if answer.stdout.decode().strip() == platform.python_version():
                return
        except OSError:
            pass
        say("The .venv here was made by another Python; it is made anew.")
        shutil.rmtree(str(VENV))
    done = subprocess.run([sys.executable, "-m", "venv", str(VENV)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        shutil.rmtree(str(VENV), ignore_errors=True)
        hint = "On Debian and Ubuntu: sudo apt install python3-venv." if "ensurepip" in done.stdout.decode() else ""
        raise SetupError("Python could not make %s. %s\n%s" % (VENV, hint, done.stdout.decode().strip()))


def pip(*arguments):
    # type: (str) -> None
    """Run pip in the virtual environment. Its words go to the log; raises ``SetupError`` with the last of them."""
    constraints = [] if os.environ.get("CONSTRAINTS") == "none" else ["-c", str(ROOT / "constraints.txt")]
    command = [
        python(),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--prefer-binary",
        *constraints,
        *arguments,
    ]
    with LOG.open("ab") as log:
        place = log.tell()
        log.write((" ".join(command) + "\n").encode())
        log.flush()
        code = subprocess.run(command, cwd=str(ROOT), stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
    if code:
        said = LOG.read_bytes()[place:].decode(errors="replace").strip().splitlines()
        last = "\n  ".join([line for line in said if line.startswith("ERROR")][-3:] or said[-3:])
        raise SetupError(
            "pip could not install what is needed (all of its words: %s). Check the network and the free space, and run"
            " this again; it goes on where it stopped. If a pinned version does not exist for your machine, set"
            " CONSTRAINTS=none."
            "\n  %s" % (LOG, last)
        )


def install(stage):
    # type: (str) -> None
    """Bring one stage up to date."""
    import tomllib

    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    say("Installing %s." % SIZES[stage])
    began = time.time()
    packages = wanted(project, stage)
    if stage in ("guide", "dev", "hub", "reference"):
        listing = subprocess.run([python(), "-m", "pip", "config", "list"], stdout=subprocess.PIPE).stdout.decode()
        configured = pip_is_configured(listing, dict(os.environ))
        options = torch_options(platform.system(), has_gpu(), configured, os.environ.get("TORCH_INDEX"))
        if options:
            pip(*options, *[r for r in packages if r.startswith("torch")])
    pip(*packages)
    if not is_ready("project"):
        pip("--no-deps", "-e", ".")
        mark("project")
    mark(stage)
    if stage == "guide":
        mark("read")
    say("Done in %.0f s." % (time.time() - began))


def mark(stage):
    # type: (str) -> None
    """Note that a stage is finished."""
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / stage).write_text(fingerprint(stage))


class Lock:
    """One set-up at a time. The system frees the lock when its process ends, however it ends."""

    def __enter__(self):
        # type: () -> None
        self.file = (VENV / "setup.lock").open("a+b")
        waited = False
        while not self._try():
            if not waited:
                say("Another set-up is running; waiting for it.")
            waited = True
            time.sleep(0.2)

    def _try(self):
        # type: () -> bool
        try:
            if sys.platform == "win32":
                import msvcrt

                self.file.seek(0)
                msvcrt.locking(self.file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def __exit__(self, *_):
        # type: (object) -> None
        self.file.close()


def status():
    # type: () -> dict[str, bool]
    """Which stages are ready."""
    return {stage: is_ready(stage) for stage in STAGES}


def say(sentence):
    # type: (str) -> None
    """Tell the person, at once."""
    print(sentence, flush=True)


def main(arguments):
    # type: (list[str]) -> int
    """Bring the stages named in ``arguments`` up to date. Returns the exit status."""
    problem = version_problem(sys.version_info[:3], newer_pythons())
    if problem:
        print(problem, file=sys.stderr)
        return 1
    if arguments == ["--status"]:
        print(json.dumps(status()))
        return 0
    if not arguments or not set(arguments) <= set(STAGES):
        print("usage: python3 tools/env.py %s, or --status" % " | ".join(STAGES), file=sys.stderr)
        return 1
    try:
        if all(is_ready(stage) for stage in arguments):
            return 0
        make_venv()
        with Lock():
            for stage in arguments:
                if not is_ready(stage):
                    install(stage)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            "Set-up cannot write to %s: %s. Free it or move the project, and run this again." % (VENV, error),
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again; it goes on where it stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
