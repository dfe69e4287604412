"""Exercises as they stand on the pages: each is on one page, explained by a hint, with a solution that passes."""

import json
import re
from collections import Counter

import pytest

from glassformer.app.book.exercises import declaration
from glassformer.app.book.source import PageError, find_exercises
from glassformer.app.site import guide_folder, pages
from glassformer.learn.check import check
from glassformer.learn.exercise import Code, Number, Quiz, Words
from glassformer.learn.exercises import exercises
from glassformer.learn.paths import exercises_on, load
from tests.guide import parsed

ALL = exercises()
PAGES = [page for page in pages() if page.exercises]
PLACE = {name: page.name for page in PAGES for name in page.exercises}


def on_page(site, name):
    soup = parsed(site / f"{PLACE[name]}.html")
    found = soup.select(f'.gf-exercise[data-exercise="{name}"]')
    assert len(found) == 1
    return found[0]


def test_every_exercise_stands_on_one_page_in_the_order_of_its_declaration():
    placed = [name for page in PAGES for name in page.exercises]
    assert sorted(placed) == sorted(ALL) and len(placed) == len(set(placed))
    for page in PAGES:
        assert list(page.exercises) == [name for name in ALL if name in page.exercises]


@pytest.mark.parametrize("exercise", ALL.values(), ids=lambda e: e.id)
def test_exercise_is_taught_where_it_says(site, exercise):
    page, anchor = exercise.teaches.split("#")
    assert page == PLACE[exercise.id]
    section = parsed(site / f"{page}.html").find(id=anchor)
    assert section is not None, f"{page} has no section {anchor}"
    assert section.select_one(f'[data-exercise="{exercise.id}"]'), f"{exercise.id} does not stand in {anchor}"


@pytest.mark.parametrize("name", ALL)
def test_exercise_has_a_hint_and_can_be_read_without_a_script(site, name):
    node, exercise = on_page(site, name), ALL[name]
    assert node.select(".gf-hint p")
    text = " ".join(node.get_text().split())
    if isinstance(exercise, Code):
        assert f"glassformer check {name} my.py" in text and node.select(".gf-starter pre")
    if isinstance(exercise, Quiz):
        for option in exercise.options:
            assert option.text in text and option.reason in text
    if isinstance(exercise, Words):
        assert exercise.model in text
    if not isinstance(exercise, Code):
        data = node.select_one("script.gf-data").string
        assert json.loads(data) == json.loads(json.dumps(declaration(exercise)))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_exercise_in_code_has_a_solution_that_passes(page):
    solved = {}
    for solution in page.solutions:
        verdict = check(solution.exercise, solution.source)
        assert verdict.passed, str(verdict)
        solved[solution.exercise] = solution
    assert set(solved) == {name for name in page.exercises if isinstance(ALL[name], Code)}


@pytest.mark.parametrize("name", [n for n, e in ALL.items() if isinstance(e, Code)])
def test_the_starter_is_python_and_no_answer_yet(site, name):
    verdict = check(name, on_page(site, name).select_one(".gf-starter pre").get_text())
    assert not verdict.passed and "is not Python" not in str(verdict) and not verdict.mistake


@pytest.mark.parametrize(
    ("document", "times"), [("nn_intro", 1), ("mlp_intro", 1), ("rnn_intro", 1), ("transformers", 2)]
)
def test_a_document_has_exercises_of_every_type(document, times):
    kinds = Counter(type(ALL[name]) for name in exercises_on(document))
    for kind, least in {Code: 3, Number: 2, Quiz: 2, Words: 1}.items():
        assert kinds[kind] >= least * times, (document, kind, kinds[kind])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_outcome_names_exercises_and_every_exercise_an_outcome(site, page):
    soup = parsed(site / f"{page.name}.html")
    named = []
    for item in soup.select("li.task-list-item"):
        links = [a["href"][1:] for a in item.select('a[href^="#exercise-"]')]
        assert links, item.get_text()
        named += [soup.find(id=link)["data-exercise"] for link in links]
    assert sorted(named) == sorted(page.exercises)


def test_beginner_milestones_need_no_code():
    guide = load(guide_folder())
    for milestone in guide.path("beginner").milestones:
        assert not any(isinstance(ALL[name], Code) for name in milestone.by)
    needed = {name for path in guide.paths for milestone in path.milestones for name in milestone.by}
    extra = {name for name, exercise in ALL.items() if isinstance(exercise, Code)}
    assert needed | extra == set(ALL), "every exercise earns something, or is extra practice in code"


def test_the_home_page_leads_to_the_exercises(site):
    soup = parsed(site / "index.html")
    guide = load(guide_folder())
    marks = [item["data-mark"] for item in soup.select(".gf-milestones > li")]
    assert marks == [milestone.mark for path in guide.paths for milestone in path.milestones]
    assert len(soup.select(".gf-milestones a")) == sum(len(m.by) for path in guide.paths for m in path.milestones)


def test_what_is_wrong_in_a_page_is_named():
    with pytest.raises(PageError, match=r"page\.md:3: an exercise needs an `:id:`"):
        find_exercises("# Page\n\n````{exercise} Title\nText\n````\n", "page")
    with pytest.raises(PageError, match=r"page\.md:1: a solution stands behind its exercise"):
        find_exercises("```python solution\nx = 1\n```\n", "page")


def test_a_solution_is_no_cell_and_its_number_is_computed():
    for page in PAGES:
        sources = [cell.source for cell in page.cells]
        for solution in page.solutions:
            assert solution.source.rstrip("\n") not in sources
    for page in PAGES:
        text = (guide_folder() / f"{page.name}.md").read_text("utf-8")
        assert len(re.findall(r"^<details><summary>Solution</summary>$", text, re.M)) == sum(
            isinstance(ALL[name], Code | Number) for name in page.exercises
        )
