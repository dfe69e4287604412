"""The end of a run: its model as safetensors, the loss drawn, and something that the model writes."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch

from glassformer.hub import save as export
from glassformer.models.gpt import GPT1, GPT2
from glassformer.models.trunk import Decoder
from glassformer.train import stored
from glassformer.train.loop import Run
from glassformer.train.materials import Materials
from glassformer.train.prepare import new_model
from glassformer.train.recipe import Recipe
from glassformer.train.report import curve, sample
from glassformer.train.tasks import task


def finish(run: Run, recipe: Recipe, stuff: Materials, say: Callable[[str], object]) -> str:
    """Leave the model, the curve of the loss and a sample in the run's folder. Returns the sample.

    All processes of the run call it together, because sharded weights are gathered by all; the first one writes.
    """
    model = _whole(run, recipe, stuff)
    run.journal.close()
    if model is None:
        return ""
    if run.journal.validation:
        said = (
            f"{name.removeprefix('validation_')} {value:.4f}"
            for name, value in run.journal.validation.items()
            if name != "step"
        )
        say(f"Validation after step {run.step}: {', '.join(said)}")
    for name, one in _published(model):
        try:
            export(one, run.folder / name, stuff.tokenizer)
            say(f"The model is in {run.folder / name}.")
        except ValueError as error:
            say(f"The model is only in the checkpoints, because it has no published layout: {error}")
    if (drawn := curve(run.folder)) is not None:
        say(f"The loss is drawn in {drawn}.")
    if not isinstance(model, Decoder) or not run.settings.sample or recipe.objective.name != "causal":
        return ""
    ids = sample(model, _first(stuff), run.settings.sample, recipe.data.context, run.settings.seed)
    text = stuff.tokenizer.decode(ids[1:])
    (run.folder / "sample.txt").write_text(text, "utf-8")
    return text


def _first(stuff: Materials) -> int:
    """The token that a sample follows: a line's end, or where texts have none, the first of a row."""
    try:
        return stuff.tokenizer.encode("\n")[-1]
    except (ValueError, IndexError):
        return int(stuff.rows(0, 1).ids[0, 0])


def _whole(run: Run, recipe: Recipe, stuff: Materials) -> Any:
    """In the first process the model with all its weights, the averaged ones if there are any; else ``None``."""
    with run.average.applied() if run.average else nullcontext():
        weights = {name: run.group.whole(tensor) for name, tensor in stored.weights(run.objective.model).items()}
        if run.group.rank:
            return None
        goal = task(recipe.objective.name, recipe.objective.options, stuff.tokenizer.vocab)
        model = new_model(recipe, goal, stuff.tokenizer.vocab)
        model.load_state_dict(weights, strict=False)  # a tied weight is given once
    return model.eval()


def _published(model: Any) -> Iterator[tuple[str, Any]]:
    """The models to publish, and their folders: ELECTRA's pair is two. A GPT without biases gets biases of 0."""
    if hasattr(model, "discriminator"):
        yield "generator", model.generator
        yield "model", model.discriminator
    elif isinstance(model, GPT1 | GPT2) and not model.config.bias:
        filled = type(model)(replace(model.config, bias=True))
        for name, weight in filled.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.zeros_(weight)
        filled.load_state_dict(model.state_dict(), strict=False)
        yield "model", filled
    else:
        yield "model", model
