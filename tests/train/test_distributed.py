"""Several processes compute what one computes, also when the rows do not divide, and may become more or fewer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import distributed

from glassformer.hub import load
from glassformer.train import muon
from glassformer.train.checkpoint import newest
from glassformer.train.journal import read
from glassformer.train.reading import parse
from glassformer.train.start import start
from tests.train.tiny import recipe

CLOSE = 1e-5  # float32 sums in another order, over 20 steps
CODE = """
import json, os, sys, torch
from glassformer.train import muon
muon._fast_dtype = lambda like: torch.float32  # Muon iterates in bfloat16 where that is fast, which rounds at 4e-3
from glassformer.train.reading import parse
from glassformer.train.start import start
torch.set_num_threads(1)
if os.environ.get("BREAK") and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
    from glassformer.train import start as starting
    plain = starting.Journal.write
    def write(self, step, metrics):
        plain(self, step, metrics)
        if step == 13 and torch.distributed.get_rank() == 1:
            os._exit(1)
    starting.Journal.write = write
start(parse(json.load(open(sys.argv[1])), sys.argv[3:]), sys.argv[2], bar=False)
"""


def told(folder: Path, **more):
    """Without dropout, which chance draws anew in each process; 7 rows, which neither 2 nor 3 divide."""
    tables = recipe(folder).as_dict()
    tables["model"] |= {"dropout": 0.0, "bias": False}  # keys have no use for a bias: its gradient is noise
    tables["training"] |= {"steps": 20, "batch": 7, "save_every": 10} | more
    return tables


def together(folder: Path, processes: int, *changes: str, **more) -> Path:
    """A run of several processes, as ``torchrun`` starts them."""
    (folder / "told.json").write_text(json.dumps(told(folder, **more)), "utf-8")
    (folder / "code.py").write_text(CODE, "utf-8")
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    run += ["--max-restarts=1"] * ("BREAK" in os.environ)
    name = folder / "together"
    done = subprocess.run(
        [*run, str(folder / "code.py"), str(folder / "told.json"), str(name), *changes],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return name


def numbers(folder):
    """Every loss and every validation."""
    return [line.get("loss", line.get("validation_loss")) for line in read(folder)]


def weights(folder):
    """All of them in one row."""
    return torch.cat([weight.detach().flatten() for weight in load(folder / "model").model.parameters()])


def close(one: Path, other: Path) -> None:
    assert numbers(other) == pytest.approx(numbers(one), rel=CLOSE)
    mine, theirs = weights(one), weights(other)
    # Adam divides by the size of a gradient, so where that is near 0 its rounding moves a weight as far as any other.
    assert float((mine - theirs).norm() / mine.norm()) < 30 * CLOSE


@pytest.fixture(scope="module", autouse=True)
def _float32():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(muon, "_fast_dtype", lambda like: torch.float32)
        yield


@pytest.fixture(scope="module", params=["muon", "adamw"])
def single(request, tmp_path_factory):
    """The run of one process, and its optimizer."""
    folder = tmp_path_factory.mktemp("single")
    start(parse(told(folder), [f"optimizer.name={request.param}"]), folder / "run", bar=False)
    return folder / "run", f"optimizer.name={request.param}"


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_learn_what_one_learns(single, tmp_path, parallel, processes):
    one, optimizer = single
    accumulate = 2 if processes == 2 else 1
    close(one, together(tmp_path, processes, optimizer, f"parallel={parallel}", f"accumulate={accumulate}"))


@pytest.mark.parametrize("before, after", [((3, "fsdp"), (2, "ddp")), ((2, "ddp"), (3, "fsdp"))])
def test_another_number_of_processes_goes_on(tmp_path, before, after):
    start(parse(told(tmp_path)), tmp_path / "single", bar=False)
    stopped = told(tmp_path)
    name = together(tmp_path, before[0], f"parallel={before[1]}")
    last = newest(name)
    assert last.step == 20 and len(list(last.path.glob("*.safetensors"))) == before[0]
    for path in last.path.iterdir():  # as if it had been killed after step 10
        path.unlink()
    last.path.rmdir()
    assert newest(name).step == 10
    together(tmp_path, after[0], f"parallel={after[1]}")
    close(tmp_path / "single", name)
    assert start(parse(stopped), name, bar=False).done, "and one process reads what several have written"


def test_a_process_that_fails_is_started_again_and_all_go_on(tmp_path, monkeypatch):
    """The second of two processes ends at step 13; ``torchrun --max-restarts 1`` starts both again, from step 10."""
    start(parse(told(tmp_path)), tmp_path / "single", bar=False)
    monkeypatch.setenv("BREAK", "1")
    close(tmp_path / "single", together(tmp_path, 2))


def test_a_group_that_is_open_already_is_joined_and_left_open(tmp_path):
    start(parse(told(tmp_path)), tmp_path / "alone", bar=False)
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        start(parse(told(tmp_path)), tmp_path / "joined", bar=False)
        assert distributed.is_initialized()
    finally:
        distributed.destroy_process_group()
    close(tmp_path / "alone", tmp_path / "joined")


def test_more_processes_than_rows_are_refused(tmp_path):
    with pytest.raises(AssertionError, match=r"training.batch \(2\) must be at least accumulate × processes \(1 × 3\)"):
        together(tmp_path, 3, batch=2)


def test_an_average_is_that_of_one_process(tmp_path):
    """It is what ``model/`` holds, so the comparison above is of averaged weights; here they differ from the last."""
    start(parse(told(tmp_path, average=0.0)), tmp_path / "plain", bar=False)
    start(parse(told(tmp_path)), tmp_path / "averaged", bar=False)
    plain, averaged = (load(tmp_path / one / "model").model.embed.weight for one in ("plain", "averaged"))
    assert not torch.allclose(plain, averaged, rtol=1e-3)
