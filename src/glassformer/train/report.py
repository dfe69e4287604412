"""What is left of a run for people: the loss as a curve, and something that the model wrote."""

from pathlib import Path
from typing import Any

import torch

from glassformer.generate.sampling import Sampling
from glassformer.train.journal import read as lines_of

CALM = Sampling(temperature=0.8)
"""Likely tokens somewhat more often than the model says."""


def curve(folder: Path) -> Path | None:
    """Draw the losses of ``log.jsonl`` against the steps into ``loss.svg``; ``None`` without matplotlib or steps.

    The training loss is that of single batches; the line over it is its running mean.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return None
    lines = lines_of(folder)
    trained = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    validated = [(line["step"], line["validation_loss"]) for line in lines if "validation_loss" in line]
    if not trained:
        return None
    smooth, mean = [], trained[0][1]
    for _, loss in trained:
        mean += 0.1 * (loss - mean)
        smooth.append(mean)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    steps = [step for step, _ in trained]
    axes.plot(steps, [loss for _, loss in trained], color="#9bb7d4", linewidth=0.8, label="training, a batch")
    axes.plot(steps, smooth, color="#1f5a94", linewidth=1.6, label="training, running mean")
    if validated:
        axes.plot(*zip(*validated, strict=True), "o-", color="#c2571a", markersize=4, label="validation")
        step, loss = validated[-1]
        axes.annotate(
            f"{loss:.3f}", (step, loss), xytext=(0, 8), textcoords="offset points", ha="right", color="#c2571a"
        )
    axes.set(xlabel="step", ylabel="loss (nats a token)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    path = folder / "loss.svg"
    figure.savefig(path, metadata={"Date": None})
    return path


@torch.no_grad()
def sample(model: Any, first: int, tokens: int, context: int, seed: int = 1, rule: Sampling = CALM) -> list[int]:
    """What a decoder writes after the token ``first``, each token chosen by ``rule``.

    It reads the last ``context`` tokens anew each time, as in training, so the text may be longer than the context.
    """
    chance = torch.Generator().manual_seed(seed)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    ids = [first]
    for _ in range(tokens):
        read = torch.tensor([ids[-context:]], device=device)
        ids.append(int(rule.choose(model(read)[:, -1].cpu(), read.cpu(), chance)))
    model.train(was_training)
    return ids
