"""Does every pre-training objective learn? And from how many tokens does ELECTRA learn what masked tokens teach?

    python benchmarks/objectives.py [--steps 400] [--seeds 1 2]

Each objective trains a small model on the plays and is validated on two plays that it has not seen. The trivial
baseline knows no context: it says the shares of the tokens that are asked for (their entropy); where a token is shown
at the place, it knows that token. For pairs of sentences it is one half.

Then BERT and ELECTRA of one size, pre-trained on equally many tokens, are asked for the kind of a passage, comedy or
tragedy, in plays kept apart: a linear classifier reads the mean of their hidden states. Prints a table for people; the
last line is one JSON object.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glassformer.data.plays import plays
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.heads import MaskedHead, PretrainingHead
from glassformer.objectives import sentence_pair
from glassformer.objectives.replaced_token import corrupt
from glassformer.tokenize import BPE, Tokenizer
from glassformer.train.data.shakespeare import VALIDATION
from glassformer.train.evaluate import evaluate
from glassformer.train.groups import adamw
from glassformer.train.loop import Run, train
from glassformer.train.materials import materials
from glassformer.train.prepare import prepare
from glassformer.train.reading import parse
from glassformer.train.schedule import WSD, set_lr
from glassformer.train.step import Objective, train_step
from glassformer.train.tasks import FITTING, TASKS, task

MARGIN = 0.03  # the share of its baseline by which each must be below it
# Encoders learn nothing of the context at first, for some thousand steps of so few masks, and want smaller steps.
LONGER = {"masked": 4, "replaced_token": 8, "next sentence": 4}
SMALLER = ("muon_lr=0.003", "lr=0.001")


def run_of(name: str, steps: int, seed: int, folder: Path, *changes: str) -> tuple[Run, Tokenizer]:
    sizes: dict[str, Any] = {"layers": 2, "heads": 4, "d_model": 128, "dropout": 0.0}
    recipe = parse(
        {
            "model": {"architecture": FITTING[task(name, {}, 1).kind], **sizes},
            "objective": {"name": name},
            "data": {"context": 64},
            "optimizer": {"name": "muon", "lr": 0.01, "muon_lr": 0.01},
            "schedule": {"name": "wsd", "warmup": 20, "decay": 0.5, "final": 0.0},
            "training": {"steps": steps, "batch": 16, "seed": seed, "evaluate_every": 0, "evaluate_rows": 640},
        },
        ["save_every=1000000", "log_every=1000000", *changes],
    )
    stuff = materials(recipe.data, seed, "", recipe.training.evaluate_rows, recipe.training.batch)
    return prepare(recipe, folder, stuff), stuff.tokenizer


def entropy(counts: Tensor) -> float:
    shares = counts[counts > 0].double() / counts.sum()
    return float(-(shares * shares.log()).sum())


def alone(shown: Tensor, wanted: Tensor) -> float:
    """The lowest loss of what looks at a place itself, and nowhere else: ``H(wanted | shown)``."""
    wide = int(wanted.max()) + 1
    return entropy(torch.bincount(shown * wide + wanted)) - entropy(torch.bincount(shown))


def trivial(name: str, run: Run) -> float:
    """The lowest loss without the context."""
    where = {"masked": "masked", "prefix": "asked"}.get(name, "real")
    wanted = torch.cat([batch["targets"][batch[where]] for batch in run.validation])
    if name == "masked":
        return alone(torch.cat([batch["ids"][batch[where]] for batch in run.validation]), wanted)
    return entropy(torch.bincount(wanted))


def learned(name: str, steps: int) -> dict[str, float]:
    """The loss that counts, and its baseline."""
    with tempfile.TemporaryDirectory() as folder:
        run, _ = run_of(name, steps, 1, Path(folder), *(SMALLER if name in LONGER else ()))
        train(run, lambda run: None)
        run.journal.close()
        metrics = run.validate()
        if name != "replaced_token":
            return {"loss": metrics["loss"], "baseline": trivial(name, run), "steps": steps}
        seen = []
        for batch in run.validation:
            with torch.no_grad():
                logits = run.objective.model.generator(batch["ids"], mask=batch["real"])
            seen.append(torch.stack(corrupt(logits, batch)).flatten(1))
        shown, replaced = torch.cat(seen, 1)
        return {"loss": metrics["replaced_loss"], "baseline": alone(shown, replaced), "steps": steps}


def bpe() -> Tokenizer:
    text = "\n".join(passage for play in plays() if play.title not in VALIDATION for passage in play.passages)
    return Tokenizer.from_bpe(BPE.train(text, 1000))


def pairs(steps: int, tokenizer: Tokenizer) -> dict[str, float]:
    """BERT with masked tokens and next sentences, on the passages of the plays."""
    vocab = tokenizer.vocab
    marks = {"cls": vocab, "sep": vocab + 1, "pad": vocab + 2, "mask": vocab + 3, "vocab": vocab, "length": 64}

    def documents(held: bool) -> list[list[list[int]]]:
        return [
            [tokenizer.encode(passage)[:48] for passage in play.passages]
            for play in plays()
            if (play.title in VALIDATION) == held
        ]

    chance = torch.Generator().manual_seed(1)
    known = sentence_pair.pairs(documents(False), chance, "next")
    asked = sentence_pair.pairs(documents(True), chance, "next")
    torch.manual_seed(1)
    config = BertConfig(vocab=vocab + 4, d_model=128, layers=2, heads=4, d_ff=512, max_positions=64, dropout=0.0)
    model = Bert(config, PretrainingHead(128, MaskedHead(128, vocab + 4, config.activation(), config.eps)))
    objective, optimizer, schedule = (
        Objective(model, sentence_pair.loss),
        adamw(model, 1e-3),
        WSD(steps, steps // 20, steps // 2),
    )
    make = partial(sentence_pair.batch, **marks)
    for step in range(steps):
        set_lr(optimizer, schedule(step))
        drawn = [known[number] for number in torch.randint(len(known), (16,), generator=chance).tolist()]
        train_step(objective, [make(drawn, chance)], optimizer, clip=1.0)
    validation = [make(asked[first : first + 50], chance) for first in range(0, len(asked) - 50, 50)]
    metrics = evaluate(objective, validation)
    shown, wanted = (torch.cat([one[name][one["masked"]] for one in validation]) for name in ("ids", "targets"))
    return {
        "loss": metrics["masked_loss"],
        "baseline": alone(shown, wanted),
        "pair_accuracy": metrics["pair_accuracy"],
    }


def probe(encoder: Any, tokenizer: Tokenizer, mask: int) -> float:
    """Accuracy of a linear classifier on the mean hidden state: comedy or tragedy, in every fifth play."""
    rows: dict[bool, list[tuple[Tensor, int]]] = {True: [], False: []}
    encoder.eval()
    for number, play in enumerate(sorted(plays(), key=lambda play: (play.kind, play.title))):
        chosen = [tokenizer.encode(passage)[:64] for passage in play.passages if len(passage) > 150][:60]
        ids = torch.tensor([row + [mask] * (64 - len(row)) for row in chosen])
        real = ids != mask
        with torch.no_grad():
            hidden = encoder.hidden(ids, mask=real)
        means = torch.where(real[..., None], hidden, 0.0).sum(1) / real.sum(1, keepdim=True)
        rows[number % 5 == 2] += [(mean, int(play.kind == "tragedy")) for mean in means]
    x, y = (torch.stack([row[0] for row in rows[False]]), torch.tensor([float(row[1]) for row in rows[False]]))
    mean, spread = x.mean(0), x.std(0) + 1e-6
    weight = torch.zeros(x.shape[1] + 1, requires_grad=True)
    fit = torch.optim.LBFGS([weight], max_iter=200)

    def closure() -> Tensor:
        fit.zero_grad()
        scores = ((x - mean) / spread) @ weight[:-1] + weight[-1]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, y) + 0.01 * weight[:-1].square().sum()
        loss.backward()
        return loss

    fit.step(closure)
    held = torch.stack([row[0] for row in rows[True]])
    right = torch.tensor([row[1] for row in rows[True]])
    said = (((held - mean) / spread) @ weight[:-1] + weight[-1]) > 0
    return float((said.long() == right).float().mean())


def efficiency(steps: int, seeds: list[int]) -> dict[str, Any]:
    """The probe's accuracy after a quarter, a half and all of the steps: of BERT, and of ELECTRA on as many tokens."""
    found: dict[str, list[list[float]]] = {}
    tokens = [steps // 4, steps // 2, steps]
    for name in ("masked", "replaced_token"):
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                changes = (*SMALLER, "tokenizer=bpe:1000", "schedule.name=constant")
                run, tokenizer = run_of(name, steps, seed, Path(folder), *changes)
                accuracies = []
                for until in tokens:
                    run.settings = replace(run.settings, steps=until)
                    train(run, lambda run: None)
                    model = run.objective.model
                    encoder = model.discriminator if name == "replaced_token" else model
                    accuracies.append(probe(encoder, tokenizer, tokenizer.vocab))
                    model.train()
                run.journal.close()
            found.setdefault(name, []).append(accuracies)
            print(f"  {name:15} seed {seed}: accuracy {accuracies} after {tokens} steps", flush=True)
    return {"steps": tokens, **found}


def measure(steps: int, seeds: list[int]) -> dict[str, Any]:
    rows = {}
    print("Each objective: its validation loss, and the lowest without the context (nats)")
    for name in (*TASKS, "next sentence"):
        number = steps * LONGER.get(name, 1)
        row = rows[name] = pairs(number, bpe()) if name == "next sentence" else learned(name, number)
        gain = 1 - row["loss"] / row["baseline"]
        row["learned"] = gain > MARGIN
        more = f", pairs told apart {row['pair_accuracy']:.2f}" if "pair_accuracy" in row else ""
        verdict = "" if row["learned"] else "   NOT by the margin"
        print(
            f"  {name:16} {row['loss']:.3f}  {row['baseline']:.3f}  {gain:6.1%} below, {number} steps{more}{verdict}",
            flush=True,
        )
    print("Comedy or tragedy, from the mean hidden state; half right is chance")
    return {"objectives": rows, "margin": MARGIN, "efficiency": efficiency(steps * 8, seeds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    print(json.dumps(measure(options.steps, options.seeds)))


if __name__ == "__main__":
    main()
