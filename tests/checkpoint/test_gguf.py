"""GGUF files: equal to the ``gguf`` package in fields and numbers, cached, and refused when anything is wrong."""

import math
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFValueType as Field
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from glassformer.checkpoint import CheckpointError
from glassformer.checkpoint import gguf as ours
from glassformer.checkpoint.fetch import cached, fetch
from glassformer.checkpoint.files import Weights
from glassformer.checkpoint.gguf import GGUF, PLAIN, TYPES, open_gguf, read_head

ROWS, BLOCKS = 5, 3  # of 32 or 256 weights each
USERS_CACHE = os.environ.get("GLASSFORMER_CACHE", "")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSFORMER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gguf"


def blocks(kind: Kind) -> np.ndarray[Any, Any]:
    """Rows as a file would hold them: quantized noise, or random bytes where the package cannot quantize."""
    rng = np.random.default_rng(7)
    per_block, size = gguf.GGML_QUANT_SIZES[kind]
    try:
        return gguf.quants.quantize(rng.standard_normal((ROWS, BLOCKS * per_block), np.float32), kind)
    except NotImplementedError:
        raw = rng.integers(0, 256, (ROWS, BLOCKS, size), np.uint8)
        halves = {Kind.Q2_K: (80, 82), Kind.Q3_K: (108,), Kind.Q4_K: (0, 2), Kind.Q5_K: (0, 2), Kind.Q6_K: (208,)}[kind]
        for place in halves:  # a random float16 may be infinite
            raw[..., place : place + 2] = rng.standard_normal((ROWS, BLOCKS, 1)).astype(np.float16).view(np.uint8)
        return raw.reshape(ROWS, BLOCKS * size)


