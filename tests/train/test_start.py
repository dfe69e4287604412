"""Whole runs: to the end, stopped, killed and gone on with; each ends in the same bits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from glassformer.hub import load
from glassformer.train import start as starting
from glassformer.train.checkpoint import newest
from glassformer.train.journal import read
from glassformer.train.materials import materials
from glassformer.train.reading import parse
from glassformer.train.recipe import RecipeError
from glassformer.train.start import start
from glassformer.train.step import DivergedError
from tests.train.tiny import recipe, text


def everything(folder):
    """All tensors of the last checkpoint."""
    return load_file(next(newest(folder).path.glob("*.safetensors")))


def same_bits(one, other):
    assert one.keys() == other.keys()
    return [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Here as in the processes that are started: another number of threads adds in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def whole(one_thread, tmp_path_factory):
    """A run without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    outcome = start(recipe(folder), folder / "run", bar=False)
    assert outcome.done and outcome.step == 13
    return folder / "run"


def test_a_run_leaves_what_people_want_to_see(whole):
    lines = read(whole)
    trained = [line for line in lines if "loss" in line]
    assert [line["step"] for line in trained] == list(range(1, 14))
    assert {"loss", "lr", "gradient_norm", "seconds"} <= trained[0].keys()
    assert [line["step"] for line in lines if "validation_loss" in line] == [5, 10, 13]
    assert (whole / "loss.svg").read_text("utf-8").count("<path") > 5
    assert len((whole / "sample.txt").read_text("utf-8")) == 7
    assert [path.name for path in sorted((whole / "checkpoints").iterdir())] == ["step-00000012", "step-00000013"]


def test_the_model_is_published_with_its_averaged_weights(whole):
    loaded = load(whole / "model")
    stored = everything(whole)
    assert torch.equal(loaded.model.embed.weight, stored["average.embed.weight"])
    assert not torch.equal(loaded.model.embed.weight, stored["model.embed.weight"])
    assert loaded.tokenizer.decode(loaded.tokenizer.encode("the cat")) == "the cat"


def test_the_bits_do_not_depend_on_the_run_but_on_the_seed(whole, tmp_path):
    start(recipe(tmp_path), tmp_path / "again", bar=False)
    assert same_bits(everything(whole), everything(tmp_path / "again"))
    start(recipe(tmp_path, "seed=2"), tmp_path / "other", bar=False)
    assert not same_bits(everything(whole), everything(tmp_path / "other"))


@pytest.mark.parametrize("after", [1, 3, 7, 12])
def test_a_run_that_breaks_off_goes_on_to_the_same_bits(whole, tmp_path, after, monkeypatch):
    class PowerCutError(Exception):
        pass

    plain = starting.Journal.write

    def write(self, step, metrics):
        if step == after:
            raise PowerCutError
        plain(self, step, metrics)

    monkeypatch.setattr(starting.Journal, "write", write)
    with pytest.raises(PowerCutError):
        start(recipe(tmp_path), tmp_path / "run", bar=False)
    monkeypatch.undo()
    said = []
    assert start(recipe(tmp_path), tmp_path / "run", said.append, bar=False).done
    assert (f"goes on after step {(after - 1) // 3 * 3} of 13" in said[0]) == (after > 3)
    assert same_bits(everything(whole), everything(tmp_path / "run"))
    losses = [[line["loss"] for line in read(one) if "loss" in line] for one in (whole, tmp_path / "run")]
    assert losses[0] == losses[1], "the log is that of one run"


