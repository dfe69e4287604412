"""Checkpoints of a run: written whole or not at all, checked when read, and free of how many processes there are.

A checkpoint is a folder of safetensors files, which PyTorch's distributed checkpoint writes and reads, and a
``state.json`` with the step, facts about the run, and a checksum of each file. It is written beside and renamed, so
that a process may be killed at any moment. Nothing in it is unpickled. Taught in ``transformers``, section 14.
"""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_loader import load as load_shards
from torch.distributed.checkpoint.state_dict_saver import save as save_shards

from glassformer.train.group import ALONE, Group

STATE: Final = "state.json"
FOLDER: Final = "checkpoints"


class CheckpointError(RuntimeError):
    """A checkpoint could not be written, or does not fit what is to go on from it."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was found whole: where it is, after how many steps it was written, and facts about the run."""

    path: Path
    step: int
    facts: Mapping[str, Any]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The tensors it holds, by name, each with its whole shape, however many processes wrote it."""
        found = HuggingFaceStorageReader(str(self.path)).read_metadata().state_dict_metadata
        return {name: tuple(entry.size) for name, entry in found.items()}  # type: ignore[union-attr]

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill ``tensors``, whole or sharded, with what is stored under their names.

        Raises ``CheckpointError`` if a name is missing or a shape differs.
        """
        stored = self.shapes()
        for name, tensor in tensors.items():
            if stored.get(name) != tuple(tensor.shape):
                raise CheckpointError(
                    f"{self.path} does not fit: {name} has the shape {tuple(tensor.shape)} here and "
                    f"{stored.get(name, 'none')} there."
                )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that there is a single process is as intended
            load_shards(dict(tensors), storage_reader=HuggingFaceStorageReader(str(self.path)))


def save(
    folder: Path,
    step: int,
    tensors: Mapping[str, Tensor],
    facts: Mapping[str, Any],
    keep: int = 2,
    group: Group = ALONE,
) -> Path:
    """Write a checkpoint into ``folder``; older ones but the last ``keep`` are removed once it is there.

    All processes of the ``group`` call it together, and write their shards side by side.

    Args:
        folder: of the run.
        step: how many steps are done.
        tensors: by name; sharded ones are written as shards.
        facts: what else is to be known; what JSON can hold.
        keep: at least 1.
        group: the processes.

    Raises ``CheckpointError`` if it cannot be written, as on a full disk; what was there before is untouched.
    """
    place = folder / FOLDER / f"step-{step:08}"
    beside = place.with_name(f".writing-{step:08}")
    try:
        if group.rank == 0:
            for old in place.parent.glob(".writing-*"):  # of a process that was killed
                shutil.rmtree(old)
            beside.mkdir(parents=True)
        group.wait()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            save_shards(
                dict(tensors), storage_writer=HuggingFaceStorageWriter(str(beside), save_distributed=True)
            )  # flushed to the disk, file by file
        group.wait()
        if group.rank == 0:
            state = {"step": step, "facts": dict(facts), "files": dict(_checksums(beside))}
            _write(beside / STATE, json.dumps(state, indent=1))
            _flush(beside)
            if place.exists():
                shutil.rmtree(place)
            beside.rename(place)
            _flush(place.parent)
            for old in _found(folder)[keep:]:
                shutil.rmtree(old)
        group.wait()
    except (OSError, CheckpointException) as error:
        if group.rank == 0:
            shutil.rmtree(beside, ignore_errors=True)
        last = _found(folder)
        raise CheckpointError(
            f"The checkpoint of step {step} could not be written: {_cause(error)}. "
            + (f"The last good one is {last[0]}: the steps after it are lost." if last else "There is none before it.")
            + " Make room, and start the same command again."
        ) from error
    return place


def newest(folder: Path, say: Callable[[str], object] = lambda sentence: None) -> Checkpoint | None:
    """The last checkpoint in ``folder`` that is whole, or ``None``. ``say`` hears which ones are damaged, and how."""
    for place in _found(folder):
        try:
            state = json.loads((place / STATE).read_text("utf-8"))
            files = dict(_checksums(place))
            if state["files"] != files:
                bad = sorted(name for name in {*state["files"], *files} if state["files"].get(name) != files.get(name))
                raise ValueError(f"{bad[0]} is {'damaged' if bad[0] in files else 'missing'}")
            return Checkpoint(place, state["step"], state["facts"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            say(f"The checkpoint {place} is not used: {error}. The steps after the one before it are done again.")
    return None


def _found(folder: Path) -> list[Path]:
    """The checkpoints, the newest first."""
    return sorted((folder / FOLDER).glob("step-*"), reverse=True)


def _checksums(place: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(place.glob("*.safetensors")):
        with path.open("rb") as file:
            yield path.name, hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """Let a new name in ``folder`` survive a power cut, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cause(error: BaseException) -> str:
    """What went wrong, in the words of the system if it is the system's fault."""
    inner = next(iter(error.failures.values()))[0] if isinstance(error, CheckpointException) else error
    return (inner.strerror or str(inner)) if isinstance(inner, OSError) else (str(inner).splitlines() or ["?"])[0]
