"""Feed-forward networks: what each token works out by itself.

Legend: B batch, T tokens, D d_model, F d_ff, E experts, C experts chosen for a token.
"""

import torch
from torch import Tensor, nn

from glassformer.parts.dropout import Dropout
from glassformer.parts.step import Step
from glassformer.parts.tap import Tap


class FeedForward(nn.Module):
    """The position-wise feed-forward network: ``down(f(up(x)))``, the same for every token.

    Args:
        d_model, d_ff: the widths outside and inside.
        activation: the bend f, such as ``nn.GELU()``.
        bias: whether both layers have one.
        dropout: the share of the inner values that are dropped in training.

    Shapes: ``[B, T, D]`` in and out. It has ``2 · D · F`` weights.
    Source: Vaswani et al. (2017), eq. 2. Taught in ``transformers``, section 11.
    """

    role = "feedforward"

    def __init__(self, d_model: int, d_ff: int, activation: nn.Module, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias)
        self.activation = activation
        self.hidden = Tap("B T F", 11)
        self.dropout = Dropout(dropout)
        self.down = nn.Linear(d_ff, d_model, bias)

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """``down(f(up(x)))``."""
        out: Tensor = self.down(self.dropout(self.hidden(self.activation(self.up(x_BTD)))))
        return out


class GatedFeedForward(nn.Module):
    """The gated feed-forward network: ``down(f(gate(x)) · up(x))``. With f = SiLU it is called SwiGLU, with GELU GeGLU.

    Args:
        d_model, d_ff, activation, bias, dropout: as for ``FeedForward``.

    Shapes: ``[B, T, D]`` in and out. It has ``3 · D · F`` weights.
    Source: Shazeer (2020), eq. 6. Taught in ``transformers``, section 11.
    """

    role = "feedforward"

    def __init__(self, d_model: int, d_ff: int, activation: nn.Module, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias)
        self.up = nn.Linear(d_model, d_ff, bias)
        self.activation = activation
        self.hidden = Tap("B T F", 11)
        self.dropout = Dropout(dropout)
        self.down = nn.Linear(d_ff, d_model, bias)

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """``down(f(gate(x)) · up(x))``."""
        hidden_BTF = self.hidden(self.activation(self.gate(x_BTD)) * self.up(x_BTD))
        out: Tensor = self.down(self.dropout(hidden_BTF))
        return out


class MixtureOfExperts(nn.Module):
    """A mixture of experts: a router chooses ``chosen`` of the experts for each token and adds up their answers by
    weight.

    ``y = Σ over chosen e of p_e · expert_e(x)``, with p the router's softmax over the chosen experts only.

    Args:
        d_model: the width D.
        experts: the feed-forward networks to choose from.
        chosen: how many of them each token uses, C.

    Shapes: ``[B, T, D]`` in and out. Only C of E experts are computed for a token, though all E are kept in memory.
    Raises ``ValueError`` unless 1 ≤ C ≤ E.
    Source: Shazeer et al. (2017), eq. 1–5; Jiang et al. (2024), section 2.1. Taught in ``transformers``, section 8.
    """

    role = "feedforward"

    def __init__(self, d_model: int, experts: list[nn.Module], chosen: int) -> None:
        super().__init__()
        if not 1 <= chosen <= len(experts):
            raise ValueError(f"chosen ({chosen}) must be between 1 and the number of experts ({len(experts)}).")
        self.router = nn.Linear(d_model, len(experts), bias=False)
        self.experts = nn.ModuleList(experts)
        self.chosen = chosen
        self.logits = Tap("B T E", 8)

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """The weighted sum of the chosen experts' answers."""
        best_BTC, index_BTC = self.logits(self.router(x_BTD)).topk(self.chosen, -1)
        wide_BTC = best_BTC.to(torch.promote_types(best_BTC.dtype, torch.float32))
        weight_BTC = wide_BTC.softmax(-1).to(x_BTD.dtype)
        y_BTD = torch.zeros_like(x_BTD)
        for number, expert in enumerate(self.experts):
            batch, token, place = torch.where(index_BTC == number)
            y_BTD = y_BTD.index_put(
                (batch, token), weight_BTC[batch, token, place, None] * expert(x_BTD[batch, token]), accumulate=True
            )
        return y_BTD
