"""The kernels behind the pages, with real kernels of a real manager: shared, limited in number, stopped when idle."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from glassformer.app import install, kernels
from glassformer.app.kernels import BusyError, Kernels


def with_kernels(test: Callable[[Kernels], Awaitable[Any]]) -> None:
    """Run ``test`` with real kernels, and end them all."""

    async def run() -> None:
        manager = AsyncMappingKernelManager()
        try:
            await test(Kernels(manager))
        finally:
            await manager.shutdown_all(now=True)

    asyncio.run(run())


async def until(done: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not done():
            await asyncio.sleep(0.02)


def test_a_page_has_one_kernel_however_often_it_is_asked_for():
    async def test(ours: Kernels) -> None:
        ids = await asyncio.gather(*(ours.start("a") for _ in range(3)), ours.start("b"))
        assert ids[0] == ids[1] == ids[2] != ids[3]
        assert len(ours.manager.list_kernel_ids()) == 2

    with_kernels(test)


def test_the_longest_unused_makes_room_and_is_told_why(monkeypatch):
    monkeypatch.setattr(kernels, "MOST", 2)

    async def test(ours: Kernels) -> None:
        for page in "ab":
            await ours.start(page)
            await until(lambda page=page: ours._busy(page) is False)
        ours.manager.get_kernel(ours.get("a")).last_activity = ours.manager.get_kernel(
            ours.get("b")
        ).last_activity.replace(year=2000)
        await ours.start("c")
        assert ours.get("a") is None and ours.get("b") and ours.get("c")
        assert "2 other pages use it" in ours.why_gone["a"]
        for page in "bc":
            ours.manager.get_kernel(ours.get(page)).execution_state = "busy"
        with pytest.raises(BusyError, match="2 pages are running cells already"):
            await ours.start("a")
        assert len(ours.manager.list_kernel_ids()) == 2

    with_kernels(test)


def test_idle_kernels_are_stopped_and_busy_ones_are_not():
    async def test(ours: Kernels) -> None:
        for page in "ab":
            await ours.start(page)
            await until(lambda page=page: ours._busy(page) is False)
        ours.manager.get_kernel(ours.get("b")).execution_state = "busy"
        await ours.stop_idle(3600)
        assert ours.get("a") and ours.get("b")
        await ours.stop_idle(0)
        assert ours.get("a") is None and ours.get("b")
        assert "stopped after 0 minutes without use" in ours.why_gone["a"]
        assert await ours.start("a")
        assert "a" not in ours.why_gone

    with_kernels(test)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL to send")
def test_one_that_is_killed_at_work_is_not_at_work_when_it_is_back():
    async def test(ours: Kernels) -> None:
        await ours.start("a")
        await until(lambda: ours._busy("a") is False)
        kernel = ours.manager.get_kernel(ours.get("a"))
        pid = kernel.provisioner.pid
        kernel._activity_stream.on_recv(lambda _: None)  # the successor's first words are lost, as under load
        kernel.execution_state = "busy"
        os.kill(pid, signal.SIGKILL)
        await until(lambda: kernel.provisioner.pid not in (pid, None))
        assert not ours._busy("a")
        await ours.stop("a", "while its successor is still coming up")
        assert not ours.manager.list_kernel_ids()

    with_kernels(test)


def test_without_pytorch_no_kernel_starts(monkeypatch):
    monkeypatch.setattr(install, "problem", lambda: ("PyTorch is still being installed.", True))

    async def test(ours: Kernels) -> None:
        with pytest.raises(BusyError, match="still being installed") as caught:
            await ours.start("a")
        assert caught.value.wait

    with_kernels(test)
