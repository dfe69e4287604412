"""Spam or not? Logistic regression, boosted trees and an MLP on the SpamAssassin e-mails.

    pip install 'scikit-learn>=1.6'
    python experiments/spam.py

It fetches the e-mails the first time (20 MB). For each seed the conversations are shuffled and dealt: three fifths to
learn from, one fifth for validation, one fifth for the test. Words are counted on the e-mails to learn from alone, and
validation alone chooses each model's settings. The improper split deals e-mails and not conversations.

It takes some minutes on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in ``mlp_intro``,
section 7.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from recording import resumed, write
from torch.nn.functional import binary_cross_entropy_with_logits

from glassformer.checkpoint.fetch import fetch
from glassformer.data.spamassassin import Mail, mails, words
from glassformer.models.mlp import MLP
from glassformer.train.optimizer import Adam

SEEDS = [0, 1, 2, 3, 4]
SPLITS = ["by_conversation", "by_mail"]
MODELS = ["logistic", "trees", "mlp"]
FEATURES = 1000  # words: those in the most conversations
STRENGTHS = [0.01, 0.03, 0.1, 0.3, 1.0]  # C of logistic regression, the inverse of its L2 penalty
LEAVES = [8, 31]
ROUNDS = 200
WIDTHS = [32, 128]
EPOCHS, BATCH, RATE = 12, 64, 0.001
FALSE_ALARMS = 0.005
GRID = [*np.linspace(0, 0.02, 21), *np.linspace(0.03, 0.1, 8), *np.linspace(0.2, 1, 9)]


def by_hand(mail: Mail) -> list[float]:
    """Seven numbers that a person might think of."""
    text = mail.subject + "\n" + mail.text
    letters = sum(c.isalpha() for c in text) + 1
    counts = [len(text), text.count("!"), text.count("$"), text.lower().count("http"), sum(c.isdigit() for c in text)]
    return [*np.log1p(counts), sum(c.isupper() for c in text) / letters, float(mail.html)]


@cache
def table() -> tuple[list[set[str]], np.ndarray, np.ndarray, np.ndarray]:
    """For each e-mail its words, its numbers by hand, whether it is spam, and its conversation."""
    found = mails(Path(fetch("spamassassin")))
    return (
        [set(words(mail.subject + "\n" + mail.text[:20_000])) for mail in found],
        np.array([by_hand(mail) for mail in found], dtype=np.float32),
        np.array([mail.spam for mail in found]),
        np.array([mail.thread for mail in found]),
    )


def dealt(split: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The indices of e-mails to learn from, for validation and for the test."""
    thread = table()[3]
    unit = np.unique(thread, return_inverse=True)[1] if split == "by_conversation" else np.arange(len(thread))
    place = (np.random.default_rng(seed).permutation(unit.max() + 1) % 5)[unit]
    return np.flatnonzero(place < 3), np.flatnonzero(place == 3), np.flatnonzero(place == 4)


def features(learn: np.ndarray) -> np.ndarray:
    """All e-mails as numbers, scaled and with words chosen on those to learn from."""
    said, numbers, _, thread = table()
    seen = Counter(word for word, _ in {(word, thread[i]) for i in learn for word in said[i]})
    chosen = sorted(seen, key=lambda word: (-seen[word], word))[:FEATURES]
    column = {word: j for j, word in enumerate(chosen)}
    present = np.zeros((len(said), FEATURES), dtype=np.float32)
    for i, those in enumerate(said):
        present[i, [column[word] for word in those if word in column]] = 1
    scaled = (numbers - numbers[learn].mean(0)) / (numbers[learn].std(0) + 1e-6)
    return np.hstack([present, scaled]).astype(np.float32)


def loss(logits: np.ndarray, spam: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0, logits) - spam * logits))


def logit(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


Outcome = tuple[float, Any, np.ndarray]  # loss on validation, the choice, logits on the test


def logistic(x: np.ndarray, y: np.ndarray, parts: tuple[np.ndarray, ...], seed: int) -> Outcome:
    from sklearn.linear_model import LogisticRegression

    learn, validation, test = parts
    tried: list[Outcome] = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=500).fit(x[learn], y[learn])
        values = model.decision_function
        tried.append((loss(values(x[validation]), y[validation]), strength, values(x[test])))
    return min(tried, key=lambda t: t[0])


def trees(x: np.ndarray, y: np.ndarray, parts: tuple[np.ndarray, ...], seed: int) -> Outcome:
    from sklearn.ensemble import HistGradientBoostingClassifier

    learn, validation, test = parts
    tried: list[Outcome] = []
    for leaves in LEAVES:
        model = HistGradientBoostingClassifier(
            max_iter=ROUNDS, max_leaf_nodes=leaves, early_stopping=False, random_state=seed
        ).fit(x[learn], y[learn])
        losses = [loss(logit(p[:, 1]), y[validation]) for p in model.staged_predict_proba(x[validation])]
        best = int(np.argmin(losses))
        for number, p in enumerate(model.staged_predict_proba(x[test])):
            if number == best:
                tried.append((losses[best], [leaves, best + 1], logit(p[:, 1])))
    return min(tried, key=lambda t: t[0])


