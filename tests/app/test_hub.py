"""A class on JupyterHub, with the very configuration that the page shows: two students, neither sees the other's.

A real hub, its real proxy, real servers and kernels. The accounts are those of the page's rehearsal, because a test
makes no accounts on the machine it runs on: what is tried here is what the hub and the servers let through.
"""

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import websocket

from glassformer.app.site import guide_folder
from tests.conftest import FULL, skip

pytestmark = pytest.mark.execute

PAGE = (guide_folder() / "classes.md").read_text("utf-8")
PASSWORD = "only to rehearse"
WAIT = 120.0
"""Seconds after which something that takes 10 on an idle machine counts as not coming."""


def until(what: str, ask: Callable[[], Any], log: Path) -> Any:
    """The first answer of ``ask`` that is not falsy. Fails, with the end of the hub's log, if there is none in time."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.1)
    pytest.fail(f"No {what} within {WAIT:.0f} s. The log ends so:\n{log.read_text('utf-8')[-3000:]}")


def on_the_page(beginning: str) -> str:
    """The configuration on the page that begins so."""
    (found,) = re.findall(rf"^```python static\n({re.escape(beginning)}.*?)^```", PAGE, re.S | re.M)
    return str(found)


@dataclass
class Student:
    """A student with a browser of their own: cookies, and what a page's script would send."""

    name: str
    hub: "Hub"
    browser: requests.Session = field(default_factory=requests.Session)
    seconds: float = 0.0

    def sign_in(self, password: str = PASSWORD, **more: Any) -> requests.Response:
        login = f"{self.hub.address}/hub/login"
        self.browser.get(login)
        form = {"username": self.name, "password": password, "_xsrf": self.browser.cookies.get("_xsrf", path="/hub/")}
        return self.browser.post(login, form, timeout=WAIT, **more)

    def arrive(self) -> "Student":
        """Sign in and wait for the server, as the page that is shown meanwhile does."""
        began = time.monotonic()
        assert self.sign_in().status_code == 200
        until(f"server for {self.name}", lambda: self.browser.get(self.hub.address).url == self.home, self.hub.log)
        self.seconds = time.monotonic() - began
        return self

    @property
    def home(self) -> str:
        return f"{self.hub.address}/user/{self.name}/guide/index.html"

    def ask(self, method: str, path: str, owner: str = "", **more: Any) -> requests.Response:
        """A request to the server of ``owner`` (default: their own), with that server's XSRF cookie as a header."""
        owner = owner or self.name
        token = self.browser.cookies.get("_xsrf", path=f"/user/{owner}/") or ""
        address = f"{self.hub.address}/user/{owner}/{path}"
        return self.browser.request(method, address, headers={"X-XSRFToken": token}, timeout=WAIT, **more)

    def token(self) -> dict[str, str]:
        """A token of theirs, as a header. It passes the XSRF check, so that only the owner is looked at."""
        mine = {"X-XSRFToken": self.browser.cookies.get("_xsrf", path="/hub/") or ""}
        answer = self.browser.post(f"{self.hub.address}/hub/api/users/{self.name}/tokens", json={}, headers=mine)
        return {"Authorization": f"token {answer.json()['token']}"}

    def channel(self, kernel: str, owner: str = "", header: dict[str, str] | None = None) -> websocket.WebSocket:
        """The WebSocket to a kernel."""
        address = f"/user/{owner or self.name}/api/kernels/{kernel}/channels"
        request = requests.Request("GET", self.hub.address + address, cookies=self.browser.cookies).prepare()
        return websocket.create_connection(
            self.hub.address.replace("http", "ws") + address,
            timeout=WAIT,
            origin=self.hub.address,
            cookie=request.headers.get("Cookie"),
            header=header,
        )

    def run(self, kernel: str, code: str) -> str:
        """What ``code`` prints in the kernel, and the name of its error."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": uuid.uuid4().hex}
        header |= {"username": self.name, "version": "5.3", "date": ""}
        content = {"code": code, "silent": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        said = ""
        channel = self.channel(kernel)
        try:
            channel.send(json.dumps(message))
            while True:
                answer = json.loads(channel.recv())
                if answer["parent_header"].get("msg_id") != header["msg_id"]:
                    continue
                got = answer["content"]
                if answer["msg_type"] == "stream":
                    said += got["text"]
                elif answer["msg_type"] == "error":
                    said += got["ename"]
                elif answer["msg_type"] == "status" and got["execution_state"] == "idle":
                    return said
        finally:
            channel.close()


@dataclass
class Hub:
    """A hub that runs."""

    process: "subprocess.Popen[bytes]"
    address: str
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def servers(self) -> list[psutil.Process]:
        """The students' servers."""
        found = psutil.Process(self.process.pid).children()
        alive = [child for child in found if child.status() != psutil.STATUS_ZOMBIE]
        return [child for child in alive if "singleuser" in " ".join(child.cmdline())]