def command(folder, *arguments):
    file = folder / "recipe.json"
    file.write_text(json.dumps(recipe(folder).as_dict()), "utf-8")
    code = (
        "import json, sys; from glassformer.cli.tell import tell; from glassformer.train.start import start;"
        "from glassformer.train.reading import parse;"
        "done = start(parse(json.load(open(sys.argv[1])), sys.argv[3:]), sys.argv[2], tell, bar=False);"
        "sys.exit(0 if done.done else 130)"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(file), str(folder / "run"), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process, folder, step):
    """Until the log has the line of ``step``."""
    deadline = time.monotonic() + 120
    while not any(line["step"] >= step for line in read(folder / "run")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to one process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_after_the_step_and_saves(tmp_path, number):
    process = command(tmp_path, "steps=100000", "save_every=100000", "evaluate_every=0")
    wait_for(process, tmp_path, 3)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    step = newest(tmp_path / "run").step
    assert step >= 3
    assert f"Stopped after step {step} of 100000, and saved. The same command goes on." in out
    assert [line["step"] for line in read(tmp_path / "run") if "loss" in line] == list(range(1, step + 1))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_process_goes_on_to_the_same_bits_and_holds_nothing(whole, tmp_path):
    process = command(tmp_path)
    wait_for(process, tmp_path, 8)
    process.kill()
    process.communicate()
    assert start(recipe(tmp_path), tmp_path / "run", bar=False).done
    assert same_bits(everything(whole), everything(tmp_path / "run"))


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    process = command(tmp_path, "steps=100000", "evaluate_every=0")
    try:
        wait_for(process, tmp_path, 2)
        with pytest.raises(RecipeError, match="Another process is training in"):
            start(recipe(tmp_path), tmp_path / "run", bar=False)
    finally:
        process.kill()
        process.communicate()


def test_a_finished_run_is_not_done_again_and_may_be_made_longer(tmp_path):
    start(recipe(tmp_path), tmp_path / "run", bar=False)
    before = everything(tmp_path / "run")
    assert start(recipe(tmp_path), tmp_path / "run", bar=False).done
    assert same_bits(before, everything(tmp_path / "run"))
    assert start(recipe(tmp_path, "steps=17"), tmp_path / "run", bar=False).step == 17
    with pytest.raises(RecipeError, match=r"training.steps is 13, but 17 are done"):
        start(recipe(tmp_path), tmp_path / "run", bar=False)


@pytest.mark.parametrize(
    "change, sentence",
    [
        ("model.d_model=32", r"a run whose model.d_model is 16, not 32"),
        ("model.architecture='llama'", r"a run whose model.architecture is 'gpt2', not 'llama'"),
        ("batch=7", r"a run whose training.batch is 5, not 7"),
    ],
)
def test_another_recipe_than_the_folders_is_refused(whole, tmp_path, change, sentence):
    (tmp_path / "run").mkdir()
    told = json.loads((whole / "recipe.json").read_text("utf-8"))
    told["data"]["files"] = [str(tmp_path / "text.txt")]
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(told), "utf-8")
    with pytest.raises(RecipeError, match=sentence):
        start(recipe(tmp_path, change), tmp_path / "run", bar=False)


def test_a_loss_that_breaks_stops_the_run_with_step_and_cause_and_keeps_the_last_checkpoint(tmp_path):
    broken = recipe(
        tmp_path,
        "steps=200",
        "clip=0",
        "average=0",
        optimizer={"name": "adamw", "lr": 1e30},
        schedule={"name": "constant", "warmup": 6},
    )
    with pytest.raises(DivergedError, match=r"^Step \d+: (loss|gradient_norm) is (nan|inf)\..*learning rate.*are kept"):
        start(broken, tmp_path / "run", bar=False)


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"", r"text.txt"),
        (b"\x00\x01\x02\xff\xfe" * 99, r"text.txt"),
        ("naïve".encode("latin-1") * 99, r"text.txt.*UTF-8"),
        (b"too short", r"tokens, fewer than one"),
    ],
)
def test_texts_that_cannot_be_learned_from_are_said(tmp_path, content, sentence):
    (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        start(recipe(tmp_path), tmp_path / "run", bar=False)


def test_more_processes_or_parts_than_rows_are_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"training.batch \(5\) must be at least accumulate × processes \(6 × 1\)"):
        start(recipe(tmp_path, "accumulate=6"), tmp_path / "run", bar=False)