def make(path: Path, *kinds: Kind, fields: Callable[[gguf.GGUFWriter], None] = lambda _: None) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    fields(writer)
    for kind in kinds:
        writer.add_tensor(kind.name, blocks(kind), raw_dtype=kind)
    writer.add_tensor("vector", np.arange(11, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return make(tmp_path / "small.gguf", Kind.Q4_1, Kind.F16)


def test_the_table_of_types_is_the_packages() -> None:
    assert {Kind(code).name: rest for code, (name, *rest) in TYPES.items()} == {
        name: list(gguf.GGML_QUANT_SIZES[Kind[name]]) for name, *_ in TYPES.values()
    }


@pytest.mark.parametrize("name", [name for name, *_ in TYPES.values()])
@pytest.mark.parametrize("cache", [True, False])
def test_each_type_equals_the_package(tmp_path: Path, name: str, cache: bool) -> None:
    kind = Kind[name]
    path = make(tmp_path / "one.gguf", kind)
    expected = torch.from_numpy(gguf.quants.dequantize(blocks(kind), kind).copy())
    for _ in range(2):  # the second time from the cache
        opened = open_gguf(path, cache)
        found = opened.tensor(name)
        assert found.shape == expected.shape == opened.shape(name)
        assert found.dtype == opened.dtype(name) == PLAIN.get(name, torch.float32)
        assert torch.equal(found.float(), expected)
        assert torch.equal(opened.tensor(name, torch.bfloat16), expected.bfloat16())
        assert torch.equal(opened.tensor("vector"), torch.arange(11.0))
        raw, said = opened.quantized(name)
        assert said == name and np.array_equal(raw, blocks(kind).view(np.uint8))
        assert opened.names() == sorted([name, "vector"])
        opened.close()


def test_four_and_eight_bits_by_their_formulas(tmp_path: Path) -> None:
    opened = open_gguf(make(tmp_path / "m.gguf", Kind.Q4_0, Kind.Q4_1, Kind.Q8_0))
    for name in ("Q4_0", "Q4_1", "Q8_0"):
        raw, _ = opened.quantized(name)
        head = 4 if name == "Q4_1" else 2
        block = raw.reshape(ROWS, BLOCKS, -1)
        scales, codes = block[..., :head].copy().view(np.float16).astype(np.float32), block[..., head:]
        nibbles = np.concatenate([codes & 15, codes >> 4], -1).astype(np.float32)  # low halves first
        weights = {
            "Q4_0": lambda s, _c, n: s * (n - 8),
            "Q4_1": lambda s, _c, n: s[..., :1] * n + s[..., 1:],
            "Q8_0": lambda s, c, _n: s * c.view(np.int8).astype(np.float32),
        }[name](scales, codes, nibbles)
        assert np.array_equal(opened.tensor(name).numpy(), weights.reshape(ROWS, -1))


def test_three_dimensions_and_none(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    experts = np.random.default_rng(1).standard_normal((2, 3, 64), np.float32)
    writer.add_tensor("experts", gguf.quants.quantize(experts, Kind.Q8_0), raw_dtype=Kind.Q8_0)
    writer.add_tensor("cube", experts)
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    opened = open_gguf(tmp_path / "m.gguf")
    assert opened.shape("experts") == (2, 3, 64) and opened.quantized("experts")[0].shape == (2, 3, 68)
    assert torch.equal(opened.tensor("cube"), torch.from_numpy(experts))
    # 8 bits over ±max: half a step, max/254, and float16's rounding of the step
    assert (opened.tensor("experts") - torch.from_numpy(experts)).abs().max() < np.abs(experts).max() / 250
    with pytest.raises(KeyError, match="'other'"):
        opened.tensor("other")
    with pytest.raises(KeyError, match="'other'"):
        opened.quantized("other")
    with pytest.raises(CheckpointError, match="says what it is in its fields"):
        _ = opened.config


# Fields


def whole(bits: int, signed: bool) -> SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


SCALARS: dict[Field, SearchStrategy[Any]] = {
    Field.UINT8: whole(8, False),
    Field.INT8: whole(8, True),
    Field.UINT16: whole(16, False),
    Field.INT16: whole(16, True),
    Field.UINT32: whole(32, False),
    Field.INT32: whole(32, True),
    Field.UINT64: whole(64, False),
    Field.INT64: whole(64, True),
    Field.FLOAT32: st.floats(width=32, allow_nan=False),
    Field.FLOAT64: st.floats(allow_nan=False),
    Field.BOOL: st.booleans(),
    Field.STRING: st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
}
one_scalar = st.sampled_from(sorted(SCALARS)).flatmap(lambda f: st.tuples(st.just(f), st.none(), SCALARS[f]))
one_array = st.sampled_from(sorted(SCALARS)).flatmap(
    lambda f: st.tuples(st.just(Field.ARRAY), st.just(f), st.lists(SCALARS[f], min_size=1, max_size=5))
)
keys = st.text("abcé._0", min_size=1, max_size=12)


@settings(deadline=None)
@given(st.dictionaries(keys, one_scalar | one_array, max_size=6))
def test_fields_equal_what_was_written_and_what_the_package_reads(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[str, tuple[Field, Field | None, Any]]
) -> None:
    def add(writer: gguf.GGUFWriter) -> None:
        for key, (kind, inner, value) in fields.items():
            writer.add_key_value(key, value, kind, inner)

    path = make(tmp_path_factory.mktemp("fields") / "m.gguf", fields=add)
    found, stored = read_head(path)
    reader = gguf.GGUFReader(path)
    assert found == {k: f.contents() for k, f in reader.fields.items() if not k.startswith("GGUF.")}
    assert found == {"general.architecture": "llama"} | {key: value for key, (_, _, value) in fields.items()}
    assert {k: type(v) for k, v in found.items()} == {
        "general.architecture": str,
        **{key: type(value) for key, (_, _, value) in fields.items()},
    }
    assert stored["vector"].start == reader.tensors[0].data_offset


def by_hand(
    fields: bytes = b"", count: int = 0, tensors: bytes = b"", lines: int = 0, version: int = 3, magic: bytes = b"GGUF"
) -> bytes:
    return magic + struct.pack("<IQQ", version, lines, count) + fields + tensors


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def test_arrays_of_arrays_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    nested = struct.pack("<IIQ", 9, 9, 2) + struct.pack("<IQ3B", 0, 3, 1, 2, 3) + struct.pack("<IQ", 0, 0)
    path.write_bytes(by_hand(text(b"n") + nested + text(b"s") + struct.pack("<I", 8) + text(b"a\xff"), 2))
    assert read_head(path)[0] == {"n": [[1, 2, 3], []], "s": "a\udcff"}


def test_version_two_and_another_alignment(tmp_path: Path) -> None:
    path = make(tmp_path / "m.gguf", Kind.Q4_0, fields=lambda w: w.add_custom_alignment(128))
    content = bytearray(path.read_bytes())
    content[4:8] = struct.pack("<I", 2)
    path.write_bytes(content)
    opened = open_gguf(path)
    assert opened._stored["vector"].start % 128 == 0
    assert torch.equal(opened.tensor("vector"), torch.arange(11.0))


# What is refused

TENSOR = text(b"w") + struct.pack("<IQIQ", 1, 32, 0, 0)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "ends within its head"),
        (b"GG", "begins with b'GG'"),
        (b"GGUF", "ends within its head"),
        (by_hand(magic=b"GGML"), "begins with b'GGML', not b'GGUF'"),
        (by_hand(version=1), "version is 1, and only 2 and 3"),
        (by_hand(version=4), "version is 4"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (by_hand(count=1), "ends within its head"),
        (by_hand(text(b"a") + struct.pack("<I", 99), 1), "the type 99"),
        (by_hand((text(b"a") + struct.pack("<IB", 0, 1)) * 2, 2), "field 'a' stands twice"),
        (by_hand(text(b"a") + struct.pack("<IIQ", 9, 4, 2**61), 1), "ends within its head"),
        (by_hand(text(b"a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 9, 1), "nests arrays"),
        (by_hand(struct.pack("<Q", 2**63), 1), "ends within its head"),
        (by_hand(text(b"general.alignment") + struct.pack("<II", 4, 3), 1), "power of two, not 3"),
        (by_hand(text(b"general.alignment") + struct.pack("<II", 4, 0), 1), "power of two, not 0"),
        (by_hand(tensors=TENSOR * 2 + bytes(400), lines=2), "tensor 'w' stands twice"),
        (by_hand(tensors=TENSOR, lines=1), "truncated: the tensor 'w' ends at byte"),
        (by_hand(tensors=text(b"w") + struct.pack("<IQIQ", 1, 32, 17, 0), lines=1), "'w' is of type 17.*Q4_1"),
        (
            by_hand(tensors=text(b"w") + struct.pack("<IQIQ", 1, 33, 3, 0), lines=1),
            r"\(33\) must be a multiple.*Q4_1 \(32\)",
        ),
        (by_hand(tensors=text(b"w") + struct.pack("<I", 5) + bytes(60), lines=1), "5 dimensions"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"bad\.gguf \({len(content)} bytes\).*{says}"):
        open_gguf(tmp_path / "bad.gguf")
    with pytest.raises(CheckpointError, match="no file"):
        open_gguf(tmp_path / "absent.gguf")


def test_every_shorter_file_is_refused(small: Path, own_cache: Path) -> None:
    content = small.read_bytes()
    end = read_head(small)[1]["vector"]
    for length in range(0, end.start + end.size, 7):
        small.write_bytes(content[:length])
        with pytest.raises(CheckpointError):
            open_gguf(small)
    assert not own_cache.exists()


@given(st.data())
def test_a_damaged_head_never_yields_another_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = make(tmp_path_factory.mktemp("damaged") / "m.gguf", Kind.Q4_0)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, min(s.start for s in read_head(path)[1].values()) - 1))
    content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        opened = open_gguf(path, cache=False)
    except CheckpointError:
        return
    assert all(opened.tensor(name).shape == opened.shape(name) for name in opened.names())
    opened.close()


# The cache


def kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def test_the_second_open_dequantizes_nothing(small: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_gguf(small).tensor("Q4_1")
    (file,) = kept(own_cache)
    with Weights.open(file) as copy:
        assert copy.names() == ["Q4_1"], "what is not quantized is read from the GGUF file"
    monkeypatch.setattr(ours, "_dequantize", None)
    assert torch.equal(open_gguf(small).tensor("Q4_1"), first)
    moved = small.rename(small.with_name("moved.gguf"))
    assert torch.equal(open_gguf(moved).tensor("Q4_1"), first), "the content is the key"


def test_another_content_is_another_entry(small: Path, own_cache: Path) -> None:
    open_gguf(small).close()
    times = small.stat()
    content = bytearray(small.read_bytes())
    content[read_head(small)[1]["Q4_1"].start + 8] ^= 0x11
    small.write_bytes(content)
    os.utime(small, ns=(times.st_atime_ns, times.st_mtime_ns))  # neither size nor time tells
    opened = open_gguf(small)
    raw, _ = opened.quantized("Q4_1")
    assert np.array_equal(opened.tensor("Q4_1").numpy(), gguf.quants.dequantize(raw, Kind.Q4_1))
    assert len(kept(own_cache)) == 2


@pytest.mark.parametrize("damage", ["truncated", "other names", "garbage"])
def test_a_damaged_cache_is_built_again(small: Path, own_cache: Path, damage: str) -> None:
    expected = open_gguf(small).tensor("Q4_1")
    (file,) = kept(own_cache)
    good = file.read_bytes()
    file.write_bytes(
        {"truncated": good[:-1], "other names": good.replace(b'"Q4_1"', b'"Q4_2"', 1), "garbage": b"\0" * 50}[damage]
    )
    assert torch.equal(open_gguf(small).tensor("Q4_1"), expected)
    assert file.read_bytes() == good and len(kept(own_cache)) == 1


def test_without_a_place_for_the_cache_it_works_and_says_so(small: Path, own_cache: Path) -> None:
    own_cache.parent.mkdir(exist_ok=True)
    own_cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match=r"cannot be written .* dequantized on every load"):
        opened = open_gguf(small)
    raw, _ = opened.quantized("Q4_1")
    assert np.array_equal(opened.tensor("Q4_1").numpy(), gguf.quants.dequantize(raw, Kind.Q4_1))


def test_the_cache_is_bounded(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [
        make(tmp_path / f"{n}.gguf", Kind.Q4_0, fields=lambda w, n=n: w.add_string("n", n))  # type: ignore[misc]
        for n in "abc"
    ]
    open_gguf(paths[0]).close()
    (a,) = kept(own_cache)
    monkeypatch.setattr(ours, "KEPT_BYTES", 2 * a.stat().st_size + 9)
    open_gguf(paths[1]).close()
    (b,) = set(kept(own_cache)) - {a}
    os.utime(a, (1, 1))
    os.utime(b, (2, 2))
    open_gguf(paths[0]).close()  # used now, so the other is the oldest
    killed, busy = own_cache / ".writing-killed", own_cache / ".writing-busy"
    for left in (killed, busy):
        left.touch()
    os.utime(killed, (1, 1))
    open_gguf(paths[2]).close()
    (c,) = set(kept(own_cache)) - {a, b, busy}
    assert set(kept(own_cache)) == {a, c, busy}, "what a killed process left is dropped, what one is at work on is not"
    busy.unlink()
    monkeypatch.setattr(ours, "KEPT_BYTES", 4 * ROWS * BLOCKS * 32 - 1)
    path = make(tmp_path / "large.gguf", Kind.Q4_0)
    assert open_gguf(path).tensor("Q4_0").shape == (ROWS, BLOCKS * 32)
    assert len(kept(own_cache)) == 2, "what exceeds the bound by itself is not kept"


def test_a_failure_while_it_is_written_leaves_nothing(
    small: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ours, "_dequantize", interrupted)
        with pytest.raises(KeyboardInterrupt):
            open_gguf(small)
    assert kept(own_cache) == []


def test_several_at_once(small: Path, own_cache: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [opened.tensor("Q4_1") for opened in pool.map(open_gguf, [small] * 4)]
    assert all(torch.equal(one, found[0]) for one in found) and len(kept(own_cache)) == 1


# The real one


@pytest.fixture
def smollm2(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> GGUF:
    with monkeypatch.context() as patch:
        patch.setenv("GLASSFORMER_CACHE", USERS_CACHE)
        path = fetch("smollm2") if os.environ.get("GLASSFORMER_FULL") else cached("smollm2")
    if path is None:
        pytest.skip(
            "SmolLM2 is not on this machine: `glassformer get smollm2` fetches it, and so does GLASSFORMER_FULL=1."
        )
    return open_gguf(path)


def test_smollm2(smollm2: GGUF) -> None:
    reader = gguf.GGUFReader(smollm2.path)
    assert smollm2.fields == {k: f.contents() for k, f in reader.fields.items() if not k.startswith("GGUF.")}
    assert smollm2.names() == sorted(t.name for t in reader.tensors)
    assert sum(math.prod(smollm2.shape(name)) for name in smollm2.names()) == 134_515_008
    for tensor in reader.tensors:
        expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        assert np.array_equal(smollm2.tensor(tensor.name).numpy(), expected)
    assert smollm2.shape("token_embd.weight") == (49152, 576) and smollm2.quantized("token_embd.weight")[1] == "Q8_0"
