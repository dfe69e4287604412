"""The server as a reader starts it: a real process, real requests, a real Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

READ = [sys.executable, "-m", "glassformer.cli", "read", "--no-browser"]


@dataclass
class Server:
    process: "subprocess.Popen[str]"
    address: str
    home: Path

    @property
    def port(self) -> int:
        return int(urlsplit(self.address).port or 0)

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.address).query)["token"][0]

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request, the path sent as it stands, no redirect followed."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        result = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return result


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    process = subprocess.Popen(
        READ, env={**os.environ, "GLASSFORMER_HOME": str(home)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = ""
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            address = found[0]
        if "Ctrl-C" in line:
            break
    yield Server(process, address, home)
    process.kill()
    process.wait()


def test_opens_with_the_token_and_stays_open_by_cookie(server):
    status, headers, body = server.get(urlsplit(server.address).path + f"?token={server.token}")
    assert status == 200 and headers["Content-Type"] == "text/html" and b"Glassformer" in body
    cookie = headers["Set-Cookie"].split(";")[0]
    assert server.get("/guide/nn_intro.html", Cookie=cookie)[0] == 200


@pytest.mark.parametrize(
    "path", ["/guide/index.html", "/guide/_static/book.js", "/api/contents", "/api/status", "/guide/?token=wrong"]
)
def test_nothing_without_the_token(server, path):
    status, headers, _ = server.get(path)
    assert status in (302, 403)
    assert status == 403 or "/login" in headers["Location"]


@pytest.mark.parametrize(
    "path", ["/guide/../../pyproject.toml", "/guide/%2e%2e/built.json", "/guide/..%2fbuilt.json", "/guide//etc/passwd"]
)
def test_nothing_outside_the_site(server, path):
    assert server.get(path, Authorization=f"token {server.token}")[0] in (403, 404)


def test_a_foreign_host_is_refused(server):
    assert server.get("/guide/index.html", Host="evil.example", Authorization=f"token {server.token}")[0] == 403


def test_listens_on_this_machine_alone(server):
    others = {a[4][0] for a in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        with socket.socket() as probe:
            probe.settimeout(5)
            assert probe.connect_ex((address, server.port)) != 0


def test_root_leads_to_the_guide(server):
    status, headers, _ = server.get("/", Authorization=f"token {server.token}")
    assert status == 302 and headers["Location"].endswith("/guide/index.html")


def test_unknown_page_is_404(server):
    assert server.get("/guide/nowhere.html", Authorization=f"token {server.token}")[0] == 404


def test_a_taken_port_is_said(server):
    done = subprocess.run(
        [*READ, "--port", str(server.port)],
        env={**os.environ, "GLASSFORMER_HOME": str(server.home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"glassformer: Port {server.port} cannot be used: Address already in use. "
        "Leave --port away, and a free one is chosen."
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_ctrl_c_stops_cleanly_and_a_second_start_builds_nothing(server):
    """Runs last in this module: it ends the server."""
    server.process.send_signal(signal.SIGINT)
    assert server.process.stdout is not None
    assert server.process.stdout.read().strip() == "Stopped."
    assert server.process.wait(timeout=30) == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.address, timeout=5)
    code = (
        "import sys; from glassformer.app.site import up_to_date_site; said = []; "
        "up_to_date_site(said.append); print(said, 'sphinx.application' in sys.modules)"
    )
    again = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GLASSFORMER_HOME": str(server.home)},
        capture_output=True,
        text=True,
    )
    assert again.stdout.strip() == "[] False", again.stderr