@pytest.mark.parametrize(
    "architecture, changes",
    [
        ("llama", ("model.heads=2", "model.kv_heads=1")),
        ("mamba", ()),
        ("gpt1", ("model.heads=2",)),
        ("", ("accumulate=3",)),
        ("", ("recompute=true",)),
        ("", ("precision=bfloat16",)),
        ("", ("order=packed",)),
        ("", ("order=shuffled",)),
        ("", ("tokenizer=bpe:300",)),
        ("", ("schedule.name=wsd",)),
        ("", ("schedule.name=linear",)),
        ("", ("schedule.name=inverse_sqrt",)),
        ("", ("data.validation=0.0",)),
        ("", ("average=0.0",)),
        ("", ("optimizer.name=adamw",)),
    ],
    ids=str,
)
def test_every_way_of_training_lowers_the_loss(tmp_path, architecture, changes):
    tables = recipe(tmp_path, "steps=80", "lr=0.02").as_dict()
    if architecture:
        tables["model"] = {"architecture": architecture, "layers": 2, "d_model": 16}
    chosen = parse(tables, changes)
    assert start(chosen, tmp_path / "run", bar=False).done
    losses = [line["loss"] for line in read(tmp_path / "run") if "loss" in line]
    assert sum(losses[-5:]) / 5 < losses[0] - 0.5


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler: apt install g++")
def test_a_compiled_run_learns_the_same(whole, tmp_path):
    """But for rounding; chance within a step is drawn in another way, so dropout is off."""
    changes = ("model.dropout=0.0", "average=0.0", "optimizer.name=adamw", "steps=6")
    start(recipe(tmp_path, *changes), tmp_path / "eager", bar=False)
    start(recipe(tmp_path, *changes, "compile=true"), tmp_path / "compiled", bar=False)
    losses = [[line["loss"] for line in read(tmp_path / name) if "loss" in line] for name in ("eager", "compiled")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)  # float32, fused sums


def test_it_goes_on_from_a_published_model(whole, tmp_path):
    (tmp_path / "text.txt").write_text(text(seed=6), "utf-8")
    tuned = recipe(tmp_path, f"model.start={json.dumps(str(whole / 'model'))}", "lr=0.0", "muon_lr=0.0")
    tables = tuned.as_dict()
    tables["model"] = {"start": str(whole / "model")}
    start(parse(tables), tmp_path / "run", bar=False)
    assert torch.equal(load(tmp_path / "run" / "model").model.embed.weight, load(whole / "model").model.embed.weight)
    tables["model"]["layers"] = 3
    with pytest.raises(RecipeError, match=r"model.layers must not be given: .* has its own"):
        start(parse(tables), tmp_path / "other", bar=False)
    tables["model"].pop("layers")
    tables["data"]["context"] = 12
    with pytest.raises(RecipeError, match=r"data.context must be at most 11"):
        start(parse(tables), tmp_path / "other", bar=False)


def test_files_are_mixed_by_weight_and_duplicates_left_out(tmp_path):
    pytest.importorskip("datasketch", reason="needs datasketch: pip install 'glassformer[train]'")
    for number, letters in enumerate(("ab", "cd")):
        documents = [" ".join(letters[(n >> bit) & 1] * (bit + 1) for bit in range(12)) for n in range(40)]
        lines = [json.dumps({"text": one}) + "\n" for one in [*documents, *documents[:20]]]
        (tmp_path / f"{number}.jsonl").write_text("".join(lines), "utf-8")
    files = [str(tmp_path / f"{number}.jsonl") for number in range(2)]
    table = recipe(tmp_path, f"files={files}", "weights=[9.0, 1.0]", "deduplicate=1.0").data
    stuff = materials(table, 3)
    assert stuff.tokens + sum(int(rows.real[:, 1:].sum()) + 1 for rows in stuff.validation[:2]) >= 2 * 40 * 80
    text = stuff.tokenizer.decode(stuff.rows(0, 400).ids.flatten().tolist())
    first, second = (sum(map(text.count, letters)) for letters in ("ab", "cd"))
    assert first / (first + second) == pytest.approx(0.9, abs=0.06)
    twice = materials(recipe(tmp_path, f"files={files}", "weights=[9.0, 1.0]").data, 3)
    assert twice.tokens > stuff.tokens * 1.3
    with pytest.raises(RecipeError, match=r"data\.weights must be one for each of the 2 files, not 1"):
        materials(recipe(tmp_path, f"files={files}", "weights=[1.0]").data, 3)