def free_ports(number: int) -> list[int]:
    """Ports that are free now; they are held until all have been found."""
    probes = [socket.socket() for _ in range(number)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def running(folder: Path, site: Path, change: tuple[str, str] = ("", ""), more: str = "") -> Iterator[Hub]:
    """A hub with the page's configuration, its rehearsal and ``more``, in a folder and on ports of its own."""
    if not all(importlib.util.find_spec(name) for name in ("jupyterhub", "configurable_http_proxy")):
        skip("JupyterHub", "python3 tools/env.py hub")
    outside, inside, api = free_ports(3)
    configuration = on_the_page("import sys") + on_the_page("c.JupyterHub.authenticator_class") + more
    assert "/srv/glassformer/site" in configuration and PASSWORD in configuration and change[0] in configuration
    configuration = configuration.replace("/srv/glassformer/site", str(site)).replace(*change)
    configuration += (
        f"c.JupyterHub.bind_url = 'http://127.0.0.1:{outside}'\n"
        f"c.JupyterHub.hub_port = {inside}\n"
        f"c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{api}'\n"
        f"c.SimpleLocalProcessSpawner.home_dir_template = {str(folder / 'home')!r} + '/{{username}}'\n"
    )
    if os.geteuid() == 0:  # as in CI; the page's students are never root
        configuration += "c.Spawner.args.append('--allow-root')\n"
    folder.mkdir()
    (folder / "jupyterhub_config.py").write_text(configuration, "utf-8")
    passed = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub"],
            cwd=folder,
            env={**passed, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    hub = Hub(process, f"http://127.0.0.1:{outside}", folder)

    def answers() -> bool:
        assert process.poll() is None, hub.log.read_text("utf-8")
        try:
            return requests.get(f"{hub.address}/hub/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    try:
        until("hub", answers, hub.log)
        yield hub
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End the hub, and whatever it leaves behind: the proxy and the servers have sessions of their own."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, left = psutil.wait_procs(family, timeout=10)
    for survivor in left:
        survivor.kill()
    psutil.wait_procs(left, timeout=10)


@pytest.fixture(scope="module")
def hub(tmp_path_factory, site) -> Iterator[Hub]:
    if not FULL:  # a module's fixtures are made before the marker is looked at
        skip("a class on JupyterHub, which takes a minute", "GLASSFORMER_FULL=1 make test")
    with running(tmp_path_factory.mktemp("class") / "hub", site) as hub:
        yield hub


@pytest.fixture(scope="module")
def ann(hub) -> Student:
    return Student("ann", hub).arrive()


@pytest.fixture(scope="module")
def bert(hub) -> Student:
    return Student("bert", hub).arrive()


@pytest.fixture(scope="module")
def token(ann) -> dict[str, str]:
    """Ann's token. It opens her own server, so a refusal elsewhere is about whose server it is."""
    header = ann.token()
    assert requests.get(f"{ann.hub.address}/user/ann/api/kernels", headers=header).status_code == 200
    return header


@pytest.fixture(scope="module")
def kernels(ann, bert) -> dict[str, str]:
    """The kernels of the same page, with a name in each, and a file of Bert's."""
    found = {s.name: str(s.ask("POST", "glassformer/kernels/nn_intro").json()["id"]) for s in (ann, bert)}
    assert ann.run(found["ann"], "x = 'ann'; print(x)") == "ann\n"
    assert bert.run(found["bert"], "import pathlib; print(pathlib.Path('notes.txt').write_text('of Bert'))") == "7\n"
    return found


PATHS = [
    "guide/index.html",
    "guide/_static/book.js",
    "glassformer/static/live.js",
    "glassformer/kernels/nn_intro",
    "glassformer/progress",
    "glassformer/progress.json",
    "glassformer/edits/nn_intro",
    "files/notes.txt",
    "api/contents/notes.txt",
    "api/kernels",
    "api/kernels/{kernel}",
    "api/sessions",
    "api/terminals",
]


def test_signing_in_leads_to_the_guide(ann, bert):
    for student in (ann, bert):
        page = student.browser.get(student.hub.address)
        assert page.url == student.home and "<h1>Glassformer" in page.text
        assert student.ask("GET", "guide/nn_intro.html").status_code == 200
        assert (
            student.ask("GET", "", allow_redirects=False).headers["Location"]
            == f"/user/{student.name}/guide/index.html"
        )


def test_the_pages_are_built_once_for_all(ann, bert):
    homes = ann.hub.folder / "home"
    assert {path.name for path in homes.iterdir()} == {"ann", "bert"}
    assert list(homes.rglob("index.html")) == []


def test_each_has_a_kernel_of_their_own(ann, bert, kernels):
    assert kernels["ann"] != kernels["bert"]
    assert ann.run(kernels["ann"], "print(x)") == "ann\n"
    assert bert.run(kernels["bert"], "print(x)") == "NameError"
    for student in (ann, bert):
        assert [kernel["id"] for kernel in student.ask("GET", "api/kernels").json()] == [kernels[student.name]]


def test_each_has_progress_of_their_own(ann, bert):
    sent = ann.ask("POST", "glassformer/answers", json={"exercise": "nn.sigmoid", "answer": "64.6 %"})
    assert sent.json()["passed"] is True
    assert ann.ask("GET", "glassformer/progress").json()["exercises"]["nn.sigmoid"]["passed"]
    assert bert.ask("GET", "glassformer/progress").json()["exercises"] == {}
    kept = ".local/share/glassformer/progress.sqlite3"  # as the page says
    assert kept in PAGE and (ann.hub.folder / "home" / "ann" / kept).exists()


@pytest.mark.parametrize("path", PATHS)
def test_one_opens_nothing_of_the_other(ann, bert, kernels, token, path):
    path = path.format(kernel=kernels["bert"])
    assert bert.ask("GET", path).status_code == 200
    assert ann.ask("GET", path, "bert").status_code == 403
    assert requests.get(f"{ann.hub.address}/user/bert/{path}", headers=token).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "glassformer/answers", {"exercise": "nn.sigmoid", "answer": "64.6 %"}),
        ("PUT", "glassformer/path", {"path": "beginner"}),
        ("PUT", "glassformer/kernels/nn_intro", {}),
        ("POST", "api/kernels/{kernel}/interrupt", {}),
        ("DELETE", "api/kernels/{kernel}", {}),
        ("PUT", "api/contents/notes.txt", {"type": "file", "format": "text", "content": "of Ann"}),
        ("POST", "api/terminals", {}),
    ],
)
def test_one_changes_nothing_of_the_other(ann, bert, kernels, token, method, path, body):
    path = path.format(kernel=kernels["bert"])
    before = bert.ask("GET", "glassformer/progress").json()
    assert ann.ask(method, path, "bert", json=body).status_code == 403
    address = f"{ann.hub.address}/user/bert/{path}"
    assert requests.request(method, address, json=body, headers=token).status_code == 403
    assert bert.ask("GET", "glassformer/progress").json() == before
    assert bert.run(kernels["bert"], "print(open('notes.txt').read())") == "of Bert\n"
    assert bert.ask("GET", "api/terminals").json() == []


