"""Fetch published weights from a cell of a page: what has come is counted there, and Interrupt keeps it."""

import time

from glassformer.checkpoint.fetch import fetch as bring


def fetch(name: str) -> None:
    """Fetch ``name``, a key of ``SOURCES``, and say twice a second how much has come.

    Raises what ``checkpoint.fetch.fetch`` raises.
    """
    said = 0.0

    def progress(done: int, total: int, name: str) -> None:
        nonlocal said
        if time.monotonic() - said > 0.5 or done == total:
            said = time.monotonic()
            print(f"\r{name}: {done / 1e6:.0f} of {total / 1e6:.0f} MB", end="", flush=True)

    bring(name, progress)
    print(f"\r{name} is on this machine.", flush=True)
