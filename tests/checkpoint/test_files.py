"""Safetensors in: equal to the reference library, read one at a time, refused when anything is wrong."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from glassformer.checkpoint import CheckpointError, files
from glassformer.checkpoint.files import CODES, INDEX, SINGLE, Weights
from glassformer.checkpoint.writing import stream, write
from tests.checkpoint.tiny import CONFIG, everything, same, sharded, tensors


def test_reads_what_the_library_wrote(tmp_path: Path) -> None:
    save_file(tensors(), tmp_path / SINGLE, {"format": "pt"})
    weights = Weights.open(tmp_path)
    assert same(everything(tmp_path), tensors())
    assert weights.metadata == {"format": "pt"}
    assert weights.names() == sorted(tensors()) and len(weights) == 6
    assert "embed" in weights and "head" not in weights
    assert weights.shape("half") == (5, 3, 2) and weights.dtype("norm") == torch.bfloat16
    weights.close()


NUMBERS = [code for code in CODES if code.is_floating_point]


@given(
    st.lists(st.integers(0, 5), max_size=4),
    st.sampled_from(sorted(CODES, key=str)),
    st.sampled_from(NUMBERS),
    st.integers(1, 9),
)
def test_any_shape_and_dtype_comes_back(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], dtype: torch.dtype, wanted: torch.dtype, piece: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    values = (torch.arange(int(torch.tensor(shape).prod())) % 2).reshape(shape).to(dtype)
    write(
        folder,
        {"w": values, "é/\n": values + values if dtype.is_floating_point and dtype.itemsize > 1 else values.clone()},
        {},
    )
    weights = Weights.open(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "PIECE", piece)  # several pieces, the last one short
        assert torch.equal(weights.tensor("w").float(), values.float()) and weights.tensor("w").dtype == dtype
        as_wanted = weights.tensor("w", wanted)
    assert as_wanted.dtype == wanted and torch.equal(as_wanted.float(), values.to(wanted).float())
    weights.close()


def test_rounding_is_that_of_to(tmp_path: Path) -> None:
    values = torch.randn(101, 103, dtype=torch.float64)
    write(tmp_path, {"w": values}, {})
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        assert torch.equal(Weights.open(tmp_path).tensor("w", dtype), values.to(dtype))


def test_a_tensor_is_the_callers_own(tmp_path: Path) -> None:
    write(tmp_path, tensors(), CONFIG)
    weights = Weights.open(tmp_path)
    weights.tensor("embed").zero_()
    converted = weights.tensor("norm", torch.float32)
    weights.tensor("half", torch.float32)  # uses the same staging memory
    assert torch.equal(converted, tensors()["norm"].float())
    assert torch.equal(weights.tensor("embed"), tensors()["embed"])
    kept = weights.tensor("embed")
    write(tmp_path, {"embed": torch.zeros(13, 7)}, CONFIG)
    assert torch.equal(weights.tensor("embed"), kept), "it reads on what it opened"
    weights.close()
    with pytest.raises(ValueError, match="closed"):
        weights.tensor("embed")


def test_large_numbers_of_bytes_are_read_in_several_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, tensors(), CONFIG)
    weights = Weights.open(tmp_path)

    class Short:  # the system may return less than was asked for
        def __init__(self, file: Any) -> None:
            self.file, self.name = file, "short"

        def seek(self, place: int) -> None:
            self.file.seek(place)

        def readinto(self, room: memoryview) -> int:
            return int(self.file.readinto(room[:10]))

    entry = weights._entries["embed"]
    weights._entries["embed"] = files.Entry(Short(entry.file), entry.start, entry.dtype, entry.shape)  # type: ignore[arg-type]
    assert torch.equal(weights.tensor("embed"), tensors()["embed"])


def test_names_that_are_not_there(tmp_path: Path) -> None:
    write(tmp_path, tensors(), CONFIG)
    weights = Weights.open(tmp_path / SINGLE)
    for ask in (weights.tensor, weights.shape, weights.dtype):
        with pytest.raises(KeyError, match="'head'"):
            ask("head")


# What is refused


@pytest.mark.parametrize("cut", [0, 5, 8, 20, -1])
def test_a_truncated_file(tmp_path: Path, cut: int) -> None:
    write(tmp_path, tensors(), CONFIG)
    whole = (tmp_path / SINGLE).read_bytes()
    (tmp_path / SINGLE).write_bytes(whole[:cut])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is truncated"):
        Weights.open(tmp_path)


def test_bytes_behind_the_end(tmp_path: Path) -> None:
    write(tmp_path, tensors(), CONFIG)
    with (tmp_path / SINGLE).open("ab") as file:
        file.write(b"x")
    with pytest.raises(CheckpointError, match="longer than its header says"):
        Weights.open(tmp_path)


def raw(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def line(dtype: str = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (raw(b"{nonsense", b"1234"), "no safetensors header"),
        (raw(b"\xff\xfe", b"1234"), "no safetensors header"),
        (raw([1, 2]), "no safetensors header"),
        (raw(b"[" * 100_000), "no safetensors header"),
        (raw({"a": 3}), "no safetensors header"),
        (raw({"a": {"dtype": "F32", "shape": [1]}}, b"1234"), "data_offsets"),
        (raw({"a": line("F4")}, b"1234"), "dtype 'F4' of 'a' is not one of"),
        (raw({"a": line(shape=(-1, -1))}, b"1234"), "whole numbers"),
        (raw({"a": line(shape=(True,))}, b"1234"), "whole numbers"),
        (raw({"a": line(shape=(2,))}, b"1234"), r"'a' of shape \[2\] in F32 takes 8 bytes, not 4"),
        (raw({"a": line(), "b": line()}, b"1234"), "do not follow"),
        (raw({"a": line(offsets=(4, 8))}, b"12345678"), "do not follow"),
        (raw(b'{"a": %s, "a": %s}' % ((json.dumps(line()).encode(),) * 2), b"1234"), "a name stands twice"),
    ],
)
def test_a_wrong_header(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / SINGLE).write_bytes(content)
    with pytest.raises(CheckpointError, match=says):
        Weights.open(tmp_path)


@given(st.data())
def test_a_damaged_header_never_yields_another_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / SINGLE
    stream(path, {"a": (torch.float32, (2, 3)), "b": (torch.int8, (5,))}, [torch.ones(2, 3), torch.ones(5).char()], {})
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        weights = Weights.open(path)
    except CheckpointError:
        return
    assert [t.numel() for t in (weights.tensor(name) for name in weights.names())] != []
    weights.close()


def test_a_missing_shard(tmp_path: Path) -> None:
    gone = next(sharded(tmp_path).glob("model-00002-*"))
    gone.unlink()
    with pytest.raises(CheckpointError, match=rf"lacks 1 of 2 shards: {gone.name}"):
        Weights.open(tmp_path)


def test_a_tensor_that_the_index_promises_is_not_in_its_shard(tmp_path: Path) -> None:
    index = json.loads((sharded(tmp_path) / INDEX).read_text("utf-8"))
    shard = index["weight_map"]["embed"]
    index["weight_map"]["head"] = shard
    (tmp_path / INDEX).write_text(json.dumps(index), "utf-8")
    with pytest.raises(CheckpointError, match=rf"{shard}.* lacks 1 tensor.*'head'"):
        Weights.open(tmp_path)


def test_a_tensor_in_two_shards(tmp_path: Path) -> None:
    index = json.loads((sharded(tmp_path) / INDEX).read_text("utf-8"))
    first, second = sorted(set(index["weight_map"].values()))[:2]
    save_file(load_file(tmp_path / first) | load_file(tmp_path / second), tmp_path / second)
    with pytest.raises(CheckpointError, match=rf"twice, the second time in {second}"):
        Weights.open(tmp_path)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "model.bin", 7])
def test_an_index_may_only_name_files_beside_it(tmp_path: Path, name: Any) -> None:
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {"embed": name}}), "utf-8")
    with pytest.raises(CheckpointError, match=r"no \.safetensors file beside it"):
        Weights.open(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"), [("{", "no JSON"), ("[]", "JSON object"), ('{"weight_map": {}}', "weight_map")]
)
def test_a_bad_index(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / INDEX).write_text(text, "utf-8")
    with pytest.raises(CheckpointError, match=says):
        Weights.open(tmp_path)


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (exec, ("raise SystemExit('unpickled')",))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "last.ckpt"])
def test_pickles_are_refused_unread(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    for source in (tmp_path, tmp_path / name):
        with pytest.raises(CheckpointError, match=r"pickle can run any code.*safetensors.*convert") as caught:
            Weights.open(source)
        assert name in str(caught.value)
    write(tmp_path, tensors(), CONFIG)
    assert same(everything(tmp_path), tensors()), "beside safetensors they do no harm"


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no file and no folder"):
        Weights.open(tmp_path / "absent")
    with pytest.raises(CheckpointError, match="holds no weights"):
        Weights.open(tmp_path)
    (tmp_path / "m.gguf").touch()
    with pytest.raises(CheckpointError, match="open_gguf"):
        Weights.open(tmp_path / "m.gguf")
    with pytest.raises(CheckpointError, match=r"the GGUF file m\.gguf: name that file itself"):
        Weights.open(tmp_path)


def test_a_lone_file_of_another_name_and_shards_without_an_index(tmp_path: Path) -> None:
    sharded(tmp_path / "shards")
    (tmp_path / "shards" / INDEX).unlink()
    with pytest.raises(CheckpointError, match=f"but no {INDEX}"):
        Weights.open(tmp_path / "shards")
    save_file(tensors(), tmp_path / "adapter.safetensors")
    assert same(everything(tmp_path), tensors())


def test_the_configuration(tmp_path: Path) -> None:
    write(tmp_path, tensors(), CONFIG)
    weights = Weights.open(tmp_path)
    for text, says in (("{", "no JSON"), ("3", "JSON object"), ("\ufeff{}", "no JSON")):
        (tmp_path / "config.json").write_text(text, "utf-8")
        with pytest.raises(CheckpointError, match=says):
            _ = weights.config
    (tmp_path / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        _ = weights.config


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("dtype", ["None", "torch.float32"])
def test_peak_memory_is_the_weights(tmp_path: Path, dtype: str) -> None:
    """Beyond what PyTorch takes, at most 1.3 times the weights: 1.0 and the pieces, measured 1.003 for 1 GB."""
    write(
        tmp_path, {f"{n}": torch.ones(2 << 20, dtype=torch.bfloat16) + n for n in range(32)}, {}, shard_bytes=20 << 20
    )
    code = f"""
import torch
from pathlib import Path
from glassformer.checkpoint.files import Weights
def peak(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
torch.set_num_threads(1)
before = peak()
weights = Weights.open({str(tmp_path)!r})
model = [weights.tensor(name, {dtype}) for name in weights.names()]
print((peak() - before) / sum(t.numel() * t.element_size() for t in model))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.9 < float(done.stdout) < 1.1
