"""Kill a training run with SIGKILL at random moments: does it go on to the same bits, and how much work is lost?

    python benchmarks/crash.py [--kills 50] [--seed 1]

Each time a run is started, killed at a moment that chance picks between its start and its end, and started again until
it is done. Then every tensor of its last checkpoint is compared with that of a run that nobody killed. Then one byte of
the last checkpoint is changed, and the run must go on from the one before. Prints a table for people; the last line is
one JSON object. Needs a system that can fork.
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from glassformer.data.plays import plays
from glassformer.train.checkpoint import newest
from glassformer.train.journal import read
from glassformer.train.reading import parse
from glassformer.train.recipe import Recipe
from glassformer.train.start import start

STEPS = 60


def recipe(text: Path) -> Recipe:
    """Dropout, a running mean, Muon: all that has a memory. A checkpoint at every fourth step, so that many are cut."""
    return parse(
        {
            "model": {"architecture": "gpt2", "layers": 2, "heads": 2, "d_model": 32, "dropout": 0.1},
            "data": {"files": [str(text)], "context": 16, "order": "shuffled"},
            "optimizer": {"name": "muon", "lr": 0.01, "muon_lr": 0.01},
            "training": {
                "steps": STEPS,
                "batch": 4,
                "average": 0.9,
                "save_every": 4,
                "evaluate_every": 20,
                "evaluate_rows": 9,
                "log_every": 1,
                "sample": 9,
                "device": "cpu",
            },
        }
    )


def begin(told: Recipe, folder: Path) -> int:
    """Start the run in a process of its own; return its number."""
    child = os.fork()
    if child:
        return child
    torch.set_num_threads(1)
    try:
        start(told, folder, bar=False)
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(1)


def ended(child: int) -> int:
    """Wait for a process; return its status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    found = newest(folder)
    assert found is not None
    stored = load_file(next(found.path.glob("*.safetensors")))
    return {name: tensor.clone() for name, tensor in stored.items()}  # not mapped: the file is damaged later


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def last_step(folder: Path) -> int:
    return max((int(line["step"]) for line in read(folder)), default=0)


def damage(folder: Path) -> None:
    """Change one byte of the newest checkpoint."""
    found = newest(folder)
    assert found is not None
    file = next(found.path.glob("*.safetensors"))
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)


def measure(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    text = folder / "plays.txt"
    text.write_text("\n\n".join(plays()[0].passages)[:40_000], "utf-8")
    told = recipe(text)
    began = time.perf_counter()
    assert ended(begin(told, folder / "whole")) == 0
    seconds = time.perf_counter() - began
    expected = tensors(folder / "whole")
    chance = random.Random(seed)
    same, lost, restarts, done, writing = 0, [], 0, 0, 0
    while done < kills:
        run = folder / f"killed-{done}"
        child = begin(told, run)
        time.sleep(chance.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        if ended(child) == 0:
            shutil.rmtree(run)
            continue  # it had ended before; that is no kill
        done += 1
        writing += any((run / "checkpoints").glob(".writing-*"))
        found = newest(run)
        lost.append(last_step(run) - (found.step if found else 0))
        restarts += 1
        assert ended(begin(told, run)) == 0, "it does not go on"
        same += equal(expected, tensors(run))
        shutil.rmtree(run)
        print(f"\r{done} of {kills} killed, {same} went on to the same bits", end="", flush=True)
    print()
    damage(folder / "whole")
    before = newest(folder / "whole")
    assert before is not None
    assert ended(begin(told, folder / "whole")) == 0
    return {
        "kills": kills,
        "same_bits": same,
        "killed_while_writing": writing,
        "steps": STEPS,
        "save_every": 4,
        "seconds_of_a_run": seconds,
        "steps_lost_median": statistics.median(lost),
        "steps_lost_most": max(lost),
        "damaged_went_back_to": before.step,
        "damaged_same_bits": equal(expected, tensors(folder / "whole")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.kills, options.seed, Path(folder))
    during = found["killed_while_writing"]
    print(f"killed at random moments       {found['kills']} (in the middle of a checkpoint: {during})")
    print(f"went on to the same bits       {found['same_bits']}")
    lost = f"{found['steps_lost_median']:g} in the median, {found['steps_lost_most']} at most"
    print(f"steps done again               {lost}")
    print(f"a checkpoint with a wrong byte goes back to step {found['damaged_went_back_to']} of {found['steps']};")
    print(f"  from there to the same bits  {'yes' if found['damaged_same_bits'] else 'no'}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
