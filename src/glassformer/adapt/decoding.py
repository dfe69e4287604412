"""Decode faster: one token at a time is a race against memory, and a plain sum over the weights wins it once compiled.

Legend: O outputs, I inputs.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from glassformer.models import replace

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
    onednn = torch._C._has_mkldnn and x.device.type == "cpu" and x.dtype == torch.float32
    if not onednn or torch.is_grad_enabled():  # that kernel has no gradient
        return F.linear(x, weight_OI, bias_O)
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight_OI, bias_O, "none", [], None)
    return y


def replace_linear(model: Any, pattern: str, make: Callable[[nn.Linear], nn.Module], *, untied: bool = False) -> None:
    """``replace`` for linear layers only: what else matches ``pattern`` stays.

    Raises ``ValueError`` if none is left.
    """
    found = replace(model, pattern, lambda m: make(m) if isinstance(m, nn.Linear) else m, untied=untied)
    kind = {type(model.get_submodule(name)).__name__ for name in found}
    if not any(type(model.get_submodule(name)) is make for name in found):
        raise ValueError(
            f"pattern {pattern!r} must match a layer of nn.Linear, but matches only {', '.join(sorted(kind))}."
        )


def for_decoding(model: Any, pattern: str = LINEAR) -> Any:
    """``model`` with ``RowLinear`` in place of every linear layer of its stack and head, sharing their parameters; in
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

    def step(ids: Tensor, **given: Any) -> Tensor:
        given["state"].span = given["state"].max_len
        return run(ids, **given)

    return step
