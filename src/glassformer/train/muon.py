"""Muon: momentum whose direction is made orthogonal, so that a step moves all directions of a matrix equally far.

Legend: N matrices, R rows, C columns.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from glassformer.train.groups import Together, adamw, groups, hidden_matrices, trained

QUINTIC: Final = (3.4445, -4.7750, 2.0315)
"""a, b, c of ``a x + b x³ + c x⁵``: steep at 0; five times in a row it takes all of 0.002 … 1 to 0.68 … 1.21."""

Scale = Callable[[int, int], float]
"""By how much the learning rate of a matrix with so many rows and columns is multiplied."""


def like_adamw(rows: int, columns: int) -> float:
    """``0.2 √max(R, C)``: an update of about AdamW's size, whose ``lr`` and ``weight_decay`` then suit Muon as well.

    An orthogonal matrix has numbers of the size √(1 / max(R, C)); AdamW moves them by about 0.2.

    Source: Liu et al. (2025), equation 4.
    """
    return float(0.2 * max(rows, columns) ** 0.5)


def spectral(rows: int, columns: int) -> float:
    """``√max(1, R / C)``: a step changes what a layer gives by the same amount, however wide it is. ``lr`` is then
    near 0.02.

    Source: Jordan et al. (2024).
    """
    return float(max(1.0, rows / columns) ** 0.5)


def orthogonalize(matrices_NRC: Tensor, steps: int = 5, dtype: torch.dtype | None = None) -> Tensor:
    """The nearest orthogonal matrices, roughly: ``U Σ Vᵀ`` becomes ``U f(Σ) Vᵀ`` with all of f(Σ) near 1.

    Newton–Schulz iteration, for all matrices at once: ``X ← a X + (b A + c A²) X`` with ``A = X Xᵀ``, starting from
    ``X / ‖X‖``. It needs products of matrices only, where a decomposition would take many times as long.

    Args:
        matrices_NRC: ``[N, R, C]``, with R ≤ C lest A be larger than need be.
        steps: how often to iterate.
        dtype: in which precision. By default bfloat16 where the device multiplies in it, otherwise float32;
            float64 for float64.

    Source: Jordan et al. (2024). Taught in ``transformers``, section 15.
    """
    a, b, c = QUINTIC
    norms_N11 = torch.linalg.matrix_norm(matrices_NRC, keepdim=True).clamp(min=1e-7)
    X_NRC: Tensor = (matrices_NRC / norms_N11).to(dtype or _fast_dtype(matrices_NRC))
    for _ in range(steps):
        A_NRR = X_NRC @ X_NRC.mT
        B_NRR = torch.baddbmm(A_NRR, A_NRR, A_NRR, beta=b, alpha=c)
        X_NRC = torch.baddbmm(X_NRC, B_NRR, X_NRC, beta=a)
    return X_NRC


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal: ``m ← μ m + (1 − μ) g``, ``w ← (1 − αλ) w − α · scale · orthogonalize(m)``.

    Matrices of one shape, or of its transpose, are iterated together.

    Args:
        params: matrices, or groups or names of them, as every PyTorch optimizer takes them.
        lr: α.
        momentum: μ.
        weight_decay: λ.
        nesterov: look ahead: orthogonalize ``μ m + (1 − μ) g`` in place of m.
        steps, dtype: as for ``orthogonalize``.
        scale: ``like_adamw`` or ``spectral``.

    Raises ``ValueError`` for a parameter that is no matrix, and for a setting out of range.

    Source: Jordan et al. (2024); Liu et al. (2025). Taught in ``transformers``, section 15.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
        *,
        nesterov: bool = True,
        steps: int = 5,
        scale: Scale = like_adamw,
        dtype: torch.dtype | None = None,
    ) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be from 0 up to but not including 1, not {momentum!r}.")
        for name, value in {"lr": lr, "weight_decay": weight_decay, "steps": steps}.items():
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be 0 or more, not {value!r}.")
        settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov, "steps": steps}
        super().__init__(params, settings)
        self.scale, self.dtype = scale, dtype
        for parameter in (each for group in self.param_groups for each in group["params"]):
            if parameter.ndim != 2:
                raise ValueError(f"params must be matrices, with 2 axes, not of shape {tuple(parameter.shape)}.")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every matrix that has a gradient once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alike: dict[Any, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    key = (*sorted(parameter.shape), parameter.dtype, parameter.device)
                    alike.setdefault(key, []).append(parameter)
            for matrices in alike.values():
                self._move(matrices, group)
        return loss

    def _move(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        """One step of matrices that have the same two sizes."""
        lr, momentum = group["lr"], group["momentum"]
        grads = [matrix.grad for matrix in matrices if matrix.grad is not None]
        for matrix in matrices:
            if not self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        memories = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(memories, grads, 1 - momentum)
        updates = torch._foreach_lerp(grads, memories, momentum) if group["nesterov"] else memories
        wide_NRC = torch.stack([_wide(_whole(update)) for update in updates])
        directions_NRC = orthogonalize(wide_NRC, group["steps"], self.dtype)
        torch._foreach_mul_(matrices, 1 - lr * group["weight_decay"])
        for matrix, direction_RC in zip(matrices, directions_NRC, strict=True):
            turned = direction_RC.mT if matrix.shape[0] > matrix.shape[1] else direction_RC
            matrix.add_(_spread(turned.to(matrix.dtype), matrix), alpha=-lr * self.scale(*matrix.shape))


def muon(
    model: nn.Module,
    lr: float = 1e-3,
    weight_decay: float = 0.1,
    *,
    momentum: float = 0.95,
    betas: tuple[float, float] = (0.9, 0.95),
    adamw_lr: float | None = None,
    scale: Scale = like_adamw,
    steps: int = 5,
    matrices: Mapping[str, nn.Parameter] | None = None,
) -> Together:
    """Muon for the matrices inside a model, AdamW for all else: embeddings, the head, vectors.

    Args:
        model: whose parameters to train.
        lr, momentum, scale, steps: as for ``Muon``.
        weight_decay: of both; vectors are not decayed.
        betas: as for ``adamw``.
        adamw_lr: the learning rate of AdamW; by default ``lr``, which fits the scale ``like_adamw``.
        matrices: the parameters that Muon moves, by name; by default ``hidden_matrices(model)``.

    Raises ``ValueError`` if there are no such matrices. Taught in ``transformers``, section 15.
    """
    matrices = hidden_matrices(model) if matrices is None else matrices
    if not matrices:
        raise ValueError("model must have linear layers inside, whose weights are what Muon moves, and has none.")
    optimizers: dict[str, torch.optim.Optimizer] = {}
    optimizers["muon"] = Muon(groups(matrices, weight_decay), lr, momentum, weight_decay, scale=scale, steps=steps)
    if rest := {name: parameter for name, parameter in trained(model).items() if name not in matrices}:
        optimizers["adamw"] = adamw(rest, lr if adamw_lr is None else adamw_lr, betas, weight_decay)
    return Together(optimizers)


def _fast_dtype(like: Tensor) -> torch.dtype:
    """In which precision to iterate: measured here, bfloat16 is 4 times as fast as float32 on a processor that has it,
    and 20 times as slow on one that imitates it.
    """
    if like.dtype == torch.float64:
        return torch.float64
    on_cpu: Callable[[], bool] = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)  # bool() is False
    native = on_cpu() if like.device.type == "cpu" else like.device.type == "cuda"
    return torch.bfloat16 if native else torch.float32


def _wide(matrix_RC: Tensor) -> Tensor:
    """The matrix, or its transpose if that has fewer rows."""
    return matrix_RC.mT if matrix_RC.shape[0] > matrix_RC.shape[1] else matrix_RC


def _whole(matrix: Tensor) -> Tensor:
    """All of a matrix whose rows several processes share (FSDP)."""
    return matrix.full_tensor() if hasattr(matrix, "full_tensor") else matrix


def _spread(matrix: Tensor, like: Any) -> Tensor:
    """A matrix that every process has, shared among them as ``like`` is."""
    if not hasattr(like, "placements"):
        return matrix
    from torch.distributed.tensor import DTensor, Replicate

    mesh = like.device_mesh
    return DTensor.from_local(matrix, mesh, [Replicate()] * mesh.ndim).redistribute(placements=like.placements)
