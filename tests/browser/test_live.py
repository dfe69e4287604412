"""The live page: cells run, changed, broken and stopped, exercises checked, on a real server in a real Chromium."""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from glassformer.app.site import pages
from glassformer.learn.exercise import Number, Quiz
from glassformer.learn.exercises import exercises, find
from glassformer.learn.progress import Progress
from tests.app.serving import Server, serve
from tests.browser.driving import (
    OVERFLOWS,
    Page,
    answer_number,
    opener,
    place_of,
    press_theme_button,
    ready,
    run,
    serious_for_axe,
    shown,
    verdict,
    write,
)
from tests.learn.wrong import RIGHT, WRONG

pytestmark = pytest.mark.browser
SECONDS = 60_000  # how long the slowest step may take on a busy machine, in milliseconds


DOCUMENT = {name: page.name for page in pages() for name in page.exercises}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def opened(browser, server) -> Iterator[Any]:
    """Opens a live page; the first visit of a context brings the token, as the printed address does."""
    address = server.address.rsplit("/", 1)[0]
    make = opener(browser, address, suffix=f".html?token={server.token}")
    function = next(make)

    def open_page(name: str, **context: Any) -> Any:
        one = function(name, **context)
        one.page.set_default_timeout(SECONDS)
        one.page.set_default_navigation_timeout(SECONDS)
        return one

    yield open_page
    next(make, None)


@pytest.fixture
def live(opened) -> "Page":
    """The introduction, with a fresh kernel if there is one and without edits."""
    page = opened("nn_intro").page
    fresh(page)
    return page


def fresh(page: "Page") -> None:
    """No edits, and Python as if just started."""
    page.evaluate(
        "document.querySelectorAll('.gf-bar button').forEach(b => b.textContent === 'Reset' && !b.hidden && b.click())"
    )
    if page.locator(".gf-python").get_by_role("button", name="Restart").is_visible():
        page.locator(".gf-python").get_by_role("button", name="Restart").click()
        ready(page)


def run_code(page: "Page", code: str, state: str = "done", place: str = "#cell-0-1") -> str:
    write(page, place, code)
    return run(page, place, state)


def test_run_edit_reload_and_reset(opened, live):
    page = live
    assert run(page, "#cell-0-1") == "14"
    assert run_code(page, "2 + 3 * 5") == "17"
    assert page.locator("#cell-0-1.gf-edited").count() == 1
    write(page, "#cell-0-1", "2 + 3 * 6")  # saved a moment later, not run
    page.wait_for_function("async () => (await (await fetch('/glassformer/edits/nn_intro')).text()).includes('* 6')")
    page.reload(wait_until="networkidle")
    assert page.locator("#cell-0-1 .cell_input").inner_text().strip() == "2 + 3 * 6"
    assert shown(page, "#cell-0-1") == "17"
    assert page.locator("#cell-0-1.gf-outdated").count() == 1, "what stands there belongs to other code"
    assert run(page, "#cell-0-1") == "20"
    page.locator("#cell-0-1").get_by_role("button", name="Reset").click()
    assert run(page, "#cell-0-1") == "14"
    page.reload(wait_until="networkidle")
    assert page.locator("#cell-0-1 .cell_input").inner_text().strip() == "2 + 3 * 4"
    assert page.locator("#cell-0-1.gf-edited").count() == 0


def test_variables_outlive_a_reload_and_not_a_restart(live):
    page = live
    run_code(page, "kept = 41")
    page.reload(wait_until="networkidle")
    assert run_code(page, "kept + 1") == "42"
    page.locator(".gf-python").get_by_role("button", name="Restart").click()
    ready(page)
    assert "name 'kept' is not defined" in run(page, "#cell-0-1", "failed")


def test_an_error_is_shown_in_color_and_offers_the_cells_above(live):
    page = live
    said = run(page, "#cell-0-5", "failed")
    assert said.splitlines()[0].startswith("NameError") and "name 'double' is not defined" in said
    assert page.locator("#cell-0-5 .traceback .gf-ansi-1").count() >= 2
    assert page.locator(".gf-unseen").inner_text() == "The cell failed. NameError: name 'double' is not defined"
    page.get_by_role("button", name="Run them, then this one").click()
    page.locator("#cell-0-5.gf-done").wait_for()
    assert shown(page, "#cell-0-5").splitlines() == ["1 2", "2 4", "3 6"]
    assert "name 'three' is not defined" in shown(page, "#cell-0-2", "failed")  # meant to fail: it stops nothing


