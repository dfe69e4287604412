"""Times and sizes of the guide as a newcomer meets it: a fresh clone, the first and the second start, the pages, live.

Run it with ``make bench``. It prints a table, and last one line of JSON with the same figures. The clone's set-up asks
the package index, so that figure depends on the network and on pip's cache.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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
    """What each page weighs in stored outputs and takes to execute; what the site weighs and takes to build."""
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


FOUR_CELLS = """# Four cells

A page with four cells and no widget.

```python
import torch

torch.manual_seed(0)
x = torch.randn(3, 4)
print(x.shape)
```

```python
print(x.sum())
```

```python
[number**2 for number in range(5)]
```

```python
1 + 1
```
"""
SERVE = (
    "import sys; from pathlib import Path; from glassformer.app.server import serve; "
    "serve(Path(sys.argv[1]), Path(sys.argv[2]), 'index', 0, False, lambda sentence: print(sentence, flush=True))"
)


def live(figures: dict[str, float]) -> None:
    """The local app in a real Chromium: a page with four cells, and the introduction."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if not chromium:
        print("Without Chromium and playwright (python3 tools/env.py browser) nothing is measured in a browser.")
        return
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        home = Path(name)
        site = site_with_four_cells(home)
        environment = {**os.environ, "GLASSFORMER_HOME": str(home / "progress")}
        command = [sys.executable, "-c", SERVE, str(site), str(home / "server")]
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        said = next(line for line in server.stdout or () if "The guide is at" in line)
        address, token = said.split()[-1].split("?")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            for page_name in ("index", "four_cells", "nn_intro"):
                first_view(browser, f"{address.rsplit('/', 1)[0]}/{page_name}.html?{token}", page_name, figures)
            bare_kernel(figures)
            for page_name in ("four_cells", "nn_intro"):
                at_work(browser, f"{address.rsplit('/', 1)[0]}/{page_name}.html?{token}", page_name, figures)
            memory(server.pid, figures)
        finally:
            browser.close()
            server.send_signal(signal.SIGINT)
            server.wait()


def site_with_four_cells(home: Path) -> Path:
    """The guide's site with one page more."""
    from glassformer.app import site
    from glassformer.app.book.execute import execute
    from glassformer.app.book.source import read_page
    from glassformer.app.book.store import save

    guide = home / "guide"
    shutil.copytree(site.guide_folder(), guide)
    (guide / "four_cells.md").write_text(FOUR_CELLS, "utf-8")
    save(execute(read_page(guide / "four_cells.md", guide)), guide / "outputs")
    index = guide / "index.md"
    index.write_text(index.read_text("utf-8").replace("\nglossary\n", "\nglossary\nfour_cells\n"), "utf-8")
    site.guide_folder, kept = lambda: guide, site.guide_folder
    try:
        site.build(home / "site")
    finally:
        site.guide_folder = kept
    return home / "site"


def first_view(browser: "Browser", address: str, name: str, figures: dict[str, float]) -> None:
    """A page in a browser that has never seen it: bytes, requests, and the time until its cells can be run."""
    times = []
    for _ in range(5):
        context = browser.new_context()
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        wire: list[float] = []
        session.on("Network.loadingFinished", lambda event, wire=wire: wire.append(event["encodedDataLength"]))
        foreign: list[str] = []
        page.on("request", lambda r, foreign=foreign: "127.0.0.1" in r.url or foreign.append(r.url))
        page.goto(address, wait_until="networkidle")
        loaded = "performance.getEntriesByType('navigation')[0].loadEventEnd"
        live = "performance.getEntriesByName('gf-live')[0].startTime"
        times.append(page.evaluate(f"Math.max({loaded}, {live})") / 1000)  # by the page's own clock
        entries = "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        decoded = page.evaluate(f"{entries}.reduce((sum, entry) => sum + entry.decodedBodySize, 0)")
        figures[f"{name}, first view, kB on the wire"] = sum(wire) / 1000
        figures[f"{name}, first view, kB unpacked"] = decoded / 1000
        figures[f"{name}, requests"] = len(wire)
        figures[f"{name}, requests to other hosts"] = len(foreign)
        context.close()
    figures[f"{name}, ready, s"] = statistics.median(times)


