"""How the tests drive a real Chromium."""

from collections.abc import Iterator
from typing import Any

try:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser, Page
except ImportError:
    Axe = Browser = Page = None

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Opened:
    """A page of the site, with what it asked for and what went wrong."""

    def __init__(self, browser: "Browser", address: str, **context: Any) -> None:
        self.address = address
        self.requests: list[str] = []
        self.errors: list[str] = []
        context.setdefault("viewport", {"width": 1280, "height": 900})
        context.setdefault("reduced_motion", "reduce")  # colors in the middle of a fade are nobody's colors
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url}"))
        self.page.goto(address, wait_until="networkidle")


def opener(browser: "Browser", address: str, suffix: str = ".html") -> Iterator[Any]:
    """What a fixture yields to open pages below ``address``; all are closed at the end."""
    all_opened = []

    def make(name: str, **context: Any) -> Opened:
        all_opened.append(Opened(browser, f"{address}/{name}{suffix}", **context))
        return all_opened[-1]

    yield make
    for one in all_opened:
        one.context.close()


def press_theme_button(page: "Page", wanted: str) -> None:
    for _ in range(3):
        if page.evaluate("document.body.dataset.theme") == wanted:
            return
        page.locator(".theme-toggle:visible").first.click()
    raise AssertionError(f"the theme button does not reach {wanted}")


OVERFLOWS = """() => [...document.querySelectorAll('body *')].filter(e => {
  const box = e.getBoundingClientRect();
  if (!box.width || box.right <= innerWidth + 1) return false;
  if (e.closest('.sidebar-drawer, .toc-drawer, svg, .katex')) return false;   // off-canvas, clipped, or in a scroller
  for (let p = e.parentElement; p; p = p.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(p).overflowX)) return false;
  return true;
}).map(e => e.outerHTML.slice(0, 120))"""


def serious_for_axe(page: "Page") -> list[str]:
    """What axe finds serious or critical on the page, a sentence each."""
    result = Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:120]} ({len(v['nodes'])}): {v['nodes'][0]['failureSummary'][:300]}"
        for v in result.response["violations"]
        if v["impact"] in ("serious", "critical")
    ]
