"""Decode faster: one token at a time is a race against memory, and a plain sum over the weights wins it once compiled.

Legend: O outputs, I inputs.
"""

import re
from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from glassformer.models import replace
from glassformer.parts.state import State

# The names of the layers that read weights.
LINEAR = r"(.*\.)?(q|k|v|out|gate|up|down|in_proj|x_proj|dt_proj|out_proj)|head"


class RowLinear(nn.Module):
    """``nn.Linear`` for inference: ``y = x Wᵀ + b``. It shares the layer's parameters.

    A matrix times *one* vector uses each weight once, so its speed is that of reading the weights, and the usual kernel
    reads them at a third of what memory gives. Compiled, one row is written as a product and a sum,
    ``y = Σ_i W_oi x_i``, which reads at nearly all of it. Uncompiled, oneDNN's kernel does the work where there is one:
    on two cores twice as fast as the usual one, for one row and for many.

    Shapes: ``[..., I]`` → ``[..., O]``. Taught in ``transformers``, section 10.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """``x Wᵀ + b``; one row in a compiled step is summed in float32."""
        if not torch.compiler.is_compiling():
            return product(x, self.weight, self.bias)
        if x.numel() != self.weight.shape[1]:
            return F.linear(x, self.weight, self.bias)
        y_O = (self.weight.float() * x.reshape(-1).float()).sum(-1)
        if self.bias is not None:
            y_O = y_O + self.bias
        return y_O.to(x.dtype).view(*x.shape[:-1], -1)


def product(x: Tensor, weight_OI: Tensor, bias_O: Tensor | None) -> Tensor:
    """``F.linear``, by oneDNN's kernel where float32 on a CPU needs no gradient: PyTorch would take BLAS's."""
    float32 = x.device.type == "cpu" and x.dtype == weight_OI.dtype == torch.float32
    plain = torch.is_grad_enabled() or torch.is_autocast_enabled(
        "cpu"
    )  # that kernel has no gradient, and casts nothing
    if plain or not float32 or not torch._C._has_mkldnn or x.shape[-1] != weight_OI.shape[1]:
        return F.linear(x, weight_OI, bias_O)
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight_OI, bias_O, "none", [], None)
    return y


def replace_linear(model: Any, pattern: str, make: Callable[[nn.Linear], nn.Module], *, untied: bool = False) -> None:
    """``replace`` for linear layers only: what else matches ``pattern`` stays.

    Raises ``ValueError`` if no layer of ``nn.Linear`` matches; nothing is changed then.
    """
    found = {name: m for name, m in model.named_modules() if name and re.fullmatch(pattern, name)}
    linear = [name for name, module in found.items() if isinstance(module, nn.Linear)]
    if found and not linear:
        kinds = ", ".join(sorted({type(module).__name__ for module in found.values()}))
        raise ValueError(f"pattern {pattern!r} must match a layer of nn.Linear, but matches only {kinds}.")
    names = "|".join(map(re.escape, linear)) or pattern
    replace(model, names, lambda module: make(cast(nn.Linear, module)), untied=untied)


def for_decoding(model: Any, pattern: str = LINEAR) -> Any:
    """``model`` with ``RowLinear`` in place of the linear layers whose name matches, sharing their parameters; in
    place.

    Raises ``ValueError`` if the pattern matches no ``nn.Linear``. Taught in ``transformers``, section 10.
    """
    replace_linear(model, pattern, RowLinear)
    return model


def compiled(model: Any) -> Callable[..., Tensor]:
    """A step for ``generate(…, step=)``: ``model`` compiled for one new token, whatever the position.

    The first call takes 20 to 40 seconds on two cores (a few seconds when PyTorch finds its cache), so it pays for long
    answers. It looks at the whole room of the state, a fixed number of slots: ``state.span`` is set to
    ``state.max_len``. Taught in ``transformers``, section 10.
    """
    run: Callable[..., Tensor] = torch.compile(model)

    def step(ids: Tensor, *, state: State, **given: Any) -> Tensor:
        state.span = state.max_len
        return run(ids, state=state, **given)

    return step
