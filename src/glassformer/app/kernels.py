"""The kernels behind the pages: one for each page, started when its first cell runs, stopped when nobody uses it."""

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import Any, Final

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.ioloop import PeriodicCallback

from glassformer.app import install

MOST: Final = 4
IDLE_SECONDS: Final = 20 * 60
ARGUMENTS: Final = ("--ext=glassformer.glass.notebook", "--ext=glassformer.learn.notebook", "--log-level=ERROR")


class BusyError(RuntimeError):
    """No kernel can be had now: one sentence that says why, and whether it will be had without further ado."""

    def __init__(self, sentence: str, wait: bool = False) -> None:
        super().__init__(sentence)
        self.wait = wait


class Kernels:
    """The guide's kernels among those of the server's ``manager``. Other notebooks' kernels are left alone."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager
        self.of: dict[str, str] = {}
        self.why_gone: dict[str, str] = {}
        self._lock = asyncio.Lock()
        self._watch: PeriodicCallback | None = None

    def get(self, page: str) -> str | None:
        """The id of the page's kernel, or ``None`` if it has none."""
        kernel = self.of.get(page)
        if kernel is not None and kernel not in self.manager:
            del self.of[page]
            kernel = None
        return kernel

    async def start(self, page: str) -> str:
        """The id of the page's kernel, which is started if there is none: two tabs get the same.

        With ``MOST`` kernels alive the one that was used longest ago makes room. Raises ``BusyError`` if PyTorch is
        not there, or if all of them are at work.
        """
        sentence, wait = install.problem()
        if sentence:
            raise BusyError(sentence, wait)
        async with self._lock:
            kernel = self.get(page)
            if kernel is None:
                await self._make_room()
                kernel = await self.manager.start_kernel(kernel_name="python3", extra_arguments=list(ARGUMENTS))
                self.of[page] = str(kernel)
                self.manager.add_restart_callback(kernel, partial(self._died, kernel), "restart")
                self.why_gone.pop(page, None)
                self._begin_watch()
            return str(kernel)

    async def restart(self, page: str) -> None:
        """Start the page's kernel afresh, at once, whatever it is doing."""
        async with self._lock:
            if kernel := self.get(page):
                await self._settled(kernel)
                await self.manager.restart_kernel(kernel, now=True)

    async def _settled(self, kernel: str) -> None:
        """Wait for a start that is under way: the manager cannot end a kernel that is about to come up."""
        with suppress(Exception):  # a start that failed has ended too
            await self.manager.get_kernel(kernel).ready

    def _died(self, kernel: str) -> None:
        """Forget that a kernel which was killed was at work: its successor is idle, and need not ever say so."""
        self.manager.get_kernel(kernel).execution_state = "starting"

    async def stop(self, page: str, why: str) -> None:
        """Stop the page's kernel and keep the reason for the page to show."""
        if kernel := self.get(page):
            del self.of[page]
            self.why_gone[page] = why
            await self._settled(kernel)
            await self.manager.shutdown_kernel(kernel, now=True)
            for connection in list(ZMQChannelsWebsocketConnection._open_sockets):
                if connection.kernel_id == kernel:
                    connection.websocket_handler.close()  # so that the page asks what has become of its kernel

    async def stop_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Stop the kernels that have done nothing for ``seconds``."""
        for page in list(self.of):
            if self._busy(page) is False and self._idle_for(page) >= seconds:
                minutes = round(seconds / 60)
                await self.stop(
                    page, f"Python was stopped after {minutes} minutes without use. Run a cell to start it again."
                )

    def _busy(self, page: str) -> bool | None:
        kernel = self.get(page)
        return None if kernel is None else self.manager.get_kernel(kernel).execution_state == "busy"

    def _idle_for(self, page: str) -> float:
        kernel = self.get(page)
        return 0.0 if kernel is None else time.time() - self.manager.get_kernel(kernel).last_activity.timestamp()

    async def _make_room(self) -> None:
        alive = [page for page in list(self.of) if self.get(page)]
        if len(alive) < MOST:
            return
        idle = [page for page in alive if not self._busy(page)]
        if not idle:
            raise BusyError(f"{MOST} pages are running cells already. Wait for one of them, or interrupt it.")
        oldest = max(idle, key=self._idle_for)
        await self.stop(
            oldest, f"Python was stopped here because {MOST} other pages use it. Run a cell to start it again."
        )

    def _begin_watch(self) -> None:
        if self._watch is None:
            self._watch = PeriodicCallback(self.stop_idle, 30_000)
            self._watch.start()
