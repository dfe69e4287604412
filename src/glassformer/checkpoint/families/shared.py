"""What the families of encoders share: bends by name, heads by architecture, labels, and rules for pairs of tensors."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from glassformer.checkpoint.family import Settings
from glassformer.checkpoint.rules import Rule
from glassformer.models.heads import SequenceClassifier, TokenClassifier
from glassformer.models.t5 import WrittenGELU

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "gelu_new": WrittenGELU,
    "gelu_pytorch_tanh": WrittenGELU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "swish": nn.SiLU,
}


def activation(name: str) -> Callable[[], nn.Module]:
    """The bend of that name. Raises ``ValueError`` for one that is not here."""
    if name not in ACTIVATIONS:
        raise ValueError(f"The activation must be one of {', '.join(ACTIVATIONS)}, not {name!r}.")
    return ACTIVATIONS[name]


def activation_name(make: Callable[[], nn.Module]) -> str:
    """The published name of a bend. Raises ``ValueError`` for one that has none."""
    for name, other in ACTIVATIONS.items():
        if other is make:
            return name
    raise ValueError(f"The activation must be one that has a published name, not {make}.")


def choose(settings: Settings, family: str, heads: Mapping[str, Any], default: str = "ForMaskedLM") -> Any:
    """What ``heads`` says for the architecture that the settings name, such as ``"ForMaskedLM"`` of
    ``"BertForMaskedLM"``.
    """
    named = (settings.get("architectures") or [family + default])[0]
    kind = named.removeprefix(family)
    if kind not in heads:
        allowed = ", ".join(family + kind for kind in heads)
        raise ValueError(f"architectures must name one of {allowed}, not {named!r}.")
    return heads[kind]


def label_count(settings: Settings, default: int = 2) -> int:
    """How many labels a classifier has."""
    return len(settings.get("id2label") or {}) or int(settings.get("num_labels", default))


def label_settings(head: nn.Module) -> dict[str, Any]:
    """Names for the labels of a classifier, from which the reference library counts them."""
    if not isinstance(head, SequenceClassifier | TokenClassifier):
        return {}
    names = [f"LABEL_{number}" for number in range(head.out.out_features)]
    return {
        "id2label": {str(number): name for number, name in enumerate(names)},
        "label2id": {name: number for number, name in enumerate(names)},
        "classifier_dropout": head.dropout.p,
    }


def head_dropout(config: Any, settings: Settings) -> float:
    """The dropout of a classifier: its own, or that of the layers."""
    own = settings.get("classifier_dropout")
    return float(config.dropout if own is None else own)


def both(ours: str, theirs: str, *older: str) -> list[Rule]:
    """The rules for a weight and its bias; ``older`` are names that files may use instead."""
    return [
        Rule(f"{ours}.{kind}", f"{theirs}.{kind}", older=tuple(f"{name}.{kind}" for name in older))
        for kind in ("weight", "bias")
    ]


def norm(ours: str, theirs: str) -> list[Rule]:
    """The rules for a LayerNorm, whose weight and bias old files call gamma and beta."""
    return [
        Rule(f"{ours}.weight", f"{theirs}.weight", older=(f"{theirs}.gamma",)),
        Rule(f"{ours}.bias", f"{theirs}.bias", older=(f"{theirs}.beta",)),
    ]


def kind_of(model: Any, kinds: Mapping[type[nn.Module], str]) -> str:
    """The part of the architecture's name that says which head it is. Raises ``ValueError`` for an unpublished head."""
    for head, kind in kinds.items():
        if isinstance(model.head, head):
            return kind
    names = ", ".join(head.__name__ for head in kinds)
    raise ValueError(f"The head must be one of {names} to be published, not {type(model.head).__name__}.")