def test_run_all_above_reproduces_the_page(live):
    page = live
    stored = {
        cell.get_attribute("id"): cell.inner_text().strip()
        for cell in page.locator(".cell").all()
        if cell.locator(".stream").count()
    }
    page.locator("#cell-1-4-1").get_by_role("button", name="Run all above").click()
    page.locator("#cell-1-3-2.gf-done").wait_for()
    for cell in ("cell-0-6", "cell-1-2-1", "cell-1-3-2"):
        now = page.locator(f"#{cell} .cell_output").inner_text().strip()
        assert now and stored[cell].endswith(now)
    picture = page.locator("#cell-1-1 .gf-figure svg")
    assert picture.get_attribute("aria-label").startswith("Three nested ovals")
    assert page.locator("#cell-1-1 .gf-run").is_visible(), "a cell whose code is folded can be run"


def test_a_check_never_punishes_an_experiment(live):
    page = live
    write(page, "#cell-1-4-1", "shares = {'mine': (0.5, 0.1)}")
    page.locator("#cell-2-1").get_by_role("button", name="Run all above").click()
    page.locator("#cell-1-4-2.gf-done").wait_for()
    page.wait_for_function("!document.querySelector('.gf-waiting, .gf-running')")
    assert page.locator("#cell-1-4-3.tag_check").count() == 1
    assert page.locator("#cell-1-4-3:is(.gf-done, .gf-failed)").count() == 0


def test_results_in_sentences_are_marked_once_a_changed_cell_has_run(live):
    page = live
    assert page.locator(".gf-published").count() == 0
    run_code(page, "email = 'free'", place="#cell-3-2-1")
    first = page.locator(".gf-published").first
    assert "As published" in first.get_attribute("title")
    before = page.locator("#cell-1-1 ~ * .gf-eval, section .gf-eval").first
    assert "gf-published" not in before.get_attribute("class"), "what stands above the changed cell still holds"
    page.locator("#cell-3-2-1").get_by_role("button", name="Reset").click()
    run(page, "#cell-3-2-1")
    assert page.locator(".gf-published").count() == 0


def test_an_endless_loop_is_interrupted(live):
    page = live
    write(page, "#cell-0-1", "while True:\n    pass")
    page.locator("#cell-0-1 .gf-run").click()
    ready(page, "busy")
    page.locator("#cell-0-3 .gf-run").click()
    page.locator("#cell-0-3.gf-waiting").wait_for()
    page.locator("#cell-0-1").get_by_role("button", name="Interrupt").click()
    assert "KeyboardInterrupt" in shown(page, "#cell-0-1", "failed")
    assert page.locator("#cell-0-3:is(.gf-waiting, .gf-running)").count() == 0, "what waited is dropped"
    assert run(page, "#cell-0-3").splitlines() == ["t", "a", "3"]