def test_one_reaches_no_kernel_of_the_other(ann, kernels, token):
    ann.channel(kernels["ann"], header=token).close()
    for header in (None, token):
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            ann.channel(kernels["bert"], "bert", header)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_without_signing_in(hub, bert, kernels, path):
    answer = Student("nobody", hub).ask("GET", path.format(kernel=kernels["bert"]), "bert")
    assert answer.status_code == 403 or "/hub/login" in answer.url


def test_no_kernel_without_signing_in(hub, kernels):
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        Student("nobody", hub).channel(kernels["bert"], "bert")


@pytest.mark.parametrize(("name", "password"), [("ann", "guessed"), ("carl", PASSWORD)])
def test_only_the_class_signs_in(hub, name, password):
    assert Student(name, hub).sign_in(password).status_code == 403


def test_progress_can_be_taken_along(ann, tmp_path):
    ann.ask("POST", "glassformer/answers", json={"exercise": "nn.sigmoid", "answer": "64.6 %"})
    kept = tmp_path / "glassformer-progress.json"
    kept.write_bytes(ann.ask("GET", "glassformer/progress.json").content)
    environment = {**os.environ, "GLASSFORMER_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "glassformer.cli", "progress"]
    subprocess.run([*command, "--import", str(kept)], env=environment, check=True)
    subprocess.run([*command, "--export", str(tmp_path / "back.json")], env=environment, check=True)
    at_home = json.loads((tmp_path / "back.json").read_text("utf-8"))
    assert at_home == json.loads(kept.read_text("utf-8")) and at_home["attempts"]
    assert ann.ask("POST", "glassformer/progress", json=at_home).json() == {"added": 0}


def test_memory_is_what_the_page_says(ann, bert, kernels):
    """Within a half: other versions of Python and of PyTorch, and machines with more cores, need more."""

    def most(row: str) -> float:
        return 1.5 * float(re.search(rf"^\| [^|]*{row}[^|]*\| \d+–(\d+) MB \|$", PAGE, re.M)[1])

    def megabytes(*processes: psutil.Process) -> float:
        return sum(process.memory_info().rss for process in processes) / 1e6

    ann.run(kernels["ann"], "import torch, glassformer.parts; torch.ones(2) + 1")
    hub = psutil.Process(ann.hub.process.pid)
    servers = ann.hub.servers()
    (kernel,) = [k for server in servers for k in server.children() if kernels["ann"] in " ".join(k.cmdline())]
    others = [child for child in hub.children() if child not in servers]
    measured = {
        "JupyterHub, its proxy": megabytes(hub, *others),
        "the server of one student": max(map(megabytes, servers)),
        "imported PyTorch": megabytes(kernel),
    }
    print("MB:", measured, "s:", ann.seconds, bert.seconds)
    for row, size in measured.items():
        assert size < most(row), row


def test_a_server_that_nobody_uses_is_stopped_and_comes_back(tmp_path, site):
    with running(tmp_path / "hub", site, ("--timeout=3600", "--timeout=4")) as hub:
        ann = Student("ann", hub).arrive()
        until("end of an idle server", lambda: not hub.servers(), hub.log)
        until("button", lambda: "/hub/spawn/ann" in ann.browser.get(ann.home).text, hub.log)
        ann.browser.get(f"{hub.address}/hub/spawn")
        until("server again", lambda: ann.browser.get(hub.address).url == ann.home, hub.log)


def test_behind_a_web_server_the_sign_in_travels_by_https_alone(tmp_path, site):
    with running(tmp_path / "hub", site, more=on_the_page("c.ConfigurableHTTPProxy.command.append")) as hub:
        ann = Student("ann", hub)
        ann.browser.headers["X-Forwarded-Proto"] = "https"  # as a web server with HTTPS says
        assert ann.sign_in(allow_redirects=False).status_code == 302
        assert {c.name for c in ann.browser.cookies if c.secure} >= {"jupyterhub-hub-login", "jupyterhub-session-id"}
