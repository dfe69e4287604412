"""What the explorer says about each tensor: its stage, a sentence, its formula, and the code that makes it.

The texts stand here once. ``role`` finds the entry of a record; ``entry`` gives it as the figure stores it.

Legend: B batch, T queries, S keys, H heads, G key-value heads, D d_model, K d_k, F d_ff, E channels or experts.
"""

import importlib
import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from glassformer.glass.recording import Record

STAGES: Final = ("tokens", "embeddings", "attention", "stream", "feedforward", "logits")
SMALL: Final = 16  # code of so many lines is shown


@dataclass(frozen=True)
class Entry:
    """One kind of tensor: its ``stage``, ``what`` it is, its ``formula``, and its ``code`` as ``"module:object"``."""

    stage: str
    what: str
    formula: str
    code: tuple[str, ...]


_EXPLICIT: Final = ("parts.kernel:Explicit.forward",)
_ATTENTION: Final = ("parts.attention:Attention.forward",)
_GATES: Final = ("parts.recurrent:LSTMCell.forward", "parts.recurrent:GRUCell.forward")
_SSM: Final = "parts.ssm:SelectiveSSM"

ROLES: Final = {
    "ids": Entry(
        "tokens",
        "The sentence as whole numbers: the place of each token in the vocabulary.",
        "ids = encode(text)",
        ("tokenize.fast:Tokenizer.encode",),
    ),
    "embedded": Entry(
        "embeddings",
        "One vector for each token: its row of the embedding table, with its position where the model adds one here.",
        "x = E[ids]",
        ("models.trunk:Trunk.run",),
    ),
    "queries": Entry(
        "attention",
        "What each token looks for, one vector for each head; rotated by its position where the model has RoPE.",
        "q = x W_q",
        (*_ATTENTION, "parts.attention:CrossAttention.forward"),
    ),
    "keys": Entry(
        "attention",
        "What each token can be found by. Several heads may share one key-value head: then G is less than H.",
        "k = x W_k",
        _ATTENTION,
    ),
    "values": Entry(
        "attention",
        "What each token hands over to those that read from it.",
        "v = x W_v",
        _ATTENTION,
    ),
    "scores": Entry(
        "attention",
        "How well each query fits each key, before the mask and the softmax.",
        "scores = q kᵀ / √d_k",
        _EXPLICIT,
    ),
    "weights": Entry(
        "attention",
        "From where each token reads: the softmax of its scores. Each row adds up to 1.",
        "weights = softmax(scores + mask)",
        _EXPLICIT,
    ),
    "alignment": Entry(
        "attention",
        "From where each step of the decoder reads in the source. Each row adds up to 1.",
        "weights = softmax(score(q, k))",
        ("parts.alignment:Look.forward",),
    ),
    "mixed": Entry(
        "attention",
        "What each head read: the values, each times its weight, added up. The output matrix W_o comes after it.",
        "mixed = weights · v",
        (*_ATTENTION, *_EXPLICIT),
    ),
    "stream": Entry(
        "stream",
        "The residual stream: what came in, plus what this part of the layer adds to it.",
        "x ← x + f(norm(x))",
        ("parts.residual:PreNorm.forward", "parts.residual:PostNorm.forward", "parts.residual:Parallel.forward"),
    ),
    "hidden": Entry(
        "feedforward",
        "The hidden neurons of the feed-forward network, each after its activation function.",
        "h = φ(x W₁ + b₁), or with a gate h = φ(x W_g) ⊙ (x W₁)",
        ("parts.feedforward:GatedFeedForward.forward", "parts.feedforward:FeedForward.forward"),
    ),
    "router": Entry(
        "feedforward",
        "How well each expert fits each token: the router sends the token to the few with the largest logits.",
        "logits = x W_r",
        ("parts.feedforward:MixtureOfExperts.forward",),
    ),
    "near": Entry(
        "attention",
        "Each channel after the short convolution: a weighted sum of this token and the few before it.",
        "near = SiLU(conv(x))",
        (f"{_SSM}.forward", f"{_SSM}.convolve"),
    ),
    "dt": Entry(
        "attention",
        "The step size of each channel at each token: a large step writes it into the state, a small one hardly.",
        "Δ = softplus(x W_Δ + b)",
        (f"{_SSM}.select",),
    ),
    "recalled": Entry(
        "attention",
        "What the state space model reads from its state, which holds what came before.",
        "h ← exp(Δ A) h + Δ B x,  recalled = C h",
        (f"{_SSM}.forward", f"{_SSM}.select"),
    ),
    "state": Entry(
        "attention",
        "The hidden state of the recurrent network after each token: all that it keeps of what came before.",
        "h_t = cell(x_t, h_{t−1})",
        ("parts.recurrent:Recurrent.forward", "parts.recurrent:Bidirectional.forward"),
    ),
    "gate": Entry(
        "attention",
        "A gate of a recurrent cell: numbers between 0 and 1 that say how much passes.",
        "gate = σ(x W + h U + b)",
        _GATES,
    ),
    "predictions": Entry(
        "logits",
        "A score for each token of the vocabulary at each place. Softmax makes them probabilities.",
        "logits = norm(x) Eᵀ, p = softmax(logits)",
        ("models.trunk:Model.logits",),
    ),
}


def role(record: Record) -> str:
    """Which entry of ``ROLES`` a record has. Raises ``KeyError`` for a tap that has none."""
    last = record.name.split(" #")[0].rsplit(".", 1)[-1]
    if last == "hidden" and record.section == 20:
        return "state"
    if last == "weights" and record.shape == "B T S":
        return "alignment"
    found = "gate" if last.endswith("_gate") else {"logits": "router"}.get(last, last)
    if found not in ROLES:
        raise KeyError(f"The tap {record.name!r} has no entry in glassformer.glass.widgets.tensors.ROLES.")
    return found


def made_by(where: str) -> Any:
    """The object behind ``"module:object"``, such as ``"parts.kernel:Explicit.forward"``."""
    module, path = where.split(":")
    found: Any = importlib.import_module(f"glassformer.{module}")
    for name in path.split("."):
        found = getattr(found, name)
    return found


@cache
def entry(name: str) -> dict[str, Any]:
    """The entry of a role as the figure stores it; ``code`` is a list of ``[where, lines]``, long code without."""
    found = ROLES[name]
    code = []
    for where in found.code:
        lines = inspect.cleandoc("\n" + inspect.getsource(made_by(where))).splitlines()
        module, path = where.split(":")
        shown = "\n".join(lines) if len(lines) <= SMALL else ""
        code.append([f"{module.replace('.', '/')}.py · {path}", shown])
    return {"stage": found.stage, "what": found.what, "formula": found.formula, "code": code}
