"""Safetensors out: as the reference library reads them, all or nothing, refused when a name or a tensor cannot be."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from glassformer.checkpoint import CheckpointError
from glassformer.checkpoint.files import INDEX, SINGLE, Weights
from glassformer.checkpoint.writing import stream, write
from tests.checkpoint.tiny import CONFIG, everything, same, sharded, tensors


@pytest.mark.parametrize("limit", [10**9, 200], ids=["one file", "shards"])
def test_the_library_reads_what_is_written(tmp_path: Path, limit: int) -> None:
    write(tmp_path, tensors(), CONFIG, {"format": "pt", "note": "é"}, shard_bytes=limit)
    found: dict[str, Tensor] = {}
    shards = sorted(tmp_path.glob("*.safetensors"))
    for shard in shards:
        found |= load_file(shard)
        assert limit == 10**9 or shard.stat().st_size < 1000  # 200 bytes, or one tensor, and the header
    with safe_open(shards[0], "pt") as opened:
        assert opened.metadata() == {"format": "pt", "note": "é"}
    assert same(found, tensors())
    assert same(everything(tmp_path), tensors())
    assert len(shards) == (1 if limit == 10**9 else 2)
    assert Weights.open(tmp_path).config == CONFIG
    if limit == 200:
        index = json.loads((tmp_path / INDEX).read_text("utf-8"))
        assert index["metadata"]["total_size"] == sum(t.numel() * t.element_size() for t in tensors().values())
        assert {name: (tmp_path / shard).is_file() for name, shard in index["weight_map"].items()} == dict.fromkeys(
            sorted(tensors()), True
        )
    assert not list(tmp_path.glob(".*"))


def test_one_tensor_under_two_names_is_refused(tmp_path: Path) -> None:
    embed = torch.randn(13, 7)
    for other in (embed, embed.detach(), embed.mT, embed.view(-1)):
        with pytest.raises(ValueError, match=r"'embed' and 'head' are one tensor\. Write 'embed' only"):
            write(tmp_path, {"embed": embed, "head": other}, CONFIG, shard_bytes=100)
    fused, turned = torch.randn(6, 7), torch.randn(5, 3).mT
    write(tmp_path, dict(zip("qkv", fused.chunk(3), strict=True)) | {"t": turned}, CONFIG)
    found = everything(tmp_path)
    assert torch.equal(torch.cat([found[n] for n in "qkv"]), fused) and torch.equal(found["t"], turned)


def test_numbers_lie_aligned_for_readers_that_map_the_file(tmp_path: Path) -> None:
    for length in range(8):
        write(
            tmp_path,
            {"a" * (length + 1): torch.ones(3).char(), "w": torch.ones(2, dtype=torch.float64), "v": torch.ones(3)},
            {},
        )
        weights = Weights.open(tmp_path)
        assert all(e.start % e.dtype.itemsize == 0 for e in weights._entries.values())
        weights.close()


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".writing").mkdir()
    (tmp_path / ".writing" / "7").touch()
    write(tmp_path, tensors(), CONFIG)
    assert {file.name for file in tmp_path.iterdir()} == {"config.json", SINGLE}


def test_memory_that_is_used_again_is_not_sharing(tmp_path: Path) -> None:
    def one_by_one() -> Iterator[tuple[str, Tensor]]:
        for number in range(20):  # each freed when the next is made, so that addresses come again
            yield f"{number:02}", torch.full((256, 256), float(number))

    write(tmp_path, one_by_one(), CONFIG, shard_bytes=256 * 256 * 4)
    assert [float(t.mean()) for t in everything(tmp_path).values()] == list(range(20))


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([("a", torch.ones(2)), ("a", torch.ones(3))], "'a' is given twice"),
        ([("__metadata__", torch.ones(2))], "kept for the format"),
        ([("a", torch.ones(2, device="meta"))], "meta device"),
        ([("a", torch.ones(2, dtype=torch.complex64))], "complex64"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, pairs: list[tuple[str, Tensor]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        write(tmp_path, pairs, CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    sharded(tmp_path)

    def failing() -> Iterator[tuple[str, Tensor]]:
        yield "embed", torch.zeros(13, 7)
        raise RuntimeError("out of luck")

    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(RuntimeError, match="out of luck"):
        write(tmp_path, failing(), {})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("before", [10**9, 200], ids=["one before", "shards before"])
@pytest.mark.parametrize("after", [10**9, 300], ids=["one after", "shards after"])
def test_a_crash_while_files_are_moved_is_no_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    old = {f"{n}": torch.full((50,), 1.0) for n in range(3)}
    new = {f"{n}": torch.full((50,), 2.0) for n in range(3)}
    moved = Path.replace
    for moves in range(5):
        folder = tmp_path / f"{moves}"
        write(folder, old, {"is": 1}, shard_bytes=before)
        left = [moves]

        def crash(self: Path, target: Path, left: list[int] = left) -> Path:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return moved(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", crash)
            try:
                write(folder, new, {"is": 2}, shard_bytes=after)
                whole = True
            except KeyboardInterrupt:
                whole = False
        try:
            values = {float(t.mean()) for t in everything(folder).values()}
        except CheckpointError:
            assert not whole
            continue
        assert values == ({2.0} if whole else {1.0})
        write(folder, new, {"is": 2}, shard_bytes=after)  # and it can be written over
        assert {float(t.mean()) for t in everything(folder).values()} == {2.0}
        assert len(list(folder.iterdir())) == (2 if after == 10**9 else 5)


def test_a_stream_must_bring_what_was_planned(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'a' must be torch\.float32"):
        stream(tmp_path / "a", {"a": (torch.float32, (2,))}, [torch.ones(3)], {})
    with pytest.raises(ValueError, match="shorter"):
        stream(tmp_path / "a", {"a": (torch.float32, (2,))}, [], {})
