"""Ctrl-C asks a run to stop after the step it is in, so that it can be saved whole."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

import torch

from glassformer.train.group import Group

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Within ``with Interrupt(group) as interrupt``, the first Ctrl-C (or SIGTERM, with which clusters ask) is a wish.

    ``interrupt.asked()`` says whether one of the processes was asked, and it says the same in all of them. A second
    Ctrl-C interrupts at once. Outside the main thread, where Python lets nobody listen to signals, it is never asked.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self._asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._hear) for one in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def asked(self) -> bool:
        """Whether to stop now."""
        if self.group.size == 1:
            return self._asked
        return bool(self.group.add(torch.tensor(float(self._asked))).item())

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