def at_work(browser: "Browser", address: str, name: str, figures: dict[str, float]) -> None:
    """A reader at work: first run with the start of the kernel and ``import torch``, round trip, interrupt, restart."""
    page = browser.new_context().new_page()
    page.set_default_timeout(120_000)
    page.goto(address, wait_until="networkidle")
    cell = page.locator(".cell").first

    def write(code: str) -> None:
        cell.locator(":is(pre, .cm-content)").first.click()
        cell.locator(".cm-content").wait_for()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(code)

    def timed(action: str, until: str) -> float:
        """Milliseconds, on the page's own clock, from ``action`` until a change of the page fulfills ``until``."""
        return float(
            page.evaluate(
                f"""() => new Promise(done => {{
                  const cell = document.querySelector('.cell'), panel = document.querySelector('.gf-python');
                  const began = performance.now();
                  const watch = new MutationObserver(() => {{
                    if (!({until})) return; watch.disconnect(); done(performance.now() - began);
                  }});
                  watch.observe(document.body, {{subtree: true, attributes: true, childList: true}});
                  {action};
                }})"""
            )
        )

    press = "cell.querySelector('.gf-run').click()"
    finished = "cell.classList.contains('gf-done')"
    write("import torch\nprint(torch.ones(2).sum())")
    firsts = []
    for _ in range(3):
        firsts.append(timed(press, finished) / 1000)
        page.evaluate(
            f"""async () => {{
              const live = document.querySelector('script[data-base]').src;
              const {{ ask }} = await import(live.replace('live.js', 'kernel.js'));
              const {{ id }} = await ask('GET', 'glassformer/kernels/{name}');
              await ask('DELETE', `api/kernels/${{id}}`);
            }}"""
        )
        page.reload(wait_until="networkidle")
    figures[f"{name}, first run, s"] = statistics.median(firsts)
    timed(press, finished)
    restart = "[...panel.querySelectorAll('button')].find(b => b.textContent === 'Restart').click()"
    figures[f"{name}, restart, s"] = timed(restart, "panel.dataset.state === 'idle'") / 1000
    write("1 + 1")
    trips = [timed(press, finished) for _ in range(21)]
    figures[f"{name}, round trip, ms"] = statistics.median(trips)
    stops = []
    write("while True:\n    pass")
    for _ in range(5):
        cell.locator(".gf-run").click()
        page.wait_for_function("document.querySelector('.gf-python').dataset.state === 'busy'")
        stops.append(timed(press, "cell.classList.contains('gf-failed')"))
    figures[f"{name}, interrupt, ms"] = statistics.median(stops)
    write("import torch")
    cell.locator(".gf-run").click()
    page.wait_for_function("document.querySelector('.cell').classList.contains('gf-done')")
    page.context.close()


def bare_kernel(figures: dict[str, float]) -> None:
    """What of the first run is the kernel and PyTorch themselves: the same without page, server and browser."""
    from jupyter_client import KernelManager

    times = []
    for _ in range(3):
        manager = KernelManager(kernel_name="python3")
        began = time.perf_counter()
        manager.start_kernel(stderr=subprocess.DEVNULL)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready()
        client.execute_interactive("import torch\ntorch.ones(2).sum()", output_hook=lambda message: None)
        times.append(time.perf_counter() - began)
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    figures["first run without the app, s"] = statistics.median(times)


def memory(server: int, figures: dict[str, float]) -> None:
    """Resident memory of the server and of a kernel that has imported PyTorch."""
    import psutil

    process = psutil.Process(server)
    figures["server, MB"] = process.memory_info().rss / 1e6
    kernels = [child.memory_info().rss / 1e6 for child in process.children()]
    figures["kernel with PyTorch, MB"] = max(kernels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-clone", action="store_true", help="leave the fresh clone away")
    parser.add_argument("--live", action="store_true", help="the local app alone")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    if not (options.no_clone or options.live):
        newcomer(figures)
    if not options.live:
        pages(figures)
    live(figures)
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:{width}}  {value:10.1f}")
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
