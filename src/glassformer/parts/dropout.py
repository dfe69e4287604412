"""Dropout that costs nothing where nothing is dropped."""

from torch import Tensor, nn

from glassformer.parts.tap import watched_by


class Dropout(nn.Dropout):
    """In training, each number is 0 with probability p, and the others are divided by 1 − p; otherwise the identity.

    PyTorch's own, but a call outside training returns at once: a model has about a hundred of them.
    Source: Srivastava et al. (2014). Taught in ``transformers``, section 15.
    """

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` with numbers dropped in training; ``x`` itself otherwise, unless a hook watches."""
        if not self.training and not watched_by(self):
            return x
        dropped: Tensor = super().__call__(x)
        return dropped