def test_a_loop_in_c_is_ended_by_a_restart(live):
    page = live
    write(page, "#cell-0-1", "any(iter(int, 1))")
    page.locator("#cell-0-1 .gf-run").click()
    ready(page, "busy")
    panel = page.locator(".gf-python")
    panel.get_by_role("button", name="Interrupt").click()
    panel.get_by_text("does not react").wait_for()
    panel.get_by_role("button", name="Restart").click()
    assert "Python was restarted." in page.locator("#cell-0-1.gf-failed .gf-said").inner_text()
    ready(page)
    assert run(page, "#cell-0-3").splitlines() == ["t", "a", "3"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL to send")
def test_a_kernel_killed_from_outside_is_said_and_comes_back(live):
    page = live
    pid = int(run_code(page, "import os; print(os.getpid())"))
    write(page, "#cell-0-1", "import time\nwhile True: time.sleep(0.01)")
    page.locator("#cell-0-1 .gf-run").click()
    ready(page, "busy")
    os.kill(pid, signal.SIGKILL)
    page.locator("#cell-0-1.gf-failed").wait_for()
    assert "Python ended unexpectedly" in page.locator("#cell-0-1 .gf-said").inner_text()
    ready(page)
    assert int(run_code(page, "import os; print(os.getpid())")) != pid


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP to send")
def test_a_kernel_that_never_answers_is_said(live):
    page = live
    page.evaluate("import('/glassformer/static/kernel.js').then(({ Kernel }) => { Kernel.PATIENCE = 300; })")
    pid = int(run_code(page, "import os; print(os.getpid())"))
    os.kill(pid, signal.SIGSTOP)
    page.locator("#cell-0-1 .gf-run").click()
    page.locator(".gf-python").get_by_text("has not answered").wait_for()
    page.locator(".gf-python").get_by_role("button", name="Restart").click()
    ready(page)
    assert int(run(page, "#cell-0-1")) != pid


def test_output_without_end_is_cut_and_can_be_interrupted(live):
    page = live
    write(page, "#cell-0-1", "while True:\n    print('more and more ' * 20)")
    page.locator("#cell-0-1 .gf-run").click()
    page.get_by_text("Not everything is shown").first.wait_for()
    page.locator("#cell-0-1").get_by_role("button", name="Interrupt").click()
    page.locator("#cell-0-1.gf-failed").wait_for()
    assert page.evaluate("document.querySelector('#cell-0-1 .cell_output').innerText.length") < 210_000
    assert run(page, "#cell-0-3").splitlines() == ["t", "a", "3"]


def test_a_long_wait_for_pytorch_is_said_and_the_cell_runs_when_it_is_there(opened):
    page = opened("index").page
    asked = []

    def installing(route: Any) -> None:
        asked.append(route.request.method)
        sentence = "PyTorch is still being installed. The cell runs as soon as it is there."
        if route.request.method == "POST" and asked.count("POST") == 1:
            route.fulfill(
                status=503, content_type="application/json", body=json.dumps({"message": sentence, "wait": True})
            )
        else:
            route.continue_()

    page.route("**/glassformer/kernels/index", installing)
    page.locator("#cell-0-1 .gf-run").click()
    page.locator(".gf-python").get_by_text("PyTorch is still being installed.").wait_for()
    page.locator("#cell-0-1.gf-done").wait_for()
    assert asked.count("POST") == 2


SHOWS = [
    ("from IPython.display import HTML; HTML('<table><tr><td>4</td></tr></table>')", ".text_html td", "4"),
    ("import sys; print('careful', file=sys.stderr)", ".stderr pre", "careful"),
    ("for i in range(4): print(f'\\r{i}/3', end='', flush=True)", ".stdout pre", "3/3"),
    ("print('\\x1b[31mred\\x1b[0m plain')", ".gf-ansi-1", "red"),
    ("from IPython.display import clear_output; print(1); clear_output(wait=True); print(2)", ".stdout pre", "2"),
    ("h = display('one', display_id=True); h.update('two')", "pre", "'two'"),
    ("{'a': [1, 2]}", "pre", "{'a': [1, 2]}"),
]


@pytest.mark.parametrize(("code", "place", "said"), SHOWS, ids=[code[:24] for code, _, _ in SHOWS])
def test_rich_output(live, code, place, said):
    page = live
    run_code(page, code)
    assert page.locator(f"#cell-0-1 .cell_output {place}").first.inner_text().strip() == said


def test_pictures_and_input(live):
    page = live
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    run_code(page, f"from IPython.display import Image; import base64\nImage(base64.b64decode('{png}'))")
    assert page.locator("#cell-0-1 .cell_output img").evaluate("i => i.naturalWidth") == 1
    run_code(
        page, 'from IPython.display import SVG\nSVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>\')'
    )
    assert page.locator("#cell-0-1 .cell_output svg").get_attribute("role") == "img"
    write(page, "#cell-0-1", "name = input('Your name? ')\nprint(f'Hello {name}.')")
    page.locator("#cell-0-1 .gf-run").click()
    page.get_by_label("Your name?").fill("Ada")
    page.keyboard.press("Enter")
    assert shown(page, "#cell-0-1").splitlines()[-1] == "Hello Ada."


def test_two_tabs_share_python_edits_and_progress(opened):
    one = opened("nn_intro")
    fresh(one.page)
    two = one.context.new_page()
    two.set_default_timeout(SECONDS)
    two.goto(one.page.url, wait_until="networkidle")
    run_code(one.page, "shared = 6")
    assert run_code(two, "shared * 7", place="#cell-0-4") == "42"
    one.page.reload(wait_until="networkidle")
    assert one.page.locator("#cell-0-4 .cell_input").inner_text().strip() == "shared * 7"
    answer_number(two, "nn.sigmoid", "65")
    one.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    one.page.locator("#exercise-nn-sigmoid.passed").wait_for()
    write(one.page, "#cell-0-1", "while True: pass")
    one.page.locator("#cell-0-1 .gf-run").click()
    ready(two, "busy")  # the other tab sees that Python works
    two.locator(".gf-python").get_by_role("button", name="Interrupt").click()
    shown(one.page, "#cell-0-1", "failed")
    fresh(one.page)


def check_code(page: "Page", name: str, source: str) -> str:
    place = place_of(name)
    write(page, place, source)
    return verdict(page, name, page.locator(place).get_by_role("button", name="Check").click)


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_in_code_are_named_and_right_answers_pass(opened, server, name):
    page = opened(DOCUMENT[name]).page
    fresh(page)
    wrong = list(WRONG[name].items())[:2]  # all of them are named in tests/learn, without a browser
    for begins, source in wrong:
        mistake = next(m for m in find(name).mistakes if m.startswith(begins))
        said = check_code(page, name, source)
        assert said.startswith("Not yet.") and mistake in said, said
        assert page.locator(f"{place_of(name)}.passed").count() == 0
    for source in RIGHT[name][:2]:
        assert check_code(page, name, source).startswith("Right. It agrees with the reference")
    page.locator(f"{place_of(name)}.passed").wait_for()
    kept = Progress(server.home / "progress.sqlite3").summary()["exercises"][name]
    assert kept["passed"] and kept["attempts"] == len(wrong) + 2
    page.reload(wait_until="networkidle")
    page.locator(f"{place_of(name)} .gf-mark").get_by_text(re.compile("done$")).wait_for()
    assert RIGHT[name][1].splitlines()[0] in page.locator(f"{place_of(name)} .gf-starter").inner_text()


def test_a_check_pressed_while_another_runs_waits_its_turn(live):
    """The answer that counts is the one that stands there when the second check begins."""
    place = place_of("nn.neuron")
    write(live, place, WRONG["nn.neuron"]["The bias is missing"])
    live.locator(place).get_by_role("button", name="Check").click()
    live.locator(f"{place}.gf-running, {place}.gf-waiting").wait_for()
    write(live, place, RIGHT["nn.neuron"][0])
    live.locator(place).get_by_role("button", name="Check").click()
    live.locator(f"{place} .gf-verdict").get_by_text("Right. It agrees with the reference").wait_for()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def neuron(x, w, b)\n    return 1", "Line 1 is not Python yet"),
        ("def neuron(x):\n    return x", "is called with 3 arguments, x, w, b, and yours cannot take them."),
        ("def neuron(x, w, b):\n    while True: pass", "did not finish within 10 seconds"),
    ],
)
def test_broken_answers_get_one_clear_sentence(opened, source, said):
    assert said in check_code(opened("nn_intro").page, "nn.neuron", source)


