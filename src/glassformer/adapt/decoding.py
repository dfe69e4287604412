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
    """``nn.Linear`` for one row: ``y = Σ_i W_oi x_i + b``, written as a product and a sum. It shares the layer's
    parameters.

    A matrix times *one* vector uses each weight once, so its speed is that of reading the weights. The library's kernel
    reads them at a third of what memory gives; compiled, this sum reads at nearly all of it. Uncompiled it is slower:
    use it with ``torch.compile``. For more rows than one it is ``F.linear``.

    Shapes: ``[..., I]`` → ``[..., O]``. Taught in ``transformers``, section 10.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """``x Wᵀ + b``, summed in float32."""
        if x.numel() != self.weight.shape[1]:
            return F.linear(x, self.weight, self.bias)
        y_O = (self.weight.float() * x.reshape(-1).float()).sum(-1)
        if self.bias is not None:
            y_O = y_O + self.bias
        return y_O.to(x.dtype).view(*x.shape[:-1], -1)


def for_decoding(model: Any, pattern: str = LINEAR) -> Any:
    """``model`` with ``RowLinear`` in place of every linear layer of its stack and head, sharing their parameters; in
    place.

    Raises ``ValueError`` if the pattern matches nothing. Taught in ``transformers``, section 10.
    """
    replace(model, pattern, lambda layer: RowLinear(layer) if isinstance(layer, nn.Linear) else layer)
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
