"""How the tests drive a real Chromium."""

from collections.abc import Callable, Iterator
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


def ready(page: "Page", state: str = "idle") -> None:
    page.wait_for_function("state => document.querySelector('.gf-python').dataset.state === state", arg=state)


def write(page: "Page", place: str, text: str) -> None:
    """Replace the code at ``place``, as a reader does: click on it or on Edit, select all, type."""
    code = page.locator(f"{place} :is(.cell_input, .gf-starter) :is(pre, .cm-content)").first
    if code.is_visible():
        code.click()
    else:
        page.locator(place).get_by_role("button", name="Edit").click()
    page.locator(f"{place} .cm-content").wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def run(page: "Page", place: str, state: str = "done") -> str:
    """Run the cell at ``place`` and return what it shows."""
    page.locator(f"{place} .gf-run").click()
    return shown(page, place, state)


def shown(page: "Page", place: str, state: str = "done") -> str:
    page.locator(f"{place}.gf-{state}").wait_for()
    return page.locator(f"{place} .cell_output").inner_text().strip()


def place_of(name: str) -> str:
    return f'.gf-exercise[data-exercise="{name}"]'


def answer_number(page: "Page", name: str, answer: str) -> str:
    page.locator(f"{place_of(name)} input[name=answer]").fill(answer)
    return verdict(page, name, lambda: page.keyboard.press("Enter"))


def verdict(page: "Page", name: str, act: Callable[[], None]) -> str:
    """What is said about the answer that ``act`` hands in."""
    box = page.locator(f"{place_of(name)} .gf-verdict")
    box.evaluate("box => box.replaceChildren()")
    act()
    box.locator("p").first.wait_for()
    return box.inner_text()
