"""Qwen 2's and Qwen 3's checkpoints: LLaMA's names; Qwen 3 has a norm for queries and one for keys."""

from typing import Any

from glassformer.checkpoint.families.llama import PREFIXES, SKIP, head, rules, sizes, written
from glassformer.checkpoint.family import Family, Settings, refuse
from glassformer.models.qwen import Qwen2, Qwen2Config, Qwen3, Qwen3Config


def _window(settings: Settings) -> dict[str, Any]:
    """Which layers have a window. Raises ``ValueError`` unless those are the last ones."""
    layers = settings["num_hidden_layers"]
    window = settings.get("sliding_window", 4096) if settings.get("use_sliding_window") else None
    full = min(settings.get("max_window_layers", 28), layers) if window is not None else layers
    kinds = settings.get("layer_types")
    if kinds:
        full = kinds.index("sliding_attention") if "sliding_attention" in kinds else layers
        if kinds != ["full_attention"] * full + ["sliding_attention"] * (layers - full):
            raise ValueError(f"layer_types must be full attention first and then a sliding window, not {kinds}.")
    if full == layers:
        return {}
    if window is None:
        raise ValueError("sliding_window must be given, since layer_types name layers that have one.")
    return {"window": window, "full_layers": full}


def _settings(config: Qwen2Config, model_type: str, architecture: str) -> dict[str, Any]:
    c = config
    return written(c, model_type, architecture) | {
        "hidden_act": "silu",
        "use_sliding_window": c.window is not None,
        "sliding_window": c.window,
        "max_window_layers": c.full_layers,
        "layer_types": [
            "full_attention" if c.window is None or n < c.full_layers else "sliding_attention" for n in range(c.layers)
        ],
    }


def config2(settings: Settings) -> Qwen2Config:
    """From ``config.json`` of Qwen 2 and 2.5."""
    refuse(settings, hidden_act=("silu",))
    return Qwen2Config(**sizes(settings), **_window(settings))


def config3(settings: Settings) -> Qwen3Config:
    """From ``config.json`` of Qwen 3."""
    refuse(settings, hidden_act=("silu",))
    bias = settings.get("attention_bias", False)
    return Qwen3Config(**sizes({"head_dim": 128, **settings}), **_window(settings), attention_bias=bias)


def build2(config: Qwen2Config, settings: Settings) -> Qwen2:
    """The model. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "Qwen2ForCausalLM", "Qwen2Model")
    return Qwen2(config)


def build3(config: Qwen3Config, settings: Settings) -> Qwen3:
    """The model. Raises ``ValueError`` for a checkpoint with another head."""
    head(settings, "Qwen3ForCausalLM", "Qwen3Model")
    return Qwen3(config)


def settings2(model: Qwen2) -> dict[str, Any]:
    """What the reference library reads."""
    return _settings(model.config, "qwen2", "Qwen2ForCausalLM")


def settings3(model: Qwen3) -> dict[str, Any]:
    """What the reference library reads."""
    return _settings(model.config, "qwen3", "Qwen3ForCausalLM") | {"attention_bias": model.config.attention_bias}


FAMILIES = {
    "qwen2": Family("qwen2", config2, build2, settings2, rules, skip=SKIP, prefixes=PREFIXES, models=(Qwen2,)),
    "qwen3": Family("qwen3", config3, build3, settings3, rules, skip=SKIP, prefixes=PREFIXES, models=(Qwen3,)),
}
