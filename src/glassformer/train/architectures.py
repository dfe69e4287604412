"""The architectures that a recipe can name, and how its ``[model]`` table becomes a model."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final, get_type_hints

from glassformer.train.reading import near
from glassformer.train.recipe import RecipeError

ARCHITECTURES: Final = {
    "gpt1": ("gpt", "GPT1Config", "GPT1"),
    "gpt2": ("gpt", "GPTConfig", "GPT2"),
    "nanogpt": ("nanogpt", "GPTConfig", "NanoGPT"),
    "llama": ("llama", "LlamaConfig", "Llama"),
    "qwen3": ("qwen", "Qwen3Config", "Qwen3"),
    "palm": ("palm", "PalmConfig", "Palm"),
    "lstm": ("rnn", "RecurrentConfig", "RecurrentLM"),
    "mamba": ("mamba", "MambaConfig", "Mamba"),
    "bert": ("bert", "BertConfig", "Bert"),
    "electra": ("electra", "ElectraConfig", "ElectraPair"),
    "t5": ("t5", "T5v11Config", "T5v11"),
    "ul2": ("ul2", "UL2Config", "UL2"),
    "bart": ("bart", "BartConfig", "Bart"),
}
"""A name for recipes: the file in ``glassformer.models``, its configuration, its model."""


def sizes(architecture: str) -> Iterator[tuple[str, Any]]:
    """The fields of an architecture that a recipe can set, with their published values."""
    config, _ = _found(architecture)
    published = config()
    for name, kind in get_type_hints(config).items():
        if kind in (int, float, bool, float | None):
            yield name, getattr(published, name)


def build(architecture: str, given: Mapping[str, Any], vocab: int, context: int) -> Any:
    """A model with random weights.

    What ``given`` leaves out is as published, but for three: positions suffice for the ``context``, ``d_ff`` keeps its
    published ratio to ``d_model``, and widths and numbers of heads fit each other.

    Raises ``RecipeError`` for an architecture or a field that is not known, and for sizes that do not fit.
    """
    config, model = _found(architecture)
    published = dict(sizes(architecture))
    for name, value in given.items():
        if name not in published:
            raise RecipeError(f"[model] of {architecture} has no field {name!r}. {near(name, published)}")
        if isinstance(published[name], int) != isinstance(value, int) and published[name] is not None:
            raise RecipeError(f"model.{name} must be like {published[name]!r}, not {value!r}.")
    derived: dict[str, Any] = {"vocab": vocab, "max_positions": context, "buckets": published.get("buckets")}
    if "d_model" in given:
        for name in ("d_ff", "encoder_d_ff", "d_inner", "dt_rank", "d_embed", "d_hidden"):
            if name in published:
                derived[name] = max(1, published[name] * given["d_model"] // published["d_model"])
    for name in ("kv_heads", "encoder_heads"):
        derived[name] = given.get("heads", published.get(name))
    derived["encoder_layers"] = given.get("layers", published.get("encoder_layers"))
    chosen = published | {name: value for name, value in derived.items() if name in published} | dict(given)
    if "d_k" in published and "d_k" not in given:
        chosen["d_k"] = chosen["d_model"] // chosen["heads"]
    if vocab > chosen["vocab"]:
        raise RecipeError(f"model.vocab must be at least {vocab}, which the tokenizer needs, not {chosen['vocab']}.")
    try:
        return model(config(**chosen))
    except ValueError as error:
        raise RecipeError(f"The sizes of [model] do not fit: {error}") from None


def _found(architecture: str) -> tuple[Any, Any]:
    if architecture not in ARCHITECTURES:
        raise RecipeError(f"There is no architecture {architecture!r}. {near(architecture, ARCHITECTURES)}")
    file, config, model = ARCHITECTURES[architecture]
    module = import_module(f"glassformer.models.{file}")
    return getattr(module, config), getattr(module, model)
