"""Several processes that train together, on one machine or on many, as ``torchrun`` starts them.

Each process makes the whole batch, which depends on the seed and the step alone, and takes its share of the rows.
Losses are divided by the totals of the whole batch, so gradients are added over the processes, not averaged: the sum is
what one process would have got. Taught in ``transformers``, section 16.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any, Final

import torch
from torch import Tensor, distributed, nn
from torch._C._distributed_c10d import PrefixStore
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from glassformer.parts.stack import Stack
from glassformer.train.group import ALONE, Group

MINUTES: Final = 10
"""How long a process waits for the others before it gives up."""


class Processes(Group):
    """The processes of a ``torch.distributed`` group that is open."""

    device: torch.device

    def __init__(self, device: torch.device) -> None:
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self.gradient_scale = float(self.size)  # DDP and FSDP take the mean over the processes
        self.device = device
        self._shared: Any = None

    def add(self, tensor: Tensor) -> Tensor:
        """The sum of the tensors of all processes."""
        total = tensor.to(self.device, copy=True)
        distributed.all_reduce(total)
        return total.to(tensor.device)

    def whole(self, tensor: Tensor) -> Tensor:
        """A tensor that is sharded over the processes, in one piece."""
        full: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
        return full

    def wait(self) -> None:
        """Until all processes have come here."""
        distributed.barrier()


class Replicas(Processes):
    """Every process has all weights (DDP). Source: Li et al. (2020)."""

    def wrap(self, objective: nn.Module) -> nn.Module:
        """The objective, whose gradients are added up while they are computed."""
        self._shared = shared = DistributedDataParallel(objective)
        return shared

    def accumulate(self, goal: Any, last: bool) -> AbstractContextManager[object]:
        """Gradients of all parts but the last stay here."""
        return nullcontext() if last else self._shared.no_sync()


class Shards(Processes):
    """Every process keeps a share of the weights, gradients and memories (FSDP2), and gathers a layer when it is due.

    Source: Zhao et al. (2023); Rajbhandari et al. (2020), ZeRO stage 3.
    """

    def wrap(self, objective: nn.Module) -> nn.Module:
        """The objective, sharded: layer by layer, then what is left."""
        mesh = init_device_mesh(self.device.type, (self.size,))
        for module in (*blocks(objective), objective):
            fully_shard(module, mesh=mesh, reshard_after_forward=True)
        self._shared = objective
        return objective

    @contextmanager
    def accumulate(self, goal: Any, last: bool) -> Iterator[None]:
        """Gradients of all parts but the last stay here."""
        self._shared.set_requires_gradient_sync(last)
        yield


def blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The layers of a model: what its stacks hold."""
    for one in module.modules():
        if isinstance(one, Stack):
            yield from one


@contextmanager
def connect(parallel: str = "ddp", device: str = "auto") -> Iterator[Group]:
    """The group of processes that ``torchrun`` started this one in; without ``torchrun``, this one alone.

    A group that is open already, as under Ray, is joined and left open.

    Args:
        parallel: ``"ddp"`` or ``"fsdp"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
    """
    joined = distributed.is_initialized()
    if not joined and ("RANK" not in os.environ or "WORLD_SIZE" not in os.environ):
        yield ALONE
        return
    on = torch.device("cpu")
    if device in ("auto", "cuda") and torch.cuda.is_available():
        on = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(on)
    if not joined:
        wait = timedelta(minutes=MINUTES)
        store, rank, size = next(rendezvous("env://", timeout=wait))
        # torchrun starts failed processes again with the store of those before, where their addresses still are
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        distributed.init_process_group(
            "nccl" if on.type == "cuda" else "gloo",
            store=PrefixStore(f"attempt {attempt}", store),
            rank=rank,
            world_size=size,
            timeout=wait,
            device_id=on if on.type == "cuda" else None,
        )
    try:
        yield (Replicas if parallel == "ddp" else Shards)(on)
    finally:
        if not joined:
            distributed.destroy_process_group()
