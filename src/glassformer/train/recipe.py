"""Recipes: a training run as a small TOML file. Every field is here, with what it means.

A recipe has the tables ``model``, ``data``, ``objective``, ``optimizer``, ``schedule`` and ``training``. What it leaves
out is as below. ``glassformer train --fields`` prints this list.
"""

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, NamedTuple


class RecipeError(ValueError):
    """What is wrong with a recipe, in one sentence."""


class AtLeast(NamedTuple):
    """The smallest value that is allowed."""

    value: float


class OneOf(NamedTuple):
    """The values that are allowed."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class ModelTable:
    """``[model]``: what is trained. Further fields are those of the architecture, such as ``layers``."""

    architecture: Annotated[str, "which architecture; see glassformer train --fields"] = "gpt2"
    start: Annotated[str, "a published model or a folder to go on from, instead of random weights"] = ""
    sizes: Annotated[dict[str, Any], "the fields of the architecture's configuration, such as layers and d_model"] = (
        field(default_factory=dict)
    )


@dataclass(frozen=True)
class DataTable:
    """``[data]``: what it learns from."""

    files: Annotated[tuple[str, ...], "text files, JSONL files, folders; none: Shakespeare's plays"] = ()
    weights: Annotated[tuple[float, ...], "how often to draw from each of the files; none: by their lengths"] = ()
    tokenizer: Annotated[str, "characters, bpe:SIZE to learn one, or a model or folder that has one"] = "characters"
    context: Annotated[int, "how many tokens a row has", AtLeast(1)] = 64
    order: Annotated[str, "how windows are drawn", OneOf(("random", "shuffled", "packed"))] = "random"
    validation: Annotated[float, "the share of the text kept for validation; 0 for none", AtLeast(0)] = 0.1
    deduplicate: Annotated[
        float, "leave out documents this similar to an earlier one (0 to 1); 0: none", AtLeast(0)
    ] = 0.0


@dataclass(frozen=True)
class ObjectiveTable:
    """``[objective]``: what it is to get better at. Further fields are those of the objective."""

    name: Annotated[str, "which objective; see glassformer train --fields"] = "causal"
    options: Annotated[dict[str, Any], "the objective's own settings, such as share for masked"] = field(
        default_factory=dict
    )


@dataclass(frozen=True)
class OptimizerTable:
    """``[optimizer]``: how the weights are moved."""

    name: Annotated[str, "adamw, or muon for the matrices with AdamW for the rest", OneOf(("adamw", "muon"))] = "adamw"
    lr: Annotated[float, "the highest learning rate", AtLeast(0)] = 0.001
    betas: Annotated[tuple[float, ...], "how slowly AdamW's two means forget"] = (0.9, 0.99)
    weight_decay: Annotated[
        float, "by which share, times the learning rate, matrices shrink at every step", AtLeast(0)
    ] = 0.1
    muon_lr: Annotated[float, "the highest learning rate of Muon, for the matrices inside the layers", AtLeast(0)] = (
        0.01
    )
    momentum: Annotated[float, "how slowly Muon's mean forgets", AtLeast(0)] = 0.95


@dataclass(frozen=True)
class ScheduleTable:
    """``[schedule]``: how the learning rate changes."""

    name: Annotated[str, "the shape", OneOf(("constant", "cosine", "linear", "inverse_sqrt", "wsd"))] = "cosine"
    warmup: Annotated[int, "over how many steps it rises from 0", AtLeast(0)] = 100
    final: Annotated[float, "what share of it is left at the end", AtLeast(0)] = 0.1
    decay: Annotated[float, "wsd: over which share of the steps it falls at the end", AtLeast(0)] = 0.2


@dataclass(frozen=True)
class TrainingTable:
    """``[training]``: how long, how much at a time, and what is kept."""

    steps: Annotated[int, "how many steps to take", AtLeast(1)] = 2000
    batch: Annotated[int, "how many rows a step learns from, over all processes", AtLeast(1)] = 12
    accumulate: Annotated[
        int, "in how many parts each process takes its rows, when they do not fit at once", AtLeast(1)
    ] = 1
    clip: Annotated[float, "the longest gradient that is taken as it is; 0 for any", AtLeast(0)] = 1.0
    precision: Annotated[str, "in which the loss is computed", OneOf(("float32", "bfloat16"))] = "float32"
    compile: Annotated[bool, "compile the objective: minutes to begin with, then faster steps"] = False
    recompute: Annotated[bool, "keep only what enters each layer, and compute the rest again for the gradient"] = False
    average: Annotated[float, "how slowly the running mean of the weights forgets (0.999); 0 for none", AtLeast(0)] = (
        0.0
    )
    seed: Annotated[int, "of everything that chance decides", AtLeast(0)] = 1
    device: Annotated[str, "auto takes a GPU if there is one", OneOf(("auto", "cpu", "cuda", "mps"))] = "auto"
    parallel: Annotated[str, "under torchrun: each process has all weights, or a share", OneOf(("ddp", "fsdp"))] = "ddp"
    evaluate_every: Annotated[
        int, "how many steps lie between two validations; 0 for none but the last", AtLeast(0)
    ] = 250
    evaluate_rows: Annotated[int, "how many rows of the validation text are used; 0 for all", AtLeast(0)] = 0
    save_every: Annotated[int, "how many steps lie between two checkpoints", AtLeast(1)] = 250
    keep: Annotated[int, "how many checkpoints are kept", AtLeast(1)] = 2
    log_every: Annotated[int, "how many steps lie between two lines of the log", AtLeast(1)] = 10
    sample: Annotated[int, "how many tokens to write at the end; 0 for none", AtLeast(0)] = 500


@dataclass(frozen=True)
class Recipe:
    """A training run. Taught in ``transformers``, section 14."""

    name: Annotated[str, "of the run, and of its folder"] = "run"
    model: ModelTable = field(default_factory=ModelTable)
    data: DataTable = field(default_factory=DataTable)
    objective: ObjectiveTable = field(default_factory=ObjectiveTable)
    optimizer: OptimizerTable = field(default_factory=OptimizerTable)
    schedule: ScheduleTable = field(default_factory=ScheduleTable)
    training: TrainingTable = field(default_factory=TrainingTable)

    def as_dict(self) -> dict[str, Any]:
        """The whole recipe as nested dictionaries, which ``parse`` reads back."""
        tables: dict[str, Any] = asdict(self)
        for table, free in FREE.items():
            tables[table] |= tables[table].pop(free)
        return tables


FREE = {"model": "sizes", "objective": "options"}
"""Tables that take the fields of something else, and where they are kept."""
