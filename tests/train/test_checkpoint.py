"""Checkpoints: what is written is read back to the bit, and what is damaged is not used."""

import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.train import checkpoint
from glassformer.train.checkpoint import CheckpointError, newest, save

KINDS = [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool]


def some(step):
    chance = torch.Generator().manual_seed(step)
    return {"weight": torch.randn(7, 11, generator=chance), "step": torch.tensor(float(step))}


def zeros(tensors):
    return {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.lists(st.integers(0, 5), max_size=3)), min_size=1, max_size=4))
def test_any_tensor_is_read_back_to_the_bit(tmp_path_factory, wanted):
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(2)
    tensors = {f"t.{n}": torch.randn(shape).mul(9).to(kind) for n, (kind, shape) in enumerate(wanted)}
    save(folder, 3, tensors, {"a": 1})
    found = newest(folder)
    assert (found.step, found.facts) == (3, {"a": 1})
    assert found.shapes() == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    read = zeros(tensors)
    found.load(read)
    for name, tensor in tensors.items():
        assert torch.equal(
            read[name].view(torch.uint8) if tensor.dim() else read[name],
            tensor.view(torch.uint8) if tensor.dim() else tensor,
        )


def test_the_last_ones_are_kept_and_the_newest_is_found(tmp_path):
    assert newest(tmp_path) is None
    for step in (2, 5, 30):
        save(tmp_path, step, some(step), {}, keep=2)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-00000005", "step-00000030"]
    assert newest(tmp_path).step == 30


def damage_flip(path):
    file = next(path.glob("*.safetensors"))
    bytes_ = bytearray(file.read_bytes())
    bytes_[-3] ^= 1
    file.write_bytes(bytes_)


def damage_cut(path):
    file = next(path.glob("*.safetensors"))
    os.truncate(file, file.stat().st_size // 2)


def damage_missing(path):
    next(path.glob("*.safetensors")).unlink()


def damage_state(path):
    (path / "state.json").write_text('{"step": 5, "files"', "utf-8")


def damage_no_state(path):
    (path / "state.json").unlink()


@pytest.mark.parametrize("damage", [damage_flip, damage_cut, damage_missing, damage_state, damage_no_state])
def test_a_damaged_one_is_said_and_the_one_before_it_is_used(tmp_path, damage):
    for step in (2, 5):
        path = save(tmp_path, step, some(step), {})
    damage(path)
    said = []
    found = newest(tmp_path, said.append)
    assert found.step == 2
    assert len(said) == 1 and "step-00000005 is not used" in said[0] and "done again" in said[0]
    read = zeros(some(2))
    found.load(read)
    assert torch.equal(read["weight"], some(2)["weight"])


def test_what_a_killed_process_left_is_no_checkpoint_and_goes(tmp_path):
    save(tmp_path, 2, some(2), {})
    half = tmp_path / "checkpoints" / ".writing-00000005"
    half.mkdir()
    (half / "shard-00001-model-00001-of-00001.safetensors").write_bytes(b"half")
    assert newest(tmp_path).step == 2
    save(tmp_path, 8, some(8), {})
    assert not half.exists() and newest(tmp_path).step == 8


def test_a_full_disk_leaves_the_one_before(tmp_path):
    """A limit on the size of files stands in for the full disk: the system refuses to write in the same way."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of files")
    save(tmp_path, 2, some(2), {})
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limit[1]))
    try:
        with pytest.raises(CheckpointError, match=r"of step 5 could not be written: .*step-00000002.*Make room"):
            save(tmp_path, 5, some(5), {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000002"]
    assert newest(tmp_path).step == 2


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / checkpoint.FOLDER).write_text("a file in the way", "utf-8")
    with pytest.raises(CheckpointError, match=r"of step 2 could not be written: .* There is none before it"):
        save(tmp_path, 2, some(2), {})


@pytest.mark.parametrize("wanted", [{"weight": torch.zeros(7, 13)}, {"bias": torch.zeros(7)}])
def test_what_does_not_fit_is_named(tmp_path, wanted):
    save(tmp_path, 2, some(2), {})
    with pytest.raises(CheckpointError, match=f"{next(iter(wanted))} has the shape .* here and .* there"):
        newest(tmp_path).load(wanted)
