"""Checks that the tests of several architectures share. Each stands alone."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from glassformer.checkpoint.family import Family
from glassformer.checkpoint.rules import fill, publish, tensors
from glassformer.models.tying import is_tied
from glassformer.parts.kernel import Kernel
from tests.models.parity import same


class _Gradients:
    """Stands in for a model in ``publish``: each parameter that is trained is its own gradient."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        trained = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        return [(name, torch.zeros_like(p) if p.grad is None else p.grad) for name, p in trained]

    def named_buffers(self) -> list[tuple[str, Tensor]]:
        return []  # not trained


def same_gradients(family: Family, ours: Any, theirs: nn.Module) -> None:
    """After ``backward`` on both: each published gradient is the reference's, and none of the reference's is left."""
    reference = dict(theirs.named_parameters())
    covered = set()
    for name, gradient in publish(_Gradients(ours), family.rules(ours)):  # type: ignore[arg-type]
        near = name if name in reference else next(p for p in reference if name.endswith(p) or p.endswith(name))
        covered.add(near)
        expected = reference[near].grad
        same(gradient, torch.zeros_like(reference[near]) if expected is None else expected)
    left = {name for name, p in reference.items() if p.grad is not None and bool(p.grad.any())} - covered
    assert not left, left


def has_std(weights: Tensor, std: float) -> None:
    """The standard deviation of ``weights`` is ``std``, within five times the sampling error ``std / √(2n)``."""
    bound = 5 * std * (2 * weights.numel()) ** -0.5
    assert abs(float(weights.detach().double().std()) - std) < bound, (float(weights.detach().std()), std)


def dropout_places(model: nn.Module) -> dict[str, float]:
    """Where something is dropped in training, and what share of it. Numbers of layers are written as ``*``."""
    places = {}
    for name, module in model.named_modules():
        share = module.p if isinstance(module, nn.Dropout) else module.dropout if isinstance(module, Kernel) else 0.0
        if share:
            places[re.sub(r"\d+", "*", name)] = float(share)
    return places


def drops_in_training_only(model: nn.Module, call: Callable[[], Tensor]) -> None:
    """Two calls differ in training and are equal in evaluation; and each place that drops does so by itself."""
    model.train()
    assert not torch.equal(call(), call())
    model.eval()
    assert torch.equal(call(), call())
    model.train()
    kinds = {nn.Dropout: "p", Kernel: "dropout"}
    places = [(m, field) for m in model.modules() for kind, field in kinds.items() if isinstance(m, kind)]
    shares = [float(getattr(module, field)) for module, field in places]
    for (module, field), share in zip(places, shares, strict=True):
        for other, its_field in places:
            setattr(other, its_field, 0.0)
        setattr(module, field, share)
        assert torch.equal(call(), call()) is (share == 0.0), module
    for (module, field), share in zip(places, shares, strict=True):
        setattr(module, field, share)
    model.eval()


def saved_and_loaded(family: Family, model: Any, call: Callable[[Any], Tensor]) -> None:
    """What was published and loaded again is the same model, bit for bit, tied as before."""
    settings = family.settings(model)
    held = {name: tensor.clone() for name, tensor in publish(model, family.rules(model))}
    with torch.device("meta"):
        again = family.build(family.config(settings), settings)
    fill(again, tensors(held), family.rules(again), skip=family.skip, prefixes=family.prefixes)
    assert again.config == model.config
    assert is_tied(again)
    assert type(again.head) is type(model.head)
    assert torch.equal(call(again.eval()), call(model.eval()))


def cached_is_uncached(model: Any, ids: Tensor, chunks: Sequence[int], **given: Any) -> None:
    """In chunks with a state, the logits are those of one call without."""
    whole = model(ids, **given)
    state = model.new_state(ids.shape[0], ids.shape[1])
    parts = [model(chunk, state=state, **given) for chunk in ids.split(list(chunks), dim=1)]
    assert sum(chunks) == ids.shape[1]
    same(torch.cat(parts, 1), whole)


def sees_no_future(model: Any, ids: Tensor, **given: Any) -> None:
    """The gradient of the logits at t for the embedding of each later token is exactly 0, and not so for its own."""
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: Any, out: Tensor) -> Tensor:
        seen.append(out.detach().requires_grad_())
        return seen[-1]

    handle = model.embed.register_forward_hook(keep)
    logits = model(ids, **given)
    handle.remove()
    for t in range(ids.shape[1]):
        (gradient,) = torch.autograd.grad(logits[:, t].sum(), seen[0], retain_graph=True)
        assert not gradient[:, t + 1 :].any()
        assert gradient[:, t].any()
