"""What a model is built from, read from its modules: the placement of its norms, its positions, its masks and so on.

Legend: see ``glassformer.parts``.
"""

from dataclasses import dataclass
from typing import Any, Final

from torch import nn

from glassformer.parts.attention import Attention, CrossAttention
from glassformer.parts.feedforward import FeedForward, GatedFeedForward, MixtureOfExperts
from glassformer.parts.mask import Window
from glassformer.parts.norm import LayerNorm, RMSNorm
from glassformer.parts.residual import Normed, Parallel, PostNorm, PreNorm
from glassformer.parts.ssm import SelectiveSSM

__all__ = ["Sublayer", "anatomy", "sublayers"]

# By the class of the head; this package knows the models' interface, no particular model.
_PREDICTS: Final = {
    "Linear": "the next token",
    "MaskedHead": "the hidden token",
    "PretrainingHead": "the hidden token",
    "ReplacedToken": "was it replaced?",
}


@dataclass(frozen=True)
class Sublayer:
    """One sublayer of a model's layer.

    Attributes:
        placement: where its norm stands: ``"pre"``, ``"post"``, or ``"parallel"`` for several parts that read the same.
        norm: the norm in words, such as ``"RMSNorm"``.
        parts: what it adds to the stream, in words: one part, or several in parallel.
    """

    placement: str
    norm: str
    parts: tuple[str, ...]


def _norm(module: nn.Module) -> str:
    if isinstance(module, LayerNorm):
        return "LayerNorm" if module.bias is not None else "LayerNorm, no bias"
    if isinstance(module, RMSNorm):
        return "RMSNorm"
    inner = [_norm(child) for child in module.children()]
    return next((words for words in inner if words), "")


def _activation(module: nn.Module) -> str:
    if isinstance(module, nn.GELU):
        return "GELU" if module.approximate == "none" else "GELU, tanh form"
    return {"WrittenGELU": "GELU, tanh form"}.get(type(module).__name__, type(module).__name__)


def _sees(trunk: nn.Module, part: Attention) -> str:
    """Whom a token may see in self-attention: the model's own rule, narrowed by the part's."""
    rule = getattr(trunk, "mask", None)
    words = "sees the past" if rule is not None and rule.causal else "sees all"
    return f"{words}, {part.mask.width} tokens" if isinstance(part.mask, Window) else words


def _part(trunk: nn.Module, part: nn.Module) -> str:
    if isinstance(part, Normed):
        return f"{_norm(part.norm)}, {_part(trunk, part.part)}"
    if isinstance(part, Attention):
        shared = "" if part.kv_heads == part.heads else f", {part.kv_heads} for k, v"
        return f"self-attention\n{part.heads} heads{shared}\n{_sees(trunk, part)}"
    if isinstance(part, CrossAttention):
        return f"cross-attention\n{part.heads} heads\nsees the source"
    if isinstance(part, GatedFeedForward):
        return f"gated feed-forward\n{_activation(part.activation)}\n{part.up.out_features:,} wide"
    if isinstance(part, FeedForward):
        return f"feed-forward\n{_activation(part.activation)}\n{part.up.out_features:,} wide"
    if isinstance(part, MixtureOfExperts):
        return f"mixture of experts\n{part.chosen} of {len(part.experts)}, each token"
    if isinstance(part, SelectiveSSM):
        return "state space\nreads in order"
    return type(part).__name__


def sublayers(trunk: Any) -> list[Sublayer]:
    """The sublayers of a trunk's first layer, in the order in which they run.

    Args:
        trunk: a model, or the ``encoder`` of an encoder-decoder.

    Raises ``ValueError`` for a placement that it does not know. Taught in ``transformers``, section 8.
    """
    found = []
    for sublayer in trunk.stack[0].children():
        if isinstance(sublayer, Parallel):
            parts = (sublayer.attention, sublayer.feedforward)
            found.append(Sublayer("parallel", _norm(sublayer.norm), tuple(_part(trunk, part) for part in parts)))
        elif isinstance(sublayer, PreNorm | PostNorm):
            placement = "pre" if isinstance(sublayer, PreNorm) else "post"
            found.append(Sublayer(placement, _norm(sublayer.norm), (_part(trunk, sublayer.part),)))
        else:
            raise ValueError(f"trunk must be built from PreNorm, PostNorm or Parallel, not {type(sublayer).__name__}.")
    return found


def positions(trunk: Any) -> str:
    """How a trunk tells order: the part that says it, in words."""
    if trunk.positions is not None:
        return {"LearnedPositions": "learned", "SinusoidalPositions": "sinusoids"}[type(trunk.positions).__name__]
    if trunk.score_bias is not None:
        return {"RelativeBias": "relative bias", "ALiBi": "ALiBi"}[type(trunk.score_bias).__name__]
    attention = [m for m in trunk.stack[0].modules() if isinstance(m, Attention)]
    if not attention:
        return "none: a recurrence has order"
    return "rotary" if attention[0].rotate is not None else "none"


def _head(model: Any) -> str:
    kind = type(model.head).__name__
    return _PREDICTS.get(kind, kind)


def anatomy(model: Any) -> dict[str, str]:
    """What a model is built from, one word or two for each question, all of it read from the modules.

    Taught in ``transformers``, section 8.
    """
    trunks = [trunk for trunk in (model.encoder, model) if trunk is not None]
    kinds = [part for trunk in trunks for sub in sublayers(trunk) for part in sub.parts]
    sees = dict.fromkeys(part.split("\n")[-1].removeprefix("sees ") for part in kinds if "attention" in part)
    own = sublayers(model)
    bends = [m for m in model.stack[0].modules() if isinstance(m, FeedForward | GatedFeedForward)]
    linear = [m for m in model.stack[0].modules() if isinstance(m, nn.Linear)]
    attention = [m for m in model.stack[0].modules() if isinstance(m, Attention)]
    return {
        "norm": own[0].norm,
        "placement": own[0].placement,
        "last norm": "yes" if _norm(model.norm) else "no",
        "positions": positions(model),
        "feed-forward": (f"{_activation(bends[0].activation)}{', gated' * isinstance(bends[0], GatedFeedForward)}")
        if bends
        else "none",
        "biases": "yes" if any(m.bias is not None for m in linear) else "no",
        "k, v heads": f"{attention[0].kv_heads} of {attention[0].heads}" if attention else "none",
        "scale": f"{attention[0].kernel.scale:.3g}" if attention else "none",
        "sees": "; ".join(sees) or "the past, by a state",
        "tied": "yes" if model.tied else "no",
        "predicts": _head(model),
    }