@pytest.mark.parametrize("document", sorted(set(DOCUMENT.values())))
def test_each_mistake_in_numbers_and_choices_is_named(opened, document):
    page = opened(document).page
    for exercise in (exercise for name, exercise in exercises().items() if DOCUMENT[name] == document):
        place = place_of(exercise.id)
        if isinstance(exercise, Number):
            for mistake, value in exercise.mistakes.items():
                assert answer_number(page, exercise.id, f"{value:.4f}") == f"Not yet. {mistake}"
            for right in (f"{exercise.answer:.3f}", f"{exercise.answer:.3f} {exercise.unit}".replace("-", "−")):
                assert answer_number(page, exercise.id, right).startswith("Right.")
        if isinstance(exercise, Quiz):
            for number, option in enumerate(exercise.options):
                page.locator(f"{place} label").nth(number).click()
                said = verdict(page, exercise.id, page.locator(f"{place} form button").click)
                assert said == f"{'Right' if option.right else 'Not yet'}. {option.reason}"
        if isinstance(exercise, Number | Quiz):
            page.locator(f"{place}.passed").wait_for()


def test_words_are_compared_and_milestones_are_earned(opened, server):
    one = opened("nn_intro")
    page, name = one.page, "nn.three-names-in-words"
    place, exercise = place_of(name), find(name)
    page.locator(f"{place_of('nn.three-names')} label").nth(1).click()
    page.locator(f"{place_of('nn.three-names')} form button").click()
    page.locator(f"{place} textarea").fill("too short")
    page.locator(f"{place} form button").click()
    page.locator(f"{place} .gf-verdict").get_by_text("at least 8 words").wait_for()
    page.locator(f"{place} textarea").fill("Both learn from examples, but only one of them finds its features as well.")
    page.locator(f"{place} form button").click()
    page.locator(f"{place} .gf-model-answer").get_by_text("In both, the program finds").wait_for()
    assert not page.locator(f"{place} .gf-verdict").inner_text().startswith("Not yet"), "nothing has been judged"
    for label in page.locator(f"{place} .gf-points label").all():
        label.click()
    page.locator(f"{place} form button").click()
    page.locator(f"{place}.passed").wait_for()
    assert len(exercise.points) == page.locator(f"{place} .gf-points label").count()
    page.locator('li.task-list-item[data-state="earned"]').first.wait_for()
    earned = page.locator('li.task-list-item[data-state="earned"] input').first
    assert "url(" in earned.evaluate("box => getComputedStyle(box).backgroundImage"), "it looks ticked"

    page.goto(server.page("index"), wait_until="networkidle")
    milestone = page.locator('[data-mark="beginner:tell-apart"]')
    assert milestone.get_attribute("data-state") == "earned" and milestone.locator("input").is_disabled()
    other = page.locator('[data-mark="beginner:attention"]')
    other.locator("input").check()
    page.wait_for_function(
        """() => document.querySelector('[data-mark="beginner:attention"]').dataset.state === 'ticked'"""
    )
    assert other.locator(".gf-how").inner_text() == "ticked by you"
    page.locator("#path-beginner").get_by_role("button", name="Follow this path").click()
    page.locator(".gf-now").get_by_text("Complete Beginner Path").wait_for()  # the next step, or that all is done
    assert re.search(r"[12] of 9 milestones earned, 1 ticked by you", page.locator("#path-beginner").inner_text())
    with page.expect_download() as download:
        page.get_by_role("button", name="Save your progress as a file").click()
    export = json.loads(download.value.path().read_text("utf-8"))
    assert Progress(server.home / "copy.sqlite3").merge(export) == len(export["attempts"]) > 0
    page.locator(".gf-import input").set_input_files(download.value.path())
    page.locator(".gf-notice").get_by_text("0 new answers were added.").wait_for()


