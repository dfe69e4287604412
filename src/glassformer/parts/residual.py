"""Residual placement: how a layer's answer is added to the stream, and where the normalization stands.

Legend: B batch, T tokens, D d_model.
"""

from torch import Tensor, nn

from glassformer.parts.dropout import Dropout
from glassformer.parts.step import Step
from glassformer.parts.tap import Tap


class PreNorm(nn.Module):
    """Normalize what the part reads, never the stream itself: ``x + part(norm(x))``.

    Args:
        norm: a normalization.
        part: attention or a feed-forward network, called as ``part(x, step)``.
        dropout: the share of the part's answer that is dropped in training.

    Shapes: ``[B, T, D]`` in and out. Source: Xiong et al. (2020), table 1. Taught in ``transformers``, section 7.
    """

    def __init__(self, norm: nn.Module, part: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm, self.part, self.dropout = norm, part, Dropout(dropout)
        self.role = part.role
        self.stream = Tap("B T D", 7)

    def forward(self, x_BTD: Tensor, step: Step) -> Tensor:
        """``x + part(norm(x))``."""
        y: Tensor = self.stream(x_BTD + self.dropout(self.part(self.norm(x_BTD), step)))
        return y


class PostNorm(nn.Module):
    """Normalize the stream after every addition: ``norm(x + part(x))``. The 2017 transformer, BERT and BART do.

    Args:
        norm, part, dropout: as for ``PreNorm``.

    Shapes: ``[B, T, D]`` in and out. Source: Vaswani et al. (2017), section 3.1. Taught in ``transformers``, section 7.
    """

    def __init__(self, norm: nn.Module, part: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm, self.part, self.dropout = norm, part, Dropout(dropout)
        self.role = part.role
        self.stream = Tap("B T D", 7)

    def forward(self, x_BTD: Tensor, step: Step) -> Tensor:
        """``norm(x + part(x))``."""
        y: Tensor = self.stream(self.norm(x_BTD + self.dropout(self.part(x_BTD, step))))
        return y


class Parallel(nn.Module):
    """Attention and feed-forward network read the same stream and are added together: ``x + attention(…) +
    feedforward(…)``.

    Args:
        attention, feedforward: parts with their own normalization, as ``Normed(norm, part)``.
        norm: one normalization for both, as in PaLM; none by default, as in GPT-NeoX, whose parts bring their own.
        dropout: the share of both answers that is dropped in training.

    Shapes: ``[B, T, D]`` in and out. Source: Chowdhery et al. (2022), section 2. Taught in ``transformers``, section 8.
    """

    role = "parallel"

    def __init__(
        self, attention: nn.Module, feedforward: nn.Module, norm: nn.Module | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.norm = norm or nn.Identity()
        self.attention, self.feedforward, self.dropout = attention, feedforward, Dropout(dropout)
        self.stream = Tap("B T D", 7)

    def forward(self, x_BTD: Tensor, step: Step) -> Tensor:
        """``x + attention(norm(x)) + feedforward(norm(x))``."""
        read = self.norm(x_BTD)
        attended, worked_out = self.attention(read, step), self.feedforward(read, step)
        y: Tensor = self.stream(x_BTD + self.dropout(attended) + self.dropout(worked_out))
        return y


class Normed(nn.Module):
    """A part with its own normalization in front: ``part(norm(x))``."""

    def __init__(self, norm: nn.Module, part: nn.Module) -> None:
        super().__init__()
        self.norm, self.part = norm, part

    def forward(self, x_BTD: Tensor, step: Step) -> Tensor:
        """``part(norm(x))``."""
        y: Tensor = self.part(self.norm(x_BTD), step)
        return y
