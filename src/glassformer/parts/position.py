"""Positions that are added to the embeddings: learned ones, and the sinusoids of the first transformer.

Legend: B batch, T queries, D d_model.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def inverse_frequencies(d: int, base: float, device: torch.device | None = None) -> Tensor:
    """The angle that each pair of dimensions turns by from one position to the next: ``base^(−2i/d)``, in radians.

    Pair 0 turns by one radian a position; the last one takes about ``2π · base`` positions for one full turn.
    Shape ``[d/2]``, always float32: a half-precision angle is wrong by whole turns after a few hundred positions.

    Raises ``ValueError`` if ``d`` is odd or not positive, or ``base`` is not above 1.

    Source: Vaswani et al. (2017), section 3.5. Taught in ``transformers``, section 6.
    """
    if d < 2 or d % 2:
        raise ValueError(f"d ({d}) must be a positive even number: positions turn pairs of dimensions.")
    if base <= 1:
        raise ValueError(f"base ({base}) must be greater than 1.")
    return 1.0 / (base ** (torch.arange(0, d, 2, device=device, dtype=torch.float32) / d))


class LearnedPositions(nn.Module):
    """One trained vector for each position: ``weight[positions + offset]``.

    Args:
        max_positions: how many positions there are; position ``max_positions`` and beyond have no vector.
        d_model: the width of a vector.
        offset: how many unused rows the table starts with. BART has 2.

    Shapes: ``positions_BT`` is ``[B, T]`` of integers; the output ``[B, T, D]``; ``weight`` is
    ``[max_positions + offset, D]``. It starts from a normal distribution of standard deviation 0.02, as in BERT.

    Raises ``ValueError`` if a size is not positive or ``offset`` negative, ``IndexError`` for a position without a
    vector (on a CPU; a GPU stops with an assertion, since looking first would make it wait).

    Source: Gehring et al. (2017), section 3.1; the table of BERT, GPT-2 and BART.
    Taught in ``transformers``, section 6.
    """

    def __init__(self, max_positions: int, d_model: int, offset: int = 0) -> None:
        super().__init__()
        if max_positions < 1 or d_model < 1:
            raise ValueError(f"max_positions ({max_positions}) and d_model ({d_model}) must be positive.")
        if offset < 0:
            raise ValueError(f"offset ({offset}) must not be negative.")
        self.offset = offset
        self.weight = nn.Parameter(torch.empty(max_positions + offset, d_model))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, positions_BT: Tensor) -> Tensor:
        """The vectors of the positions, ``[B, T, D]``."""
        return F.embedding(positions_BT + self.offset, self.weight)


def _angles(positions: Tensor, d_model: int) -> Tensor:
    return positions[..., None].to(torch.float32) * inverse_frequencies(d_model, 10000.0, positions.device)


def sinusoids(positions: Tensor, d_model: int) -> Tensor:
    """Sine and cosine in turn: ``p[2i] = sin(pos / 10000^(2i/d))``, ``p[2i+1] = cos(pos / 10000^(2i/d))``.

    Shapes: any shape ``[...]`` of positions to ``[..., D]``, float32.

    Raises ``ValueError`` if ``d_model`` is odd or not positive.

    Source: Vaswani et al. (2017), section 3.5. Taught in ``transformers``, section 6.
    """
    angles = _angles(positions, d_model)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


def concatenated_sinusoids(positions: Tensor, d_model: int) -> Tensor:
    """The same numbers as ``sinusoids``, all sines first: ``p[i] = sin(…)``, ``p[d/2 + i] = cos(…)``.

    A trained model cannot swap one order for the other; Marian's translation models have this one.

    Shapes: any shape ``[...]`` of positions to ``[..., D]``, float32. Raises as ``sinusoids`` does.

    Source: Vaswani et al. (2017), section 3.5, as Marian and TensorFlow's models store it.
    Taught in ``transformers``, section 6.
    """
    angles = _angles(positions, d_model)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


class SinusoidalPositions(nn.Module):
    """Positions as a fixed set of waves, from one of 2π positions to one of almost 10000 · 2π. Nothing is trained.

    Args:
        d_model: the width of a vector, even.
        table: ``sinusoids``, as in the paper, or ``concatenated_sinusoids``.

    Shapes: ``positions_BT`` is ``[B, T]`` of integers; the output ``[B, T, D]``, float32: cast it to the dtype of
    the embeddings before adding it.

    Raises ``ValueError`` if ``d_model`` is odd or not positive.

    Source: Vaswani et al. (2017), section 3.5. Taught in ``transformers``, section 6.
    """

    def __init__(self, d_model: int, table: Callable[[Tensor, int], Tensor] = sinusoids) -> None:
        super().__init__()
        if d_model < 2 or d_model % 2:
            raise ValueError(f"d_model ({d_model}) must be a positive even number.")
        self.d_model = d_model
        self.table = table

    def forward(self, positions_BT: Tensor) -> Tensor:
        """The vectors of the positions, ``[B, T, D]``."""
        return self.table(positions_BT, self.d_model)