def test_a_damaged_progress_file_is_said_on_the_home_page(opened, server, tmp_path):
    with serve(tmp_path, server) as other:
        (tmp_path / "progress.sqlite3").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
        page = opened("index").page
        page.goto(other.address, wait_until="networkidle")
        assert "was damaged. It was set aside as" in page.locator(".gf-notice").inner_text()
        page.get_by_role("button", name="I have read this").click()
        page.reload(wait_until="networkidle")
        assert page.locator(".gf-notice").is_hidden()
        assert list(tmp_path.glob("progress-damaged-*"))


def test_everything_by_keyboard_alone(live):
    """From the page's first cell: run, edit, run again, leave the editor, then a number, a choice and code checked."""
    page = live
    page.locator('a[href="notebooks/nn_intro.ipynb"]').focus()

    def tab_to(selector: str, most: int = 12) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} is not reached by {most} tabs")

    tab_to("#cell-0-1 .gf-run")
    page.keyboard.press("Enter")
    assert shown(page, "#cell-0-1") == "14"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "Edit"
    page.keyboard.press("Enter")
    page.locator("#cell-0-1 .cm-content:focus").wait_for()
    page.keyboard.press("Control+End")
    page.keyboard.press("Backspace")
    page.keyboard.type("7")
    page.keyboard.press("Shift+Enter")
    page.wait_for_function("document.querySelector('#cell-0-1 .cell_output').innerText.trim() === '23'")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#cell-0-1 .gf-bar') !== null"), "Escape, then Tab, leaves"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#cell-0-1') === null"), "one stop for the whole bar"

    page.locator(f"{place_of('nn.weighted-sum')} input").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("2.6")
    page.keyboard.press("Enter")
    page.locator(place_of("nn.weighted-sum")).get_by_text("The bias is missing").wait_for()
    tab_to(f"{place_of('nn.weighted-sum')} summary")
    page.keyboard.press("Enter")
    page.locator(place_of("nn.weighted-sum")).get_by_text("Which row gives 0?").wait_for()

    page.locator(f"{place_of('nn.doubled')} input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    tab_to(f"{place_of('nn.doubled')} button")
    page.keyboard.press("Enter")
    page.locator(f"{place_of('nn.doubled')} .gf-verdict").get_by_text("Right.").wait_for()

    page.locator(f"{place_of('nn.bag-of-words')} .gf-check").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(f"{place_of('nn.bag-of-words')} .cm-content:focus").wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(RIGHT["nn.bag-of-words"][1])
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.textContent") == "Check"
    page.keyboard.press("Enter")
    page.locator(place_of("nn.bag-of-words")).get_by_text("It agrees with the reference").wait_for()
    assert page.locator(".gf-unseen[role=status]").count() == 1


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_live_page_is_accessible_and_does_not_overflow(opened, look, width):
    one = opened("nn_intro", viewport={"width": width, "height": 900})
    page = one.page
    press_theme_button(page, look)
    run_code(page, "print('a long line ' * 30)\nimport sys; print('careful', file=sys.stderr)\n1 / 0", "failed")
    page.locator("#cell-1-1 .gf-run").click()
    page.locator("#cell-1-1.gf-done").wait_for()
    answer_number(page, "nn.weighted-sum", "2.6")
    check_code(page, "nn.bag-of-words", "def count_words(text, vocabulary):\n    return []")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWS) == []
    assert serious_for_axe(page) == []
    assert one.errors == []
    assert all(re.match(r"(http://127\.0\.0\.1:|ws://127\.0\.0\.1:|data:|blob:)", url) for url in one.requests)