def mlp(x: np.ndarray, y: np.ndarray, parts: tuple[np.ndarray, ...], seed: int) -> Outcome:
    learn, validation, test = parts
    inputs, spam = torch.tensor(x), torch.tensor(y, dtype=torch.float32)
    tried: list[Outcome] = []
    for width in WIDTHS:
        torch.manual_seed(seed)
        model = MLP([x.shape[1], width, 1])
        optimizer = Adam(model.parameters(), lr=RATE)
        for epoch in range(1, EPOCHS + 1):
            for batch in torch.tensor(learn)[torch.randperm(len(learn))].split(BATCH):
                error = binary_cross_entropy_with_logits(model(inputs[batch]).squeeze(-1), spam[batch])
                optimizer.zero_grad()
                error.backward()
                optimizer.step()
            with torch.no_grad():
                values = model(inputs).squeeze(-1).numpy()
            tried.append((loss(values[validation], y[validation]), [width, epoch], values[test]))
    return min(tried, key=lambda t: t[0])


RUN: dict[str, Callable[..., Outcome]] = {"logistic": logistic, "trees": trees, "mlp": mlp}


def roc(logits: np.ndarray, spam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shares of false alarms and of caught spam at every threshold, from none caught to all."""
    order = np.argsort(-logits, kind="stable")
    last = np.append(np.diff(logits[order]) != 0, True)
    caught, alarms = np.cumsum(spam[order])[last], np.cumsum(~spam[order])[last]
    return np.append(0, alarms / (~spam).sum()), np.append(0, caught / spam.sum())


def judged(logits: np.ndarray, spam: np.ndarray) -> dict[str, Any]:
    alarms, caught = roc(logits, spam)
    p = 1 / (1 + np.exp(-logits))
    which = np.minimum((p * 10).astype(int), 9)
    bins = [[int((which == b).sum()), float(p[which == b].sum()), int(spam[which == b].sum())] for b in range(10)]
    return {
        "auc": float(np.trapezoid(caught, alarms)),
        "accuracy": float(((logits > 0) == spam).mean()),
        "missed": float(1 - caught[alarms <= FALSE_ALARMS].max()),
        "loss": loss(logits, spam),
        "ece": sum(abs(total - right) for _, total, right in bins) / len(p),
        "bins": bins,
        "caught": [float(caught[alarms <= a + 1e-12].max()) for a in GRID],
    }


def measure(split: str, seed: int) -> dict[str, Any]:
    began = time.perf_counter()
    parts = dealt(split, seed)
    spam = table()[2]
    x = features(parts[0])
    result: dict[str, Any] = {"test": len(parts[2]), "test_spam": int(spam[parts[2]].sum())}
    for name, run in RUN.items():
        _, choice, logits = run(x, spam, parts, seed)
        result[name] = {"choice": choice, **judged(logits, spam[parts[2]])}
    return {**result, "seconds": time.perf_counter() - began}


def spread(values: list[float]) -> dict[str, float]:
    """Mean and standard deviation over seeds."""
    return {"mean": mean(values), "sd": stdev(values)}


FIGURES = ["auc", "accuracy", "missed", "loss", "ece"]


def main() -> None:
    """Run what is not done yet, and write the result file."""
    torch.set_num_threads(1)  # sums in one order, so that a second run on this machine gives the same figures
    script = Path(__file__)

    def compute(key: str) -> dict[str, Any]:
        split, seed = key.split()
        return measure(split, int(seed))

    try:
        done = resumed(script, [f"{split} {seed}" for split in SPLITS for seed in SEEDS], compute)
    except KeyboardInterrupt:
        sys.exit("\nStopped. What is finished is kept; run it again to go on.")
    _, _, spam, thread = table()
    result: dict[str, Any] = {
        "seeds": SEEDS,
        "mails": len(spam),
        "spam": int(spam.sum()),
        "conversations": len(set(thread.tolist())),
        "false_alarms": FALSE_ALARMS,
        "settings": {
            "words": FEATURES,
            "C": STRENGTHS,
            "leaves": LEAVES,
            "rounds": ROUNDS,
            "widths": WIDTHS,
            "epochs": EPOCHS,
            "batch": BATCH,
            "lr": RATE,
        },
        "seconds": sum(record["seconds"] for record in done.values()),
        "grid": [float(a) for a in GRID],
    }
    for split in SPLITS:
        runs = [done[f"{split} {seed}"] for seed in SEEDS]
        result[split] = {
            model: {figure: spread([run[model][figure] for run in runs]) for figure in FIGURES} for model in MODELS
        }
    proper = [done[f"by_conversation {seed}"] for seed in SEEDS]
    result["tests"] = [[run["test"], run["test_spam"]] for run in proper]
    result["mlp_minus"] = {
        other: {figure: spread([run["mlp"][figure] - run[other][figure] for run in proper]) for figure in FIGURES}
        for other in ("logistic", "trees")
    }
    result["caught"] = {m: np.mean([run[m]["caught"] for run in proper], axis=0).tolist() for m in MODELS}
    result["bins"] = {m: np.sum([run[m]["bins"] for run in proper], axis=0).tolist() for m in MODELS}
    result["runs"] = [
        {"split": split, "seed": seed}
        | {m: {k: done[f"{split} {seed}"][m][k] for k in ("choice", *FIGURES)} for m in MODELS}
        for split in SPLITS
        for seed in SEEDS
    ]
    print(write(script, result))


if __name__ == "__main__":
    main()
