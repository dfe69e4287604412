"""Comedy or tragedy? Three classifiers of passages of Shakespeare, tested on plays that they have not seen.

    python experiments/plays.py

For each seed the plays are shuffled within their kind and dealt to five folds, so that each play is tested once.
In each fold of the test, the next fold is for validation: it chooses the strength of the bag of words' L2 penalty and
the number of epochs of the deep averaging network, each by the mean loss. With the choice made, both learn from all
training plays, those for validation included, and are tested.

The same models are then tested on an improper split, which deals passages and not plays, once with the same vocabulary
and once with every word, names included. By how much their accuracy rises is the leak.

It takes some minutes on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in ``nn_intro``,
section 5.7.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from recording import resumed, write
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from glassformer.data.plays import Play, encode, plays, vocabulary
from glassformer.models.averaging import DeepAveraging
from glassformer.train.optimizer import Adam

SEEDS = [0, 1, 2, 3, 4]
FOLDS = 5
IN_PLAYS = 5  # a word must occur in as many training plays
BAG: dict[str, Any] = {"features": "presence", "l2": [0.3, 0.1, 0.03, 0.01, 0.003, 0.001]}
NETWORK: dict[str, Any] = {
    "d_model": 32,
    "hidden": [32],
    "drop_words": 0.3,
    "lr": 0.003,
    "batch": 64,
    "least_epochs": 2,  # after one, some networks have not begun to learn and say the same of every passage
    "most_epochs": 12,
    "patience": 2,
}
MODELS = ["majority", "bag_of_words", "deep_averaging"]
SPLITS = {
    "by_play": ("plays", IN_PLAYS),
    "by_passage": ("passages", IN_PLAYS),
    "by_passage_every_word": ("passages", 1),
}


@cache
def table() -> tuple[dict[str, int], Tensor, Tensor, Tensor]:
    """A number for every word, and for each passage its words, its kind (1 for tragedy) and the index of its play."""
    every = vocabulary(plays(), in_plays=1)
    ids = encode([passage for play in plays() for passage in play.passages], every)
    owner = torch.tensor([index for index, play in enumerate(plays()) for _ in play.passages])
    kinds = torch.tensor([int(play.kind == "tragedy") for play in plays()])[owner]
    return every, ids, kinds, owner


def dealt(split: str, seed: int) -> Tensor:
    """The fold of each passage."""
    owner = table()[3]
    torch.manual_seed(seed)
    if split == "passages":
        return torch.randperm(len(owner)) % FOLDS
    fold = torch.zeros(len(plays()), dtype=torch.long)
    for kind, order in (("comedy", 1), ("tragedy", -1)):  # from the first fold on, and back from the last: even folds
        members = torch.tensor([index for index, play in enumerate(plays()) if play.kind == kind])
        fold[members[torch.randperm(len(members))]] = (torch.arange(len(members)) * order + min(order, 0)) % FOLDS
    return fold[owner]


def known(learned_from: Tensor, in_plays: int) -> tuple[int, Tensor]:
    """The size of the vocabulary of the passages where ``learned_from`` is true, and all passages in its numbers."""
    every, ids, _, owner = table()

    def part(index: int, play: Play) -> Play:
        chosen = learned_from[owner == index].tolist()
        return replace(play, passages=tuple(p for p, yes in zip(play.passages, chosen, strict=True) if yes))

    numbers = vocabulary([part(index, play) for index, play in enumerate(plays())], in_plays)
    renumber = torch.zeros(len(every) + 1, dtype=torch.long)
    for word, number in numbers.items():
        renumber[every[word]] = number
    return len(numbers) + 1, renumber[ids]


def bag_of_words(vocab: int, ids: Tensor, kinds: Tensor, l2: float) -> Callable[[Tensor], Tensor]:
    """Logistic regression on which words occur: minimizes ``mean loss + l2/2 |w|²``. Returns ids → logits."""
    weight, bias = torch.zeros(vocab, requires_grad=True), torch.zeros((), requires_grad=True)

    def once(ids: Tensor) -> Tensor:  # each word of a passage once, 0 elsewhere
        ids = ids.sort(-1).values
        return ids.masked_fill(torch.nn.functional.pad(ids[:, 1:] == ids[:, :-1], (1, 0)), 0)

    def logits(words: Tensor) -> Tensor:
        return (weight[words] * (words != 0)).sum(-1) + bias

    words = once(ids)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = binary_cross_entropy_with_logits(logits(words), kinds.float()) + l2 / 2 * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return lambda ids: logits(once(ids)).detach()


def epoch(model: DeepAveraging, optimizer: Adam, ids: Tensor, kinds: Tensor) -> None:
    model.train()
    for batch in torch.randperm(len(ids)).split(NETWORK["batch"]):
        loss = cross_entropy(model(ids[batch]), kinds[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()


@torch.no_grad()
def network_logits(model: DeepAveraging, ids: Tensor) -> Tensor:
    """The logit of tragedy against comedy."""
    comedy, tragedy = model(ids).unbind(-1)
    return tragedy - comedy


def network(vocab: int, seed: int) -> tuple[DeepAveraging, Adam]:
    torch.manual_seed(seed)
    model = DeepAveraging(vocab, NETWORK["d_model"], NETWORK["hidden"], 2, NETWORK["drop_words"])
    return model, Adam(model.parameters(), lr=NETWORK["lr"])


def measure(split: str, seed: int, fold: int) -> dict[str, Any]:
    """Train and test the three models once.

    For each model: its ``choice``, and for each play with passages in the test ``[right, passages, mean p(tragedy)]``.
    """
    began = time.perf_counter()
    unit, in_plays = SPLITS[split]
    _, _, kinds, owner = table()
    folds = dealt(unit, seed)
    test, validation = folds == fold, folds == (fold + 1) % FOLDS
    learn = ~test & ~validation
    draw = 1000 + FOLDS * seed + fold  # of the network's initial weights, batches and dropped words

    def loss(logits: Tensor) -> float:
        return binary_cross_entropy_with_logits(logits, kinds[validation].float()).item()

    # Choose on the validation plays.
    vocab, ids = known(learn, in_plays)
    bags = {l2: loss(bag_of_words(vocab, ids[learn], kinds[learn], l2)(ids[validation])) for l2 in BAG["l2"]}
    l2 = min(bags, key=lambda strength: bags[strength])
    model, optimizer = network(vocab, draw)
    losses: list[float] = []
    while len(losses) < NETWORK["most_epochs"] and len(losses) - best(losses) < NETWORK["patience"]:
        epoch(model, optimizer, ids[learn], kinds[learn])
        losses.append(loss(network_logits(model, ids[validation])))
    epochs = max(best(losses), NETWORK["least_epochs"])

    # Learn from all training plays, and test.
    vocab, ids = known(~test, in_plays)
    model, optimizer = network(vocab, draw)
    for _ in range(epochs):
        epoch(model, optimizer, ids[~test], kinds[~test])
    tragedies = kinds[~test].float().mean()
    outcome = {
        "majority": (None, torch.logit(tragedies).expand(int(test.sum()))),
        "bag_of_words": (l2, bag_of_words(vocab, ids[~test], kinds[~test], l2)(ids[test])),
        "deep_averaging": (epochs, network_logits(model, ids[test])),
    }
    result: dict[str, Any] = {"vocab": vocab}
    for name, (choice, logits) in outcome.items():
        right, p = (logits > 0).long() == kinds[test], logits.sigmoid()
        per_play = {}
        for index in owner[test].unique().tolist():
            of = owner[test] == index
            per_play[plays()[index].title] = [int(right[of].sum()), int(of.sum()), p[of].mean().item()]
        result[name] = {"choice": choice, "plays": per_play}
    return {**result, "seconds": time.perf_counter() - began}


def best(losses: list[float]) -> int:
    """The number of epochs after which the loss was least; 0 before the first."""
    return losses.index(min(losses)) + 1 if losses else 0


def spread(values: list[float]) -> dict[str, float]:
    """Mean and standard deviation over seeds."""
    return {"mean": mean(values), "sd": stdev(values)}


def over_plays(values: list[float]) -> dict[str, float]:
    """Mean over plays, and its standard error."""
    return {"mean": mean(values), "se": stdev(values) / len(values) ** 0.5}


def share(counts: list[list[float]]) -> float:
    return sum(right for right, *_ in counts) / sum(of for _, of, *_ in counts)


def summary(done: dict[str, dict[str, Any]], split: str, model: str) -> dict[str, Any]:
    """The figures of one model under one split."""
    kind = {play.title: play.kind for play in plays()}
    accuracy, balanced, whole = [], [], []
    for seed in SEEDS:
        counts = [item for fold in range(FOLDS) for item in done[f"{split} {seed} {fold}"][model]["plays"].items()]
        recalls = [share([c for title, c in counts if kind[title] == k]) for k in ("comedy", "tragedy")]
        accuracy.append(share([c for _, c in counts]))
        balanced.append(mean(recalls))
        whole.append(mean((p > 0.5) == (kind[title] == "tragedy") for title, (*_, p) in counts))
    result = {"accuracy": spread(accuracy), "balanced": spread(balanced)}
    if split == "by_play":  # elsewhere a play is not one unit
        shares = per_play(done, model)
        kinds = [over_plays([s for title, s in shares.items() if kind[title] == k]) for k in ("comedy", "tragedy")]
        result["over_plays"] = over_plays(list(shares.values()))
        result["balanced_over_plays"] = {
            "mean": mean(figure["mean"] for figure in kinds),
            "se": sum(figure["se"] ** 2 for figure in kinds) ** 0.5 / 2,
        }
        result["plays_right"] = spread(whole)
    return result


def per_play(done: dict[str, dict[str, Any]], model: str) -> dict[str, float]:
    """For each play the share of its passages that is judged right, averaged over seeds."""
    found: dict[str, list[float]] = {play.title: [] for play in plays()}
    for seed in SEEDS:
        for fold in range(FOLDS):
            for title, (right, of, _) in done[f"by_play {seed} {fold}"][model]["plays"].items():
                found[title].append(right / of)
    return {title: mean(shares) for title, shares in found.items()}


def fold_accuracies(record: dict[str, Any]) -> dict[str, float]:
    return {model: share(list(record[model]["plays"].values())) for model in MODELS}


def main() -> None:
    """Run what is not done yet, and write the result file."""
    torch.set_num_threads(1)  # sums in one order, so that a second run on this machine gives the same figures
    script = Path(__file__)
    keys = [f"{split} {seed} {fold}" for split in SPLITS for seed in SEEDS for fold in range(FOLDS)]

    def compute(key: str) -> dict[str, Any]:
        split, seed, fold = key.split()
        return measure(split, int(seed), int(fold))

    try:
        done = resumed(script, keys, compute)
    except KeyboardInterrupt:
        sys.exit("\nStopped. What is finished is kept; run it again to go on.")
    ours, theirs = per_play(done, "deep_averaging"), per_play(done, "bag_of_words")
    ahead = [ours[title] - theirs[title] for title in ours]
    result = {
        "seeds": SEEDS,
        "folds": FOLDS,
        "plays": len(plays()),
        "passages": len(table()[1]),
        "settings": {"in_plays": IN_PLAYS, "bag_of_words": BAG, "deep_averaging": NETWORK, "whole_play": "mean p"},
        "torch": torch.__version__,
        "seconds": sum(record["seconds"] for record in done.values()),
        **{split: {model: summary(done, split, model) for model in MODELS} for split in SPLITS},
        "deep_averaging_minus_bag_of_words": {**over_plays(ahead), "plays_ahead": sum(d > 0 for d in ahead)},
        "deep_averaging_by_title": ours,
        "bag_of_words_by_title": theirs,
        "by_fold": [
            {
                "split": split,
                "seed": seed,
                "fold": fold,
                **fold_accuracies(record := done[f"{split} {seed} {fold}"]),
                "vocab": record["vocab"],
                "l2": record["bag_of_words"]["choice"],
                "epochs": record["deep_averaging"]["choice"],
            }
            for split in SPLITS
            for seed in SEEDS
            for fold in range(FOLDS)
        ],
    }
    print(write(script, result))


if __name__ == "__main__":
    main()
