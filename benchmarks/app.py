"""Times and sizes of the guide as a newcomer meets it: a fresh clone, the first and the second start, the pages.

Run it with ``make bench``. It prints a table, and last one line of JSON with the same figures. The clone's set-up asks
the package index, so that figure depends on the network and on pip's cache.
"""

import argparse
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[1]


def until_open(command: list[str], folder: Path) -> float:
    """Seconds from starting ``command`` until it says that the guide is open; then Ctrl-C."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    for line in process.stdout or ():
        if "The guide is at" in line:
            break
    seconds = time.perf_counter() - began
    process.send_signal(signal.SIGINT)
    process.wait()
    return seconds


def newcomer(figures: dict[str, float]) -> None:
    """A fresh clone, set up and opened twice."""
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "clone"
        began = time.perf_counter()
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        subprocess.run([sys.executable, "tools/env.py", "read"], cwd=clone, check=True, stdout=subprocess.DEVNULL)
        figures["set-up for reading, s"] = time.perf_counter() - began
        bin_folder = clone / ".venv" / ("Scripts" if os.name == "nt" else "bin")
        read = [str(bin_folder / "glassformer"), "read", "--no-browser"]
        figures["first opening, s"] = until_open(read, clone)
        figures["clone to home page, s"] = figures["set-up for reading, s"] + figures["first opening, s"]
        began = time.perf_counter()
        subprocess.run([sys.executable, "tools/env.py", "read"], cwd=clone, check=True)
        figures["second start, s"] = time.perf_counter() - began + until_open(read, clone)
        began = time.perf_counter()
        subprocess.run([sys.executable, "tools/env.py", "guide"], cwd=clone, check=True, stdout=subprocess.DEVNULL)
        figures["PyTorch and the rest, s"] = time.perf_counter() - began


def pages(figures: dict[str, float]) -> None:
    """What each page weighs in stored outputs, takes to execute, and asks of the network in a browser."""
    from glassformer.app.book.execute import execute
    from glassformer.app.site import build, guide_folder
    from glassformer.app.site import pages as all_pages

    for page in all_pages():
        if page.cells:
            began = time.perf_counter()
            execute(page)
            figures[f"{page.name}, cold execution, s"] = time.perf_counter() - began
    stored = (f for f in (guide_folder() / "outputs").rglob("*") if f.is_file())
    figures["stored outputs, kB"] = sum(f.stat().st_size for f in stored) / 1000
    with tempfile.TemporaryDirectory() as name:
        site = Path(name) / "site"
        began = time.perf_counter()
        build(site)
        figures["site build, s"] = time.perf_counter() - began
        figures["site, kB"] = sum(f.stat().st_size for f in site.rglob("*") if f.is_file()) / 1000
        in_browser(site, figures)


def in_browser(site: Path, figures: dict[str, float]) -> None:
    """Bytes, requests and time to ready of each page, cold, in a real Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if not chromium:
        print("Without Chromium and playwright (python3 tools/env.py browser) the pages are not measured in a browser.")
        return
    handler = functools.partial(Quiet, directory=str(site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name in ("index", "nn_intro"):
            page = browser.new_context().new_page()
            sizes: list[int] = []
            page.on("response", lambda response, sizes=sizes: sizes.append(len(response.body())))
            began = time.perf_counter()
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}.html", wait_until="load")
            figures[f"{name}, ready, s"] = time.perf_counter() - began
            page.wait_for_load_state("networkidle")
            figures[f"{name}, first view, kB"] = sum(sizes) / 1000
            figures[f"{name}, requests"] = len(sizes)
        browser.close()
    server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-clone", action="store_true", help="leave the fresh clone away")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    if not options.no_clone:
        newcomer(figures)
    pages(figures)
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:{width}}  {value:10.1f}")
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
