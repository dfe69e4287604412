"""A recurrent network and a transformer of one size learn the same plays, character by character.

    python experiments/characters.py

Both have about 870,000 weights, the size of the model that ships with the guide, and its text, batch and context; both
take 300 steps, for two seeds. The transformer is that model's recipe, shortened. The LSTM has its own optimizer: Muon
is made for matrices of a transformer, so it gets AdamW, with the better of two learning rates, chosen with a seed of
its own after 100 steps. What is measured: the loss on plays that neither has seen, tokens a second forward and
backward, and, while each writes, the time of a token and the bytes that it keeps of the text so far. Times are taken in
turn, on one thread, as medians.

It takes about half an hour on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in ``rnn_intro``,
section 10.5.
"""

import json
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from recording import resumed, write

from glassformer.objectives import causal
from glassformer.train.architectures import build
from glassformer.train.reading import parse
from glassformer.train.start import start

STEPS, TRIAL, SEEDS = 300, 100, [1, 2]
RATES = [0.003, 0.01]
LENGTHS = [64, 128, 256, 512, 1024, 2048]
TRANSFORMER: dict[str, Any] = {"architecture": "qwen3", "layers": 4, "heads": 4, "d_model": 128, "d_ff": 384}
LSTM: dict[str, Any] = {"architecture": "lstm", "layers": 2, "d_model": 128, "d_hidden": 244}
VOCAB = 80


def recipe(kind: str, seed: int, steps: int, rate: float) -> dict[str, Any]:
    """The recipe of one run, with what the shipped model's has and the number of steps."""
    muon = {"name": "muon", "lr": rate, "muon_lr": rate}
    return {
        "name": f"{kind}-{seed}",
        "model": TRANSFORMER if kind == "transformer" else LSTM,
        "data": {"tokenizer": "characters", "context": 128},
        "optimizer": muon if kind == "transformer" else {"name": "adamw", "lr": rate},
        "schedule": {"name": "wsd", "warmup": 20, "decay": 0.5, "final": 0.0},
        "training": {"steps": steps, "batch": 32, "average": 0.99, "seed": seed, "evaluate_every": steps // 3,
                     "evaluate_rows": 256, "save_every": steps, "sample": 0, "log_every": 20},
    }  # fmt: skip


def trained(kind: str, seed: int, steps: int, rate: float) -> dict[str, Any]:
    """The validation losses of one run, with their steps."""
    with tempfile.TemporaryDirectory() as folder:
        done = start(parse(recipe(kind, seed, steps, rate)), Path(folder) / kind, bar=False)
        lines = [json.loads(line) for line in (Path(folder) / kind / "log.jsonl").read_text("utf-8").splitlines()]
    assert done.done
    losses = [(line["step"], line["validation_loss"]) for line in lines if "validation_loss" in line]
    return {"loss": losses}


def kept(state: Any) -> int:
    """The bytes of all tensors that a state keeps for the text so far."""
    found = 0
    for entry in state.entries.values() if isinstance(state.entries, dict) else state.entries:
        tensors = [t for v in vars(entry).values() for t in (v if isinstance(v, tuple) else (v,))]
        found += sum(t.numel() * t.element_size() for t in tensors if isinstance(t, torch.Tensor) and t.numel() > 1)
    return found


def models() -> dict[str, Any]:
    """Both models with random weights, with room for 4096 characters."""
    tables = {"transformer": TRANSFORMER, "lstm": LSTM}
    return {
        name: build(table["architecture"], {k: v for k, v in table.items() if k != "architecture"}, VOCAB, 4096)
        for name, table in tables.items()
    }


def learning() -> dict[str, float]:
    """Tokens a second in training, without the optimizer: forward and backward of 32 · 128 characters, in turn."""
    rows = causal.batch(torch.randint(VOCAB, (32, 129)), torch.ones(32, 129, dtype=torch.bool))
    spans: dict[str, list[float]] = {"transformer": [], "lstm": []}
    both = models()
    for _ in range(6):
        for name, model in both.items():
            began = time.perf_counter()
            causal.loss(model, rows)[0].backward()
            spans[name].append(time.perf_counter() - began)
    return {name: 32 * 128 / median(found[1:]) for name, found in spans.items()}


@torch.no_grad()
def writing() -> dict[str, Any]:
    """For each length of the text so far: milliseconds for one more token, and bytes kept, of both models."""
    both = models()
    found: dict[str, Any] = {name: {"milliseconds": [], "bytes": []} for name in both}
    for length in LENGTHS:
        ids = torch.randint(VOCAB, (1, length))
        states = {name: model.eval().new_state(1, length + 64) for name, model in both.items()}
        for name, model in both.items():
            model(ids, state=states[name])
            exact = model.new_state(1, length)
            found[name]["bytes"].append(kept(exact))
        spans: dict[str, list[float]] = {name: [] for name in both}
        for _ in range(5):
            for name, model in both.items():
                began = time.perf_counter()
                for _ in range(8):
                    model(ids[:, :1], state=states[name])
                spans[name].append((time.perf_counter() - began) / 8 * 1000)
        for name in both:
            found[name]["milliseconds"].append(median(spans[name]))
    return found


def compute(key: str) -> dict[str, Any]:
    """One part of the experiment: a trial, a run, or the times while writing."""
    kind, *rest = key.split()
    if kind == "times":
        return {"learning": learning(), "writing": writing()}
    if kind == "trial":
        return trained("lstm", 7, TRIAL, float(rest[0]))
    return trained(kind, int(rest[0]), STEPS, float(rest[1]))


def main() -> None:
    """Run what is not done yet, and write the result."""
    torch.set_num_threads(1)
    trials = resumed(Path(__file__), [f"trial {rate}" for rate in RATES], compute)
    best = min(RATES, key=lambda rate: trials[f"trial {rate}"]["loss"][-1][1])
    rates = {"transformer": 0.01, "lstm": best}
    runs = resumed(Path(__file__), [f"{kind} {seed} {rate}" for kind, rate in rates.items() for seed in SEEDS], compute)
    times = resumed(Path(__file__), ["times"], compute)["times"]
    result: dict[str, Any] = {"seeds": SEEDS, "steps": STEPS, "lengths": LENGTHS, "rate": best}
    for kind, model in models().items():
        mine = [runs[f"{kind} {seed} {rates[kind]}"] for seed in SEEDS]
        result[kind] = {
            "weights": sum(p.numel() for p in model.parameters()),
            "losses": [run["loss"] for run in mine],
            "loss": mean(run["loss"][-1][1] for run in mine),
            "tokens_a_second": times["learning"][kind],
            **times["writing"][kind],
        }
    print(write(Path(__file__), result))
    for kind in ("transformer", "lstm"):
        print(kind, json.dumps({k: v for k, v in result[kind].items() if k != "losses"}))


if __name__ == "__main__":
    main()
