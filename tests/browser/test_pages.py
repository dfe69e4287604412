"""Every page in a real Chromium: light, dark, narrow, by keyboard, without JavaScript, and with no other host asked."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from glassformer.app.site import pages
from tests.browser.driving import OVERFLOWS, Page, opener, press_theme_button, serious_for_axe

pytestmark = pytest.mark.browser
NAMES = [page.name for page in pages()]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def opened(browser, address) -> Iterator[Any]:
    yield from opener(browser, address)


def wake(page: "Page") -> None:
    """Scroll to each interactive figure and wait until it lives."""
    for figure in page.query_selector_all(".gf-widget"):
        figure.scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('.gf-widget')].every(f => f.dataset.ready)")


BURSTS = """() => [...document.querySelectorAll('.gf-widget *')].filter(e => !e.closest('svg') &&
  e.getBoundingClientRect().right > e.closest('.gf-widget').getBoundingClientRect().right + 1)
  .map(e => e.outerHTML.slice(0, 120))"""

FIGURE_TEXT = """() => [...document.querySelectorAll(".gf-figure svg text, .gf-live svg text")]
  .filter(t => t.textContent.trim())
  .map(t => [t.textContent.trim(), getComputedStyle(t).fill, getComputedStyle(document.body).backgroundColor])"""


def luminance(color: str) -> float:
    if color.startswith("color(srgb"):  # what color-mix gives
        channels = [float(x) for x in color[color.index("srgb") + 4 : -1].split("/")[0].split()]
    else:
        channels = [float(x) / 255 for x in color[color.index("(") + 1 : -1].replace(",", " ").split()[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, two: str) -> float:
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("look", "width"), [("light", 1280), ("dark", 390)])
def test_page(opened, name, look, width):
    """No error, no foreign request, no overflow, readable figures, nothing serious for axe."""
    one = opened(name, viewport={"width": width, "height": 900})
    page = one.page
    press_theme_button(page, look)
    wake(page)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.evaluate(OVERFLOWS) == []
    assert page.evaluate(BURSTS) == []
    for text, fill, ground in page.evaluate(FIGURE_TEXT):
        if text.endswith("%") and fill == ground:
            continue  # a label inside its bar: the bar is its ground
        assert contrast(fill, ground) >= 3, f"{text!r} is {fill} on {ground}"
    assert serious_for_axe(page) == []
    assert one.errors == []
    assert all(url.startswith(("http://127.0.0.1:", "data:", "blob:")) for url in one.requests), one.requests


@pytest.mark.parametrize("name", NAMES)
def test_page_is_complete_without_javascript(opened, name):
    page = opened(name, java_script_enabled=False).page
    assert page.locator("article h1").is_visible()
    for figure in page.locator(".gf-figure svg, .gf-still svg").all():
        assert figure.is_visible()
    assert not page.locator(".gf-live").count()


def test_the_print_page_is_complete_and_still(opened):
    one = opened("transformers/print", viewport={"width": 390, "height": 900})
    assert one.page.locator("article h1").count() == 13  # its own, and one for each section
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not one.page.locator(".gf-widget").count()
    for figure in one.page.locator(".gf-still svg").all():
        assert figure.is_visible()
    assert one.errors == []


def test_perceptron_is_worked_by_keyboard_alone(opened):
    page = opened("nn_intro").page
    wake(page)
    live = page.locator(".gf-widget[data-module=perceptron] .gf-live")
    sentence = live.locator("[aria-live]")
    assert "= 1.9" in sentence.inner_text() and "6 of 8" in sentence.inner_text()
    page.locator("#cell-3-5-1 summary").focus()
    reached = []
    for _ in range(20):  # Tab from the figure's code onward reaches every control
        page.keyboard.press("Tab")
        inside = page.evaluate(
            "document.activeElement.closest('.gf-live') ? document.activeElement.outerHTML.slice(0, 60) : ''"
        )
        if inside:
            reached.append(inside)
    assert sum("range" in r for r in reached) == 4
    assert (
        any("checkbox" in r for r in reached)
        and any("radio" in r for r in reached)
        and any("<select" in r for r in reached)
    )

    sliders = live.locator("input[type=range]")
    before = sentence.inner_text()
    sliders.nth(0).focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "old => !document.querySelector('.gf-live [aria-live]').textContent.includes(old)", arg="= 1.9,"
    )
    assert sentence.inner_text() != before
    live.locator("button", has_text="Reset").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.gf-live [aria-live]').textContent.includes('= 1.9')")


def test_recommender_by_keyboard(opened):
    page = opened("index").page
    for group in page.locator(".gf-recommender fieldset").all():
        group.locator("input").first.focus()
        page.keyboard.press("Space")
    assert page.locator(".gf-advice").inner_text() == "We recommend the Complete Beginner Path."
    assert page.locator(".gf-path.recommended").get_attribute("id") == "path-beginner"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#path-beginner")


def test_recommender_agrees_with_the_library(opened):
    import itertools

    from glassformer.app.site import guide_folder
    from glassformer.learn.paths import load

    guide = load(guide_folder())
    page = opened("index").page
    names = [question.id for question in guide.questions]
    for answers in itertools.product(range(3), repeat=4):
        chosen = dict(zip(names, answers, strict=True))
        best = page.evaluate(
            """chosen => { const form = document.querySelector('.gf-recommender');
              for (const [name, value] of Object.entries(chosen)) form.elements[name].value = value;
              form.dispatchEvent(new Event('change'));
              return document.querySelector('.gf-path.recommended').id }""",
            chosen,
        )
        assert best == f"path-{guide.recommend(chosen)}", chosen


def test_term_shows_its_definition_on_hover_and_focus(opened):
    page = opened("nn_intro").page
    term, tip = page.locator("a.gf-term", has_text="perceptron").first, page.locator("#gf-tip")
    assert tip.is_hidden()
    term.focus()
    assert "whose weights are learned" in tip.inner_text()
    assert term.get_attribute("aria-describedby") == "gf-tip"
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    term.hover()
    assert tip.is_visible()


PLACES = ["where-it-breaks", "exercise-nn-neuron", "learned-representations", "what-you-can-do-now"]


@pytest.mark.parametrize("width", [1400, 390])
def test_places_are_reached_and_kept(opened, width):
    """A page shows its top before the rest is laid out; still a place far below is where a link says, and stays."""
    one = opened("nn_intro", viewport={"width": width, "height": 900})
    page = one.page
    top = "id => document.getElementById(id).getBoundingClientRect().top"
    page.wait_for_function("!document.documentElement.classList.contains('gf-opening')")
    for place in PLACES:
        page.evaluate("id => { location.hash = id; }", place)
        page.wait_for_function(f"id => Math.abs(({top})(id)) < 120", arg=place)
    page.evaluate("document.getElementById('cell-3-3-2').scrollIntoView()")
    page.wait_for_function(f"Math.abs(({top})('cell-3-3-2')) < 120")
    page.reload(wait_until="networkidle")
    page.wait_for_function(f"Math.abs(({top})('cell-3-3-2')) < 120")
    page.goto("about:blank")
    page.goto(f"{one.address}#{PLACES[0]}", wait_until="networkidle")
    page.wait_for_function(f"id => Math.abs(({top})(id)) < 120", arg=PLACES[0])


def test_search_finds_words_offline(opened):
    one = opened("search")
    one.page.goto(one.page.url + "?q=perceptron", wait_until="networkidle")
    one.page.wait_for_selector("#search-results li")
    assert "Neural Networks Introduction" in one.page.locator("#search-results").inner_text()
    assert one.errors == []
    assert all(url.startswith("http://127.0.0.1:") for url in one.requests)
