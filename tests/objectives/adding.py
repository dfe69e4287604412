"""A batch in parts: their losses, metrics and gradients must add up to those of the whole, whatever each part holds."""

import pytest
import torch

from glassformer.objectives import parts, whole


def taken(model, loss, batches):
    """The sums of the losses and metrics, and the gradient of all weights."""
    model.zero_grad()
    sums = {}
    for one in batches:
        value, metrics = loss(model, one)
        value.backward()
        for name, metric in {"value": value.detach(), **metrics}.items():
            sums[name] = sums.get(name, 0.0) + metric.item()
    return sums, torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


def adds_up(model, loss, batch, number, where=""):
    """With ``where``, the parts must hold different numbers of these places: an average of averages would fail."""
    model.double().eval()  # dropout would draw anew for each part
    cut = list(parts(batch, number))
    assert not where or len({int(part[where].sum()) for part in cut}) > 1
    sums, gradient = taken(model, loss, [whole(batch)])
    pieces, gradients = taken(model, loss, cut)
    assert gradient.abs().max() > 0
    # Cross-entropy is computed in float32, which rounds at 6e-8; sums of some hundred terms agree to 1e-5.
    assert pieces == pytest.approx(sums, rel=1e-5, abs=1e-7)
    assert torch.allclose(gradients, gradient, rtol=1e-5, atol=1e-6 * float(gradient.abs().max()))
