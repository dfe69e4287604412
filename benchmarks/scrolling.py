"""How smoothly pages scroll on a phone-sized window with the CPU slowed four times, and what their first view weighs.

``python benchmarks/scrolling.py build/site transformers/09-attention …`` scrolls through pages of a built site. It
prints a table, and last one line of JSON with the same figures. A long task is one of more than 50 ms; what it takes
beyond them is its blocking time.
"""

import argparse
import functools
import http.server
import json
import shutil
import threading
from pathlib import Path
from typing import Any

SLOWED = 4
STEP, PAUSE = 300, 60  # pixels and milliseconds of one turn of the wheel
WATCH = """
window.gfLong = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.gfLong.push([task.startTime, task.duration]);
}).observe({ type: "longtask", buffered: true });
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the site and says nothing."""

    def log_message(self, *arguments: Any) -> None:
        pass


def scroll(browser: Any, address: str) -> dict[str, float]:
    """One page in a fresh browser: bytes of its first view, then long tasks while it is scrolled to its end."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    wire: list[float] = []
    session.on("Network.loadingFinished", lambda event: wire.append(event["encodedDataLength"]))
    page.add_init_script(WATCH)
    page.goto(address, wait_until="networkidle")
    figures = {"first view, kB": sum(wire) / 1000}
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    page.wait_for_timeout(1000)
    began = page.evaluate("performance.now()")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.mouse.move(195, 420)
    for _ in range(2 * height // STEP):  # figures that come to life make the page longer
        page.mouse.wheel(0, STEP)
        page.wait_for_timeout(PAUSE)
        if page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2"):
            break
    page.wait_for_timeout(300)
    tasks = [took for start, took in page.evaluate("window.gfLong") if start >= began]
    figures["height, px"] = page.evaluate("document.documentElement.scrollHeight")
    figures["scrolled to, px"] = page.evaluate("scrollY + innerHeight")
    figures["long tasks"] = len(tasks)
    figures["longest, ms"] = max(tasks, default=0)
    figures["blocking, ms"] = sum(took - 50 for took in tasks)
    context.close()
    return figures


def main() -> None:
    """Scroll through the pages that are named, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("site", type=Path, nargs="?", default=Path("build/site"), help="the folder of the built site")
    parser.add_argument("pages", nargs="*", help="such as transformers/09-attention; all sections unless named")
    asked = parser.parse_args()
    sections = sorted((asked.site / "transformers").glob("[0-9]*.html"))
    asked.pages = asked.pages or ["transformers", *(f"transformers/{path.stem}" for path in sections)]
    if missing := [name for name in asked.pages if not (asked.site / f"{name}.html").exists()]:
        parser.error(f"{asked.site} has no page {', '.join(missing)}.")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if not chromium:
        print("Without Chromium and playwright (python3 tools/env.py browser) nothing is measured in a browser.")
        return
    handler = functools.partial(Quiet, directory=str(asked.site))
    found = {}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name in asked.pages:
            found[name] = scroll(browser, f"http://127.0.0.1:{server.server_port}/{name}.html")
            print(name)
            for what, value in found[name].items():
                print(f"  {what:<18}{value:>12,.0f}")
        browser.close()
        server.shutdown()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
