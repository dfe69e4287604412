"""The beginner path as far as it exists: from the four questions to the milestones, without writing code."""

import re
from typing import Any

import pytest

from glassformer.app.site import guide_folder
from glassformer.learn.exercise import Code, Number, Quiz, Words
from glassformer.learn.exercises import find
from glassformer.learn.paths import load
from glassformer.learn.progress import Progress
from tests.app.serving import serve
from tests.browser.driving import Page, answer_number, opener, place_of, run, verdict, write

pytestmark = pytest.mark.browser


@pytest.fixture
def walk(browser, tmp_path):
    """A server with an empty home, and its home page as a newcomer sees it."""
    with serve(tmp_path) as server:
        make = opener(browser, server.address.rsplit("/", 1)[0], suffix=f".html?token={server.token}")
        one = next(make)("index")
        one.page.set_default_timeout(60_000)
        yield one, server
        next(make, None)


def figure(page: "Page", module: str) -> Any:
    """An interactive figure; it comes to life when it is scrolled to."""
    page.locator(f'.gf-widget[data-module="{module}"]').scroll_into_view_if_needed()
    page.locator(f".gf-{module}").wait_for()
    return page.locator(f".gf-{module}")


def move(page: "Page", slider: str, key: str, times: int = 1) -> None:
    page.get_by_role("slider", name=slider, exact=True).last.focus()
    for _ in range(times):
        page.keyboard.press(key)


def solve(page: "Page", name: str) -> None:
    """Answer an exercise as people do: first with a mistake, which is named, and then rightly."""
    exercise, place = find(name), place_of(name)
    if isinstance(exercise, Number):
        mistake, value = next(iter(exercise.mistakes.items()))
        assert mistake in answer_number(page, name, f"{value:.4f}")
        assert answer_number(page, name, f"{exercise.answer:.4f}").startswith("Right.")
    elif isinstance(exercise, Quiz):
        wrong, right = (next(i for i, o in enumerate(exercise.options) if o.right is value) for value in (False, True))
        for number in (wrong, right):
            page.locator(f"{place} label").nth(number).click()
            said = verdict(page, name, page.locator(f"{place} form button").click)
            assert exercise.options[number].reason in said
    elif isinstance(exercise, Words):
        page.locator(f"{place} textarea").fill(
            "In my own words, and then I compare them with the answer that is shown."
        )
        page.locator(f"{place} form button").click()
        for label in page.locator(f"{place} .gf-points label").all():
            label.click()
        page.locator(f"{place} form button").click()
    page.locator(f"{place}.passed").wait_for()


def test_from_the_recommender_to_the_earned_milestones(walk):
    one, server = walk
    page = one.page

    for group in page.locator(
        ".gf-recommender fieldset"
    ).all():  # no programming, school maths, little time, understand
        group.locator("label").first.click()
    assert page.locator(".gf-advice").inner_text() == "We recommend the Complete Beginner Path."
    page.locator(".gf-advice a").click()
    path = page.locator("#path-beginner")
    path.get_by_role("button", name="Follow this path").click()
    page.locator(".gf-now").get_by_text("Complete Beginner Path").wait_for()
    path.locator('a[href^="nn_intro"]').first.click()
    page.wait_for_url("**/nn_intro.html*")

    write(page, "#cell-0-1", "2 + 3 * 5")  # the page says: change the 4 to a 5, and the answer becomes 17
    assert run(page, "#cell-0-1") == "17"

    xor = figure(page, "xor")
    xor.get_by_role("button", name="All weights 1").click()
    xor.get_by_text(re.compile(r"^[0-3] of 4 cases are right")).wait_for()
    xor.get_by_role("button", name="Solved by hand").click()
    xor.get_by_text(re.compile(r"^4 of 4 cases are right")).wait_for()

    descent = figure(page, "descent")
    assert "diverged" not in descent.locator(".gf-sentence").inner_text()
    move(page, "learning rate", "ArrowRight", 8)  # past 0.1, where the page says that gradient descent flies off
    descent.get_by_text(re.compile("gradient descent .*(diverge|away|grow|overshoot)")).first.wait_for()

    done = finish(page)
    for document in ("mlp_intro", "rnn_intro"):
        page.locator(f'.gf-next a[href^="{document}"]').first.click()  # the footer knows the way
        page.wait_for_url(f"**/{document}.html*")
        if document == "mlp_intro":
            spam = figure(page, "spam")
            spam.get_by_role("textbox").fill("Lunch at noon?")
            spam.get_by_text(re.compile("^0 exclamation marks, 0 money words, 0 requests: .*, not spam")).wait_for()
        else:
            steps = figure(page, "recurrent")
            steps.get_by_role("button", name="Next").click()
            steps.get_by_text("After “sat”, step 2 of 3, the hidden state is 0.69 and 0.65.").wait_for()
        done |= finish(page)

    page.locator('.gf-next a[href^="transformers"]').first.click()
    page.wait_for_url("**/transformers.html*")
    sections = [row.locator("a").get_attribute("href") for row in page.locator("tr", has_text="core").all()]
    assert len(sections) == 10
    for section in sections:  # those that the map calls core
        page.goto(server.page("transformers"), wait_until="networkidle")
        page.locator(f'tr a[href="{section}"]').click()
        page.wait_for_url(f"**/{section}*")
        done |= finish(page)

    page.goto(server.page("index"), wait_until="networkidle")
    milestones = {m.mark: m for m in load(guide_folder()).path("beginner").milestones}
    earned = [name for name, m in milestones.items() if m.by and not m.more]
    assert set(milestones) - set(earned) == {"beginner:knowledge"}  # its document is in preparation
    for name in milestones:
        state = page.locator(f'[data-mark="{name}"]').get_attribute("data-state")
        assert (state == "earned") == (name in earned), name
    assert "8 of 9 milestones earned" in page.locator("#path-beginner").inner_text()
    kept = Progress(server.home / "progress.sqlite3").summary()["exercises"]
    assert {name for name, value in kept.items() if value["passed"]} == done
    assert one.errors == []


def finish(page: "Page") -> set[str]:
    """Solve all exercises of the page that need no code; their outcomes are earned, and the others are not."""
    on_page = page.locator(".gf-exercise").evaluate_all("all => all.map(e => e.dataset.exercise)")
    code = [name for name in on_page if isinstance(find(name), Code)]
    for name in on_page:
        if name not in code:
            solve(page, name)
    for item in page.locator("li.task-list-item").all():
        named = item.locator('a[href^="#exercise-"]').evaluate_all("all => all.map(a => a.hash.slice(1))")
        needs_code = any(page.locator(f"#{exercise}").get_attribute("data-exercise") in code for exercise in named)
        assert item.get_attribute("data-state") == ("open" if needs_code else "earned"), item.inner_text()
    page.evaluate("document.fonts.ready.then(() => true)")  # one that is still coming would count as a failed request
    return set(on_page) - set(code)
