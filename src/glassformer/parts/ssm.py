"""The selective state space layer of Mamba: what to keep and what to forget depends on the token.

Legend: B batch, T time, D d_model, E d_inner, N d_state, R dt_rank.
"""

import math
from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from glassformer.parts.scan import scan_chunked
from glassformer.parts.step import Step
from glassformer.parts.tap import Tap


class MambaEntry:
    """What one ``SelectiveSSM`` keeps between calls. Its size does not grow with the text.

    Attributes:
        conv: the last inputs of the convolution, ``[B, E, d_conv − 1]``.
        h: the hidden state, ``[B, E, N]``, in float32 (float64 in a float64 model): it sums over the whole text, which
            16 bits would not bear.
    """

    def __init__(
        self, batch: int, d_inner: int, d_state: int, d_conv: int, device: torch.device | None, dtype: torch.dtype
    ) -> None:
        self.conv = torch.zeros(batch, d_inner, d_conv - 1, device=device, dtype=dtype)
        self.h = torch.zeros(batch, d_inner, d_state, device=device, dtype=_wide(dtype))

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes what row ``rows[i]`` was."""
        self.conv.copy_(self.conv[rows])
        self.h.copy_(self.h[rows])

    def snapshot(self, position: int) -> tuple[Tensor, Tensor]:
        """A copy of both: what was forgotten can not be computed back."""
        return self.conv.clone(), self.h.clone()

    def restore(self, snapshot: tuple[Tensor, Tensor]) -> None:
        """Come back to the moment of ``snapshot``."""
        self.conv.copy_(snapshot[0])
        self.h.copy_(snapshot[1])


class SelectiveSSM(nn.Module):
    """Mamba's mixer: two branches, one through a convolution and the selective scan, the other its gate.

    ``x, z = in_proj(input)``; ``x = SiLU(conv(x))``; ``dt, B, C = x_proj(x)``; ``dt = softplus(dt_proj(dt))``;
    ``y = scan(x, dt, A, B, C) + skip · x`` with ``A = −exp(A_log)``; output ``out_proj(y · SiLU(z))``.

    Args:
        d_model: the width of the model, D.
        d_inner: the number of channels, E; 2 D in the published models.
        d_state: the numbers kept for each channel, N.
        d_conv: how many tokens the convolution sees, the present one and those before it.
        dt_rank: the width through which ``dt`` is computed, R; D / 16, rounded up, by default.
        bias: whether ``in_proj`` and ``out_proj`` have one.
        conv_bias: whether the convolution has one.
        scan: how the recurrence is computed: ``scan_chunked``, or ``scan_loop`` to follow it.

    Shapes: ``[B, T, D]`` in and out. Work grows as T, and memory between calls not at all.

    With a state, the entry is changed in place, and no gradient flows into what came before this call. A pad
    (``step.real`` false) gives zeros to the convolution, and no time passes at it: ``dt`` is 0 and the hidden state
    stays as it is.

    Raises ``ValueError`` if a size is below 1.

    Source: Gu and Dao (2023), Mamba, figure 3 and Algorithm 2; initialization as in the published code.
    Taught in ``transformers``, section 20.
    """

    role = "mixer"
    slot: int = -1  # a state numbers its modules

    def __init__(
        self,
        d_model: int,
        d_inner: int,
        d_state: int = 16,
        d_conv: int = 4,
        dt_rank: int | None = None,
        bias: bool = False,
        conv_bias: bool = True,
        scan: Callable[..., tuple[Tensor, Tensor]] = scan_chunked,
    ) -> None:
        super().__init__()
        self.dt_rank = math.ceil(d_model / 16) if dt_rank is None else dt_rank
        sizes = {"d_model": d_model, "d_inner": d_inner, "d_state": d_state, "d_conv": d_conv, "dt_rank": self.dt_rank}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} ({size}) must be at least 1.")
        self.d_inner, self.d_state, self.d_conv, self.scan = d_inner, d_state, d_conv, scan
        self.in_proj = nn.Linear(d_model, 2 * d_inner, bias=bias)
        self.conv = nn.Conv1d(d_inner, d_inner, d_conv, groups=d_inner, bias=conv_bias)
        self.x_proj = nn.Linear(d_inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, d_inner)
        self.A_log = nn.Parameter(torch.empty(d_inner, d_state))
        self.skip = nn.Parameter(torch.empty(d_inner))
        self.out_proj = nn.Linear(d_inner, d_model, bias=bias)
        self.near, self.dt, self.recalled = Tap("B T E", 20), Tap("B T E", 20), Tap("B T E", 20)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """The published initialization: A = −1 … −N in every channel, ``dt`` between 0.001 and 0.1, ``skip`` 1.

        The published floor of 0.0001 under ``dt`` never acts in this range and is left out. A model that draws its
        biases anew must leave ``dt_proj.bias`` alone.
        """
        for each in (self.in_proj, self.conv, self.x_proj, self.out_proj):
            each.reset_parameters()
        nn.init.uniform_(self.dt_proj.weight, -(self.dt_rank**-0.5), self.dt_rank**-0.5)
        dt_E = torch.empty_like(self.dt_proj.bias).uniform_(math.log(0.001), math.log(0.1)).exp_()
        self.dt_proj.bias.copy_(dt_E + torch.log(-torch.expm1(-dt_E)))  # softplus undone
        self.A_log.copy_(torch.arange(1, self.d_state + 1, device=self.A_log.device).log().expand_as(self.A_log))
        nn.init.ones_(self.skip)

    def new_entry(self, batch: int, max_len: int, device: torch.device | None, dtype: torch.dtype) -> MambaEntry:
        """An empty entry for a state. ``max_len`` plays no part: the entry is as large for a text of any length."""
        return MambaEntry(batch, self.d_inner, self.d_state, self.d_conv, device, dtype)

    def forward(self, x_BTD: Tensor, step: Step | None = None) -> Tensor:
        """Mix what came before into every token. Without a ``step`` the call stands alone and every token is real."""
        entry = None if step is None else cast(MambaEntry | None, step.entry(self))
        pad_BT1 = None if step is None or step.real is None else ~step.real[..., None]
        x_BTE, z_BTE = self.in_proj(x_BTD).chunk(2, -1)
        x_BTE = self.near(F.silu(self.convolve(_without(pad_BT1, x_BTE), entry)))
        y_BTE = self.recalled(self.select(x_BTE, pad_BT1, entry)) + self.skip * x_BTE
        return cast(Tensor, self.out_proj(y_BTE.to(z_BTE.dtype) * F.silu(z_BTE)))

    def convolve(self, x_BTE: Tensor, entry: MambaEntry | None) -> Tensor:
        """Each channel's weighted sum over the present token and the ``d_conv − 1`` before it."""
        before = x_BTE.new_zeros(x_BTE.shape[0], self.d_inner, self.d_conv - 1) if entry is None else entry.conv
        x_BET = torch.cat([before.to(x_BTE.dtype), x_BTE.mT], -1)
        if entry is not None:
            entry.conv.copy_(x_BET[..., x_BTE.shape[1] :].detach())
        return cast(Tensor, self.conv(x_BET)).mT

    def select(self, x_BTE: Tensor, pad_BT1: Tensor | None, entry: MambaEntry | None) -> Tensor:
        """The scan, with step and weights computed from the token; in float32 at least."""
        wide = _wide(x_BTE.dtype)
        dt_BTR, B_BTN, C_BTN = self.x_proj(x_BTE).split([self.dt_rank, self.d_state, self.d_state], -1)
        dt_BTE = self.dt(_without(pad_BT1, F.softplus(self.dt_proj(dt_BTR).to(wide))))
        A_EN = -torch.exp(self.A_log.to(wide))
        before = None if entry is None else entry.h.clone()  # the gradient of this call needs it as it is now
        y_BTE, h_BEN = self.scan(x_BTE.to(wide), dt_BTE, A_EN, B_BTN.to(wide), C_BTN.to(wide), before)
        if entry is not None:
            entry.h.copy_(h_BEN.detach())
        return y_BTE


def _without(pad_BT1: Tensor | None, x_BTE: Tensor) -> Tensor:
    return x_BTE if pad_BT1 is None else x_BTE.masked_fill(pad_BT1, 0)


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
