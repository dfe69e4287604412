"""Who remembers? Recurrent cells name the first of 8 symbols after 10, 40 and 100 blanks.

    python experiments/recall.py

All cells have 32 hidden units and take the same 400 steps: Adam with the rate 0.01 on all 8 sequences at once, the
gradient clipped to the length 1. The plain cell, the LSTM and the GRU begin with PyTorch's initialization; the LSTM and
the GRU once more with the gate that keeps opened by a bias of log T (Tallec and Ollivier, 2018). Five seeds each.
Accuracy is that after the last step; guessing gives 1/8.

It takes about twenty minutes on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in
``rnn_intro``, sections 9.4 and 10.3.
"""

import math
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from recording import resumed, write

from glassformer.parts.recurrent import Cell, GRUCell, LSTMCell, RNNCell
from glassformer.train.recall import CELL_INPUT, Recaller, learn, opened

SEEDS = [0, 1, 2, 3, 4]
BLANKS = [10, 40, 100]
STEPS, HIDDEN = 400, 32
MODELS: dict[str, Callable[[int], Cell]] = {
    "RNN": lambda blanks: RNNCell(CELL_INPUT, HIDDEN),
    "LSTM": lambda blanks: LSTMCell(CELL_INPUT, HIDDEN),
    "GRU": lambda blanks: GRUCell(CELL_INPUT, HIDDEN),
    "LSTM, gate opened": lambda blanks: opened(LSTMCell(CELL_INPUT, HIDDEN), math.log(blanks)),
    "GRU, gate opened": lambda blanks: opened(GRUCell(CELL_INPUT, HIDDEN), math.log(blanks)),
}


def one(key: str) -> dict[str, Any]:
    """Accuracy and loss after training, and the first step at which all 8 symbols were named."""
    name, blanks, seed = key.split(" / ")
    torch.manual_seed(int(seed))
    told = learn(Recaller(MODELS[name](int(blanks))), int(blanks), STEPS)
    solved = next((step for step, (_, right) in enumerate(told) if right == 1), None)
    return {"accuracy": told[-1][1], "loss": told[-1][0], "solved": solved, "losses": [loss for loss, _ in told[::10]]}


def main() -> None:
    """Run what is not done yet, and write the result."""
    torch.set_num_threads(1)
    keys = [f"{name} / {blanks} / {seed}" for blanks in BLANKS for name in MODELS for seed in SEEDS]
    runs = resumed(Path(__file__), keys, one)
    result: dict[str, Any] = {"seeds": SEEDS, "blanks": BLANKS, "steps": STEPS, "hidden": HIDDEN, "models": {}}
    for name in MODELS:
        table = {}
        for blanks in BLANKS:
            mine = [runs[f"{name} / {blanks} / {seed}"] for seed in SEEDS]
            right = [run["accuracy"] for run in mine]
            table[str(blanks)] = {"accuracy": {"mean": mean(right), "sd": stdev(right), "all": right},
                                  "solved": [run["solved"] for run in mine]}  # fmt: skip
        result["models"][name] = table
    result["losses"] = {name: runs[f"{name} / 40 / 0"]["losses"] for name in MODELS}
    print(write(Path(__file__), result))
    for name, table in result["models"].items():
        print(
            f"{name:18s}", *(f"{b}: {t['accuracy']['mean']:.2f} ({t['accuracy']['sd']:.2f})" for b, t in table.items())
        )


if __name__ == "__main__":
    main()
