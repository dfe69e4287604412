"""Rotary positions in the settings of a checkpoint: which base, which scaling, and back.

``config.json`` says them in one of two ways: ``rope_parameters`` holds everything (since 2025), or ``rope_theta`` and
``rope_scaling`` do. Both are read; both are written, saying the same.
"""

from typing import Any

from glassformer.checkpoint.family import Settings
from glassformer.parts.rotary_scaling import Dynamic, Linear, Llama3, LongRope, Scaling, Unscaled, Yarn


def table(settings: Settings) -> dict[str, Any]:
    """The settings of the rotation, wherever they stand. Raises ``ValueError`` if they differ by layer."""
    found = dict(settings.get("rope_scaling") or settings.get("rope_parameters") or {})
    if any(isinstance(value, dict) for value in found.values()):
        raise ValueError(f"rope_parameters must be the same for all layers of this model, not {found}.")
    return found


def rope(settings: Settings, base: float = 10000.0, partial: float = 1.0) -> tuple[float, Scaling]:
    """The base of the rotation and how it is stretched.

    ``base`` is what holds where the settings name none; ``partial`` is the share of dimensions that the model turns.
    Raises ``ValueError`` for another share, and for a type that is none of ``default``, ``linear``, ``dynamic``,
    ``llama3``, ``yarn`` and ``longrope``. Taught in ``transformers``, section 6.
    """
    found = table(settings)
    share = found.get("partial_rotary_factor") or settings.get("partial_rotary_factor") or partial
    if share != partial:
        raise ValueError(f"partial_rotary_factor must be {partial} for this model, not {share}.")
    base = float(found.get("rope_theta") or settings.get("rope_theta") or base)
    return base, _scaling(found, settings)


def _scaling(found: dict[str, Any], settings: Settings) -> Scaling:
    kind = found.get("rope_type") or found.get("type") or "default"
    longest = settings["max_position_embeddings"]
    original = (
        settings.get("original_max_position_embeddings") or found.get("original_max_position_embeddings") or longest
    )
    if kind == "default":
        return Unscaled()
    if kind == "linear":
        return Linear(found["factor"])
    if kind == "dynamic":
        return Dynamic(found["factor"], longest)
    if kind == "llama3":
        return Llama3(found["factor"], found["low_freq_factor"], found["high_freq_factor"], original)
    factor = found.get("factor") or longest / original
    attention_factor = found.get("attention_factor")
    if kind == "yarn":
        return Yarn(
            factor,
            original,
            found.get("beta_fast") or 32.0,
            found.get("beta_slow") or 1.0,
            attention_factor,
            found.get("mscale"),
            found.get("mscale_all_dim"),
            found.get("truncate", True),
        )
    if kind == "longrope":
        return LongRope(tuple(found["short_factor"]), tuple(found["long_factor"]), original, factor, attention_factor)
    raise ValueError(f"rope_type must be default, linear, dynamic, llama3, yarn or longrope, not {kind!r}.")


def rope_settings(base: float, scaling: Scaling, max_positions: int, partial: float = 1.0) -> dict[str, Any]:
    """What ``config.json`` says of a base and a scaling: the new form, and the old one beside it.

    Raises ``ValueError`` for a scaling that it has no name for, and for a ``Dynamic`` one of another length than
    ``max_positions``, which is the only length that it can name.
    """
    if isinstance(scaling, Dynamic) and scaling.original_positions != max_positions:
        raise ValueError(
            f"original_positions ({scaling.original_positions}) of a dynamic scaling must be max_positions "
            f"({max_positions}) to be written."
        )
    found = _written(scaling)
    old = {"rope_theta": base, "rope_scaling": found if found["rope_type"] != "default" else None}
    if partial != 1.0:
        old["partial_rotary_factor"] = partial
        found = found | {"partial_rotary_factor": partial}
    return old | {"rope_parameters": found | {"rope_theta": base}}


def _written(scaling: Scaling) -> dict[str, Any]:
    match scaling:
        case Unscaled():
            return {"rope_type": "default"}
        case Linear():
            return {"rope_type": "linear", "factor": scaling.factor}
        case Dynamic():
            return {"rope_type": "dynamic", "factor": scaling.factor}
        case Llama3():
            return {
                "rope_type": "llama3",
                "factor": scaling.factor,
                "low_freq_factor": scaling.low_freq_factor,
                "high_freq_factor": scaling.high_freq_factor,
                "original_max_position_embeddings": scaling.original_positions,
            }
        case Yarn():
            fields = {
                "beta_fast": scaling.beta_fast,
                "beta_slow": scaling.beta_slow,
                "attention_factor": scaling.attention_factor,
                "mscale": scaling.mscale,
                "mscale_all_dim": scaling.mscale_all_dim,
                "truncate": scaling.truncate,
            }
            return {
                "rope_type": "yarn",
                "factor": scaling.factor,
                "original_max_position_embeddings": scaling.original_positions,
            } | {name: value for name, value in fields.items() if value is not None}
        case LongRope():
            fields = {"factor": scaling.factor, "attention_factor": scaling.attention_factor}
            return {
                "rope_type": "longrope",
                "short_factor": list(scaling.short_factor),
                "long_factor": list(scaling.long_factor),
                "original_max_position_embeddings": scaling.original_positions,
            } | {name: value for name, value in fields.items() if value is not None}
    raise ValueError(f"scaling must be one that config.json has a name for, not {scaling!r}.")
