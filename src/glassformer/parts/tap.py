"""A tap: a place where a tensor has a name and can be watched or replaced."""

from torch import Tensor, nn


def watched_by(module: nn.Module) -> bool:
    """Whether a hook hangs on the module: forward or backward, before or after."""
    kinds = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks
    return any(kinds)


class Tap(nn.Module):
    """The identity, with a name to hang a forward hook on: ``y = x``.

    A hook that returns nothing watches the tensor; a hook that returns a tensor replaces it for everything that
    follows. The name of a tap is its path in the model, such as ``stack.3.attention.part.kernel.weights``.

    Args:
        shape: the shape in the guide's notation, such as ``"B H T S"``.
        section: the section of ``transformers`` that explains the tensor.

    Hooks that are added after ``torch.compile`` are silently ignored, so tracing runs the uncompiled model.
    Taught in ``transformers``, section 7.
    """

    def __init__(self, shape: str, section: int) -> None:
        super().__init__()
        self.shape = shape
        self.section = section

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` itself, or what the hooks make of it. Unwatched it returns at once: a model has hundreds of taps."""
        if not watched_by(self):
            return x
        watched: Tensor = super().__call__(x)
        return watched

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself."""
        return x

    def extra_repr(self) -> str:
        """The shape, for ``print(model)``."""
        return f"[{self.shape}]"
