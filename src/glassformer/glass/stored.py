"""The stored trace: one pass of a real model over the running sentence, which every page can show without the model.

Values are kept in 8 bits: each row of a tensor has its own scale, and the largest 64th of its entries are kept whole,
since a few entries of a transformer are so large that they would leave no steps for the others. Taught in
``transformers``, section 2.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from glassformer.glass.recording import Record
from glassformer.glass.trace import Trace
from glassformer.glass.trace import trace as run
from glassformer.glass.widgets.explorer import Explorer, details, explorer_of, pass_of, retracing

MODEL: Final = "smollm2"
SENTENCE: Final = "The capital of France is Paris, and the capital of Italy is"
WHOLE: Final = 64  # one entry of so many is kept as it is
PARTS: Final = ("steps", "low", "scale", "at", "whole")
FILE: Final = Path(__file__).parents[1] / "data" / "traces" / f"{MODEL}.safetensors"


def pack(values: Tensor) -> dict[str, Tensor]:
    """``values`` in 8 bits: ``steps``, for each row a ``low`` and a ``scale``, and ``whole`` at the places ``at``.

    An entry is ``low + steps · scale`` and off by at most half a scale. What is farthest from its row's median is kept
    whole. Raises ``ValueError`` for values that are not finite.
    """
    rows = values.float().reshape(-1, values.shape[-1])
    if not rows.isfinite().all():
        raise ValueError("values must be finite to be kept in 8 bits.")
    median = rows.median(1, keepdim=True).values
    at = (rows - median).abs().topk(rows.shape[1] // WHOLE).indices
    rest = rows.scatter(1, at, median.expand_as(at))
    low, high = rest.aminmax(dim=1, keepdim=True)
    scale = (high - low) / 255
    steps = ((rest - low) / scale.clamp_min(1e-30)).round().to(torch.uint8)
    return {
        "steps": steps.reshape(values.shape),
        "low": low,
        "scale": scale,
        "at": at.int(),
        "whole": rows.gather(1, at),
    }


def unpack(packed: dict[str, Tensor]) -> Tensor:
    """The values, float32, as ``pack`` kept them."""
    steps = packed["steps"]
    rows = packed["low"] + steps.reshape(-1, steps.shape[-1]) * packed["scale"]
    return rows.scatter(1, packed["at"].long(), packed["whole"]).reshape(steps.shape)


def save(found: Trace, view: dict[str, Any], text: str, path: Path) -> int:
    """Write a trace, and what the explorer shows of it, to ``path``; return the size in bytes."""
    tensors: dict[str, Tensor] = {"ids": found.ids}
    about = []
    for record in found.values():
        about.append([record.name, record.shape, record.section])
        tensors |= {f"{record.name}/{part}": t.contiguous() for part, t in pack(record.value).items()}
    likely = {int(i) for row in found.logits.topk(50).indices for i in row} | {int(i) for i in found.ids[0]}
    words = {str(i): found.decode(i) for i in sorted(likely)}
    metadata = {"text": text, "records": about, "words": words, "vocab": found.vocab, "view": view}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"about": json.dumps(metadata, ensure_ascii=False)})
    return path.stat().st_size


def load(path: Path) -> tuple[Trace, dict[str, Any]]:
    """The trace and what the explorer shows of it. A token that was never likely is decoded as its number, ``#123``."""
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["about"])
        records = {}
        for name, shape, section in about["records"]:
            values = unpack({part: file.get_tensor(f"{name}/{part}") for part in PARTS})
            records[name] = Record(name, shape, section, tuple(values.shape), values)
        ids = file.get_tensor("ids")
    words = about["words"]
    output = records["predictions"].value
    found = Trace(records, ids, output, lambda i: words.get(str(i), f"#{i}"), vocab=about["vocab"])
    return found, about["view"] | details(found)


@cache
def _shipped() -> tuple[Trace, dict[str, Any]]:
    return load(FILE)


def trace() -> Trace:
    """The pass of SmolLM2-135M-Instruct over ``SENTENCE``: 13 tokens, 272 tensors, values in 8 bits.

    Its attention weights are within 1/510 of the real ones, and the probabilities of the most likely tokens within
    0.001 (both are tested against the model).
    """
    return _shipped()[0]


def explorer(*, load: Callable[[str], Any] | None = None, **chosen: Any) -> Explorer:
    """The explorer over the stored pass; ``chosen`` opens it: ``stage``, ``layer``, ``head``, ``token``.

    With ``load``, such as ``glassformer.load``, a live cell reads the reader's own text: the model is loaded when the
    first comes.
    """
    _, view = _shipped()

    @cache
    def model() -> Any:
        assert load is not None
        return load(MODEL)

    def retrace(text: str) -> dict[str, Any]:
        loaded = model()
        return retracing(loaded.model, loaded.tokenizer)(text)

    return explorer_of(view, SENTENCE, retrace=retrace if load else None, **chosen)


def make(model: Any, tokenizer: Any, path: Path = FILE, text: str = SENTENCE) -> int:
    """Trace ``model`` on ``text`` and store the pass at ``path``; return the size in bytes."""
    found = run(model, text, tokenizer=tokenizer)
    return save(found, pass_of(model, found), text, path)
