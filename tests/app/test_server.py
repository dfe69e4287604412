"""The server as a reader starts it: a real process, real requests, a real Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.app.serving import READ, Server, serve

API = [
    ("GET", "/glassformer/kernels/nn_intro", None),
    ("POST", "/glassformer/kernels/nn_intro", {}),
    ("PUT", "/glassformer/kernels/nn_intro", {}),
    ("GET", "/glassformer/weights/smollm2", None),
    ("GET", "/glassformer/edits/nn_intro", None),
    ("PUT", "/glassformer/edits/nn_intro/3.2-1", {"digest": "a", "source": "b"}),
    ("DELETE", "/glassformer/edits/nn_intro/3.2-1", {"digest": "a"}),
    ("GET", "/glassformer/progress", None),
    ("POST", "/glassformer/progress", {}),
    ("DELETE", "/glassformer/progress", None),
    ("GET", "/glassformer/progress.json", None),
    ("POST", "/glassformer/answers", {"exercise": "nn.sigmoid", "answer": "65"}),
    ("PUT", "/glassformer/ticks/beginner:attention", {"on": True}),
    ("PUT", "/glassformer/path", {"path": "beginner"}),
]
JUPYTER = [  # what Jupyter Server itself offers, behind the same door
    ("GET", "/api/kernels", None),
    ("POST", "/api/kernels", {}),
    ("GET", "/api/contents", None),
    ("POST", "/api/contents", {}),
    ("GET", "/files/server/anything", None),
    ("GET", "/api/sessions", None),
    ("POST", "/api/shutdown", {}),
]


def named(case):
    return f"{case[0]} {case[1]}"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running


def test_opens_with_the_token_and_stays_open_by_cookie(server):
    status, headers, body = server.get(f"{urlsplit(server.address).path}?token={server.token}")
    assert status == 200 and headers["Content-Type"].startswith("text/html") and b"Glassformer" in body
    assert server.get("/guide/nn_intro.html", Cookie=server.sign_in()["Cookie"])[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/guide/index.html",
        "/guide/_static/book.js",
        "/glassformer/static/live.js",
        "/api/status",
        "/guide/index.html?token=wrong",
    ],
)
def test_nothing_without_the_token(server, path):
    status, headers, _ = server.get(path)
    assert status in (302, 403)
    assert status == 403 or "/login" in headers["Location"]


@pytest.mark.parametrize("case", API + JUPYTER, ids=named)
def test_no_request_without_the_token(server, case):
    method, path, body = case
    for headers in ({}, {"Authorization": "token wrong"}, {"Cookie": "_xsrf=a", "X-XSRFToken": "a"}):
        status, said, _ = server.ask(method, path, body, headers)
        assert status in (403, 404) or (status == 302 and "/login" in said["Location"]), headers


@pytest.mark.parametrize("path", ["/api/contents", "/files/server", "/view/x", "/nbconvert/html/x", "/api/terminals"])
def test_what_the_guide_does_not_need_is_not_served(server, path):
    """No files, no conversions, no terminals: not even for those who hold the token."""
    assert server.get(path, Authorization=f"token {server.token}")[0] == 404


@pytest.mark.parametrize("case", [c for c in API + JUPYTER if c[0] != "GET"], ids=named)
def test_no_change_without_the_xsrf_token(server, case):
    """What another site could make the reader's browser send: the cookies, without the token that our page knows."""
    method, path, body = case
    signed = server.sign_in()
    for headers in ({"Cookie": signed["Cookie"]}, {**signed, "X-XSRFToken": "wrong"}):
        assert server.ask(method, path, body, headers)[0] == 403


@pytest.mark.parametrize("case", API + JUPYTER, ids=named)
def test_a_foreign_host_is_refused_everywhere(server, case):
    method, path, body = case
    assert server.ask(method, path, body, {**server.sign_in(), "Host": "evil.example"})[0] == 403


@pytest.mark.parametrize("case", API, ids=named)
def test_a_foreign_origin_is_refused(server, case):
    method, path, body = case
    headers = {**server.sign_in(), "Origin": "http://evil.example", "Referer": "http://evil.example/"}
    status, said, _ = server.ask(method, path, body, headers)
    assert status in (403, 404) or "Access-Control-Allow-Origin" not in said, "another site could read the answer"
    if method != "GET":
        assert status in (403, 404)