def test_when_the_server_has_gone_the_page_says_so(opened, server, tmp_path):
    with serve(tmp_path, server) as other:
        page = opened("nn_intro").page
        page.goto(other.page("nn_intro"), wait_until="networkidle")
        assert run(page, "#cell-0-1") == "14"
    page.locator(".gf-python[data-state=lost]").wait_for()
    page.locator(f"{place_of('nn.sigmoid')} input").fill("65")
    page.keyboard.press("Enter")
    page.locator(place_of("nn.sigmoid")).get_by_text(
        "This is not saved: The guide's server does not answer."
    ).wait_for()
    assert page.locator(f"{place_of('nn.sigmoid')} .gf-verdict").inner_text().startswith("Right.")
    write(page, "#cell-0-1", "3")
    page.locator("#cell-0-1 .gf-said").get_by_text("Not saved").wait_for()


def test_a_kernel_that_the_server_stops_is_said_and_started_again(live, server):
    """Five pages, four kernels: the one unused for longest makes room, and its page says so at once."""
    page = live
    run_code(page, "mine = 1")
    for number in range(4):
        page.evaluate(
            """async name => { const { ask } = await import('/glassformer/static/kernel.js');
              await ask('POST', `glassformer/kernels/${name}`); }""",
            f"other-{number}",
        )
    page.locator(".gf-python").get_by_text("Python was stopped here because 4 other pages use it.").wait_for()
    assert run_code(page, "'mine' in dir()") == "False"


def test_weights_that_are_missing_are_offered_and_fetched(browser, server, tmp_path_factory):
    """The cell says what it needs and how large it is; pressing the button fetches it, checked, and runs the cell."""
    page_of, cell = next((page.name, cell) for page in pages() for cell in page.cells if cell.needs == ["gpt2-ranks"])
    home, cache = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("cache")
    with serve(home, like=server, GLASSFORMER_CACHE=str(cache)) as running:
        address = running.address.rsplit("/", 1)[0]
        make = opener(browser, address, suffix=f".html?token={running.token}")
        page = next(make)(page_of).page
        page.set_default_timeout(SECONDS)
        place = "#cell-" + cell.id.replace(".", "-")
        page.locator(f"{place} .gf-bar").get_by_role("button", name="Run", exact=True).click()
        offer = page.locator(f"{place} .gf-note", has_text="GPT-2's byte-pair ranks")
        offer.wait_for()
        assert "Not run" in page.locator(f"{place} .gf-said").inner_text()
        offer.get_by_role("button", name="Fetch 1 MB, then run").click()
        page.wait_for_selector(f"{place}.gf-done, {place}.gf-failed")
        assert (cache / "weights" / "gpt2-ranks").is_dir()
        next(make, None)
