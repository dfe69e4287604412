"""How every architecture is compared with its reference: tiny random weights, the same inputs, both floats, gradients
too.
"""

import json
from typing import Any

import torch
from torch import Tensor, nn

from glassformer.checkpoint.family import Family
from glassformer.checkpoint.rules import fill, publish, tensors


def same(ours: Tensor, theirs: Tensor) -> None:
    """float32: ``max |Δ| ≤ 1e-5 · max(1, max |theirs|)``, float64: 1e-9: what other orders of the same sums cost."""
    scale = max(1.0, float(theirs.detach().abs().max()))
    bound = 1e-9 if theirs.dtype == torch.float64 else 1e-5
    assert ours.shape == theirs.shape
    assert float((ours - theirs).detach().abs().max()) <= bound * scale


def spread(reference: nn.Module, seed: int = 0) -> None:
    """Random numbers for every parameter, norms and biases too: what stays at 1 or 0 would hide a wrong rule."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator).to(parameter.dtype))


def converted(family: Family, reference: Any, dtype: torch.dtype = torch.float32) -> Any:
    """Our model with the reference's weights, through ``config.json`` and the rule table, as from a file."""
    settings = json.loads(reference.config.to_json_string(use_diff=False))
    settings["architectures"] = [type(reference).__name__]
    with torch.device("meta"):
        model = family.build(family.config(settings), settings)
    fill(
        model,
        tensors(reference.state_dict()),
        family.rules(model),
        skip=family.skip,
        prefixes=family.prefixes,
        dtype=dtype,
    )
    return model.eval()


def round_trip(family: Family, model: Any, reference: Any) -> None:
    """What we would save is what the reference holds, name by name and bit for bit (a tied tensor once)."""
    theirs = reference.state_dict()
    saved = dict(publish(model, family.rules(model)))
    for name, tensor in saved.items():
        near = name if name in theirs else next(p for p in theirs if name.endswith(p) or p.endswith(name))
        assert torch.equal(tensor, theirs[near].to(tensor.dtype)), name
    assert family.settings(model)["architectures"] == [type(reference).__name__]
    loaded = type(reference)(type(reference.config).from_dict(family.settings(model)))
    report = loaded.load_state_dict(saved, strict=False)
    assert not report.unexpected_keys
    loaded.tie_weights()
