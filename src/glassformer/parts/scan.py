"""The selective scan: a hidden state that decays, takes in and is read out, each by an amount the input chooses.

Legend: B batch, T time, E d_inner, N d_state. Inside a chunk E stands last: processors are fast at long rows.
"""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def scan_loop(
    x_BTE: Tensor, dt_BTE: Tensor, A_EN: Tensor, B_BTN: Tensor, C_BTN: Tensor, h_BEN: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The recurrence as it is written: one moment after the other.

    ``h_t = exp(dt_t A) h_{t−1} + dt_t B_t x_t``, ``y_t = Σ_n C_t h_t``. The step ``dt`` says how much time passes: at 0
    the state stays as it is, at a large value it forgets all and takes in the present.

    Args:
        x_BTE: the input, one number a channel.
        dt_BTE: the step, ≥ 0.
        A_EN: the rate of decay, < 0.
        B_BTN, C_BTN: how a moment is written into the state, and how it is read out.
        h_BEN: the state before the first moment; ``None``: zero.

    Returns the output ``[B, T, E]`` and the state after the last moment ``[B, E, N]``.

    Source: Gu and Dao (2023), Mamba, eq. 2 and Algorithm 2. A is discretized by zero-order hold (eq. 4), B by Euler's
    rule ``dt B``, which is what the published code computes. Taught in ``transformers``, section 20.
    """
    h = _before(x_BTE, A_EN, h_BEN)
    outputs = []
    for x_BE, dt_BE, B_BN, C_BN in zip(*(each.unbind(1) for each in (x_BTE, dt_BTE, B_BTN, C_BTN)), strict=True):
        h = torch.exp(dt_BE[:, :, None] * A_EN) * h + dt_BE[:, :, None] * B_BN[:, None] * x_BE[:, :, None]
        outputs.append((h * C_BN[:, None]).sum(-1))
    return torch.stack(outputs, 1), h


def scan_chunked(
    x_BTE: Tensor,
    dt_BTE: Tensor,
    A_EN: Tensor,
    B_BTN: Tensor,
    C_BTN: Tensor,
    h_BEN: Tensor | None = None,
    chunk: int = 32,
) -> tuple[Tensor, Tensor]:
    """``scan_loop``'s results, sooner and in less memory: the same arguments, and ``chunk``, the moments taken at once.

    In a chunk all decays, all inputs and all outputs are computed together; what is left for each moment is one
    multiply-add. Nothing is divided by a decay, so a state that has vanished stays exact at any step. The gradient is
    the same recurrence backward in time. It keeps one state a chunk and computes the others again (Gu and Dao (2023),
    section 3.3.2), so the work memory is a few times ``B · chunk · N · E`` numbers at any T; the kept states take
    ``B · T / chunk · N · E``. It has a first derivative and no second.

    Raises ``ValueError`` if ``chunk`` is below 1. Taught in ``transformers``, section 20.
    """
    if chunk < 1:
        raise ValueError(f"chunk ({chunk}) must be at least 1.")
    if x_BTE.shape[1] == 1:
        return scan_loop(x_BTE, dt_BTE, A_EN, B_BTN, C_BTN, h_BEN)
    y_BTE, h_BEN = _in_chunks(x_BTE, dt_BTE, A_EN, B_BTN, C_BTN, _before(x_BTE, A_EN, h_BEN), chunk)
    return y_BTE, h_BEN


def _before(x_BTE: Tensor, A_EN: Tensor, h_BEN: Tensor | None) -> Tensor:
    return x_BTE.new_zeros(x_BTE.shape[0], *A_EN.shape) if h_BEN is None else h_BEN


# The compiler would unroll the loop over time, and take minutes.
@torch.compiler.disable
def _in_chunks(
    x_BTE: Tensor, dt_BTE: Tensor, A_EN: Tensor, B_BTN: Tensor, C_BTN: Tensor, h_BEN: Tensor, chunk: int
) -> tuple[Tensor, Tensor]:
    with torch.autocast(x_BTE.device.type, enabled=False):  # its products would round the state to 16 bits
        y_BTE, h_BNE = _Scan.apply(x_BTE, dt_BTE, A_EN.mT.contiguous(), B_BTN, C_BTN, h_BEN.mT, chunk)  # type: ignore[no-untyped-call]
    return y_BTE, h_BNE.mT


def _pieces(chunk: int, *whole: Tensor) -> list[tuple[Tensor, ...]]:
    """For each chunk its part of every tensor: views, to read or to fill."""
    return list(zip(*(torch.split(each, chunk, 1) for each in whole), strict=True))


class _Room:
    """Work memory for one chunk, taken once for all chunks: decays, states, and the moments of both."""

    def __init__(self, x_BTE: Tensor, A_NE: Tensor, chunk: int) -> None:
        shape = x_BTE.shape[0], min(chunk, x_BTE.shape[1]), *A_NE.shape
        self.decay_BTNE, self.h_BTNE = x_BTE.new_empty(shape), x_BTE.new_empty(shape)
        self.moments = list(zip(self.decay_BTNE.unbind(1), self.h_BTNE.unbind(1), strict=True))
        # exp(v) = 2^(v / ln 2), and PyTorch's exp2 is four times as fast as its exp on some processors.
        self.A_NE = A_NE / math.log(2)

    def fill(self, x_BTE: Tensor, dt_BTE: Tensor, B_BTN: Tensor, h_BNE: Tensor) -> tuple[Tensor, Tensor]:
        """The decays and the states of one chunk, which ``h_BNE`` comes before."""
        tokens = x_BTE.shape[1]
        decay_BTNE, h_BTNE = self.decay_BTNE[:, :tokens], self.h_BTNE[:, :tokens]
        torch.mul(dt_BTE[:, :, None], self.A_NE, out=decay_BTNE).exp2_()
        torch.mul((dt_BTE * x_BTE)[:, :, None], B_BTN[..., None], out=h_BTNE)
        for decay, h in self.moments[:tokens]:
            h_BNE = h.addcmul_(decay, h_BNE)
        return decay_BTNE, h_BTNE


class _Scan(torch.autograd.Function):
    """The scan chunk by chunk, and its gradient from the last chunk to the first."""

    @staticmethod
    def forward(
        ctx: Any, x_BTE: Tensor, dt_BTE: Tensor, A_NE: Tensor, B_BTN: Tensor, C_BTN: Tensor, h_BNE: Tensor, chunk: int
    ) -> tuple[Tensor, Tensor]:
        ctx.chunk, room = chunk, _Room(x_BTE, A_NE, chunk)
        y_BTE, starts = torch.empty_like(x_BTE), []
        for x, dt, B, C, y in _pieces(chunk, x_BTE, dt_BTE, B_BTN, C_BTN, y_BTE):
            starts += [h_BNE] if any(ctx.needs_input_grad) else []
            _, h_BTNE = room.fill(x, dt, B, h_BNE)
            y.copy_((C[:, :, None] @ h_BTNE)[:, :, 0])
            h_BNE = h_BTNE[:, -1].clone()  # the next chunk takes the room
        ctx.save_for_backward(x_BTE, dt_BTE, A_NE, B_BTN, C_BTN, *starts)
        return y_BTE, h_BNE

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy_BTE: Tensor, dh_BNE: Tensor) -> tuple[Tensor | None, ...]:
        """In the comments, ``d`` stands for the loss's derivative by what follows it."""
        x_BTE, dt_BTE, A_NE, B_BTN, C_BTN, *starts = ctx.saved_tensors
        room, inputs = _Room(x_BTE, A_NE, ctx.chunk), (x_BTE, dt_BTE, B_BTN, C_BTN)
        grads = [torch.empty_like(each) for each in inputs]
        dA_NE, dh_room_BTNE = torch.zeros_like(A_NE), torch.empty_like(room.h_BTNE)
        pieces = zip(_pieces(ctx.chunk, *inputs, dy_BTE, *grads), starts, strict=True)
        for (x, dt, B, C, dy, dx, ddt, dB, dC), start_BNE in reversed(list(pieces)):
            decay_BTNE, h_BTNE = room.fill(x, dt, B, start_BNE)
            dC.copy_((dy[:, :, None] @ h_BTNE.mT)[:, :, 0])

            # dh_t = C_t dy_t + decay_{t+1} dh_{t+1}
            dh_BTNE = torch.mul(C[..., None], dy[:, :, None], out=dh_room_BTNE[:, : x.shape[1]])
            dh_BTNE[:, -1] += dh_BNE
            moments = list(zip(decay_BTNE.unbind(1), dh_BTNE.unbind(1), strict=True))
            for (_, dh), (decay, dh_next) in reversed(list(pairwise(moments))):
                dh.addcmul_(decay, dh_next)

            # by way of the input dt B x
            dB.copy_(((dt * x)[:, :, None] @ dh_BTNE.mT)[:, :, 0])
            taken_BTE = (B[:, :, None] @ dh_BTNE)[:, :, 0]
            torch.mul(dt, taken_BTE, out=dx)

            # by way of the decay exp(dt A): d(dt A) = decay_t h_{t−1} dh_t
            rate_BTNE = decay_BTNE.mul_(dh_BTNE)
            dh_BNE = rate_BTNE[:, 0].clone()
            rate_BTNE[:, 1:].mul_(h_BTNE[:, :-1])
            rate_BTNE[:, 0].mul_(start_BNE)
            torch.add(x * taken_BTE, torch.mul(rate_BTNE, A_NE, out=dh_BTNE).sum(2), out=ddt)
            dA_NE += rate_BTNE.mul_(dt[:, :, None]).sum((0, 1))
        dx_BTE, ddt_BTE, dB_BTN, dC_BTN = grads
        return dx_BTE, ddt_BTE, dA_NE, dB_BTN, dC_BTN, dh_BNE, None
