"""Random inputs that more than one exercise draws."""

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def normal(rng: random.Random, *shapes: tuple[int, ...]) -> "tuple[Tensor, ...]":
    """One tensor for each of the ``shapes``, in float64, each entry from the standard normal distribution."""
    import torch

    generator = torch.Generator().manual_seed(rng.randrange(2**31))
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
