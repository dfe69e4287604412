"""A server as a reader starts it, for tests: a real process with a home of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

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

    def page(self, name: str) -> str:
        return self.address.replace("index.html", f"{name}.html")

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        return self.ask("GET", path, headers=headers)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request, the path sent as it stands, no redirect followed. ``body`` goes as JSON, bytes as they are."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, data, headers or {})
        answer = connection.getresponse()
        result = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return result

    def sign_in(self) -> dict[str, str]:
        """The headers of a browser that has opened a page: its cookies, and the token against forged requests."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/guide/index.html?token={self.token}")
        answer = connection.getresponse()
        answer.read()
        cookies = [value.split(";")[0] for name, value in answer.getheaders() if name == "Set-Cookie"]
        connection.close()
        xsrf = next(cookie.split("=", 1)[1] for cookie in cookies if cookie.startswith("_xsrf="))
        return {"Cookie": "; ".join(cookies), "X-XSRFToken": xsrf}


@contextmanager
def serve(home: Path, like: Server | None = None, **environment: str) -> Iterator[Server]:
    """``glassformer read`` with ``home`` as its ``GLASSFORMER_HOME``; the pages of ``like`` need not be built again."""
    if like:
        shutil.copytree(like.home / "read", home / "read")
        shutil.copy(like.home / "built.json", home)
    process = subprocess.Popen(
        READ, env={**os.environ, "GLASSFORMER_HOME": str(home), **environment}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = ""
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            address = found[0]
        if "Ctrl-C" in line:
            break
    try:
        yield Server(process, address, home)
    finally:
        process.terminate()
        process.wait()