def test_a_kernel_is_not_reached_from_a_foreign_origin(server):
    """A WebSocket obeys no same-origin rule in the browser: the server must look at its ``Origin``."""
    signed = server.sign_in()
    kernel = json.loads(server.ask("POST", "/glassformer/kernels/nn_intro", {}, signed)[2])["id"]
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    path = f"/api/kernels/{kernel}/channels"
    ours = {**upgrade, "Cookie": signed["Cookie"], "Origin": f"http://127.0.0.1:{server.port}"}
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *(f"{k}: {v}" for k, v in ours.items())]
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        assert line.recv(40).startswith(b"HTTP/1.1 101")
    assert server.get(path, **{**ours, "Origin": "http://evil.example"})[0] == 403
    assert server.get(path, **{**upgrade, "Origin": ours["Origin"]})[0] == 403
    assert server.ask("DELETE", f"/api/kernels/{kernel}", None, signed)[0] == 204


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", "/glassformer/answers", {"exercise": "nn.sigmoit", "answer": "1"}, "Did you mean nn.sigmoid?"),
        ("POST", "/glassformer/answers", {"exercise": "nn.neuron", "answer": "x"}, "is answered in code"),
        ("POST", "/glassformer/answers", b"no json", "must be a JSON object with exercise, answer"),
        ("POST", "/glassformer/answers", {"answer": "1"}, "must be a JSON object with exercise, answer"),
        ("POST", "/glassformer/answers", {"exercise": "nn.three-names-in-words", "answer": {"text": 3}}, ""),
        ("POST", "/glassformer/progress", {"format": "other"}, "no export of Glassformer's progress"),
        ("GET", "/glassformer/weights/smollm", None, "must be one of smollm2, "),
        ("PUT", "/glassformer/path", {"path": "begin"}, "must be one of beginner, practitioner, research"),
        ("PUT", "/glassformer/edits/nn_intro/3.2-1", b'"' + b"x" * 1_000_001 + b'"', "at most 1,000,000"),
    ],
)
def test_bad_requests_get_one_clear_sentence(server, method, path, body, said):
    status, _, answer = server.ask(method, path, body, server.sign_in())
    assert status in (200, 400, 507) and said in json.loads(answer).get("message", "")


def test_api_keeps_edits_answers_ticks_and_the_path(server):
    signed = server.sign_in()

    def ask(method, path, body=None):
        status, _, answer = server.ask(method, f"/glassformer/{path}", body, signed)
        assert status == 200, answer
        return json.loads(answer)

    ask("PUT", "edits/nn_intro/3.2-1", {"digest": "abc", "source": "x = 1"})
    ask("PUT", "edits/nn_intro/3.2-1", {"digest": "older", "source": "x = 0"})
    ask("PUT", "edits/nn_intro/nn.neuron", {"digest": "abc", "source": "x = 2"})
    ask("PUT", "edits/nn_intro/0-1", {"digest": "abc", "source": "x = 3"})
    assert ask("GET", "edits/nn_intro") == {
        "3.2-1": {"abc": "x = 1", "older": "x = 0"},
        "nn.neuron": {"abc": "x = 2"},
        "0-1": {"abc": "x = 3"},
    }
    for cell in ("nn.neuron", "0-1"):
        ask("DELETE", f"edits/nn_intro/{cell}", {"digest": "abc"})
    ask("DELETE", "edits/nn_intro/3.2-1", {"digest": "older"})
    ask("DELETE", "edits/nn_intro/3.2-1", {"digest": "abc"})
    assert ask("GET", "edits/nn_intro") == {}
    assert ask("POST", "answers", {"exercise": "nn.sigmoid", "answer": "0.646"})["passed"] is False
    assert ask("POST", "answers", {"exercise": "nn.sigmoid", "answer": "65 %"})["passed"] is True
    ask("PUT", "ticks/beginner:attention", {"on": True})
    ask("PUT", "path", {"path": "research"})
    summary = ask("GET", "progress")
    assert summary["exercises"]["nn.sigmoid"]["attempts"] == 2 and summary["exercises"]["nn.sigmoid"]["passed"]
    assert list(summary["ticked"]) == ["beginner:attention"] and summary["path"] == "research"
    export = ask("GET", "progress.json")
    assert ask("POST", "progress", export) == {"added": 0}


@pytest.mark.parametrize(
    "path",
    [
        "/guide/../../pyproject.toml",
        "/guide/%2e%2e/built.json",
        "/guide/..%2fbuilt.json",
        "/guide//etc/passwd",
        "/guide/..%2f..%2fsecret.html",
        "/guide/%2e%2e/%2e%2e/secret.html",
        "/guide//etc/secret.html",
        "/glassformer/static/../server.py",
        "/glassformer/static/..%2fserver.py",
        "/glassformer/edits/../progress",
        "/glassformer/kernels/..%2f..%2fetc",
    ],
)
def test_nothing_outside_the_site(server, path):
    (server.home.parent / "secret.html").write_text("secret")
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
