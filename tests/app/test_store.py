import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.app.book.source import Page, split
from glassformer.app.book.store import Record, Run, differences, load, prune, same_number, same_text, save

PAGE = Page("page", tuple(split("```python\na\n```\n\n```python varies\nb\n```\n", "page")))
SVG = "<svg>\n <path/>\n</svg>"


def a_run() -> Run:
    first, second = PAGE.cells
    figure = {"figure": SVG, "alt": "A line.", "data": [{"words": ["x"], "lines": [[0.0, 1.0, 2.5]]}]}
    widget = {"widget": "perceptron", "alt": "It.", "state": {"w": [0.3]}, "still": SVG}
    return Run(
        "page",
        [
            Record(
                first.id,
                first.digest,
                [{"text": ["z = 1.9", "done"]}, figure, widget, {"text": ["tensor([ 6.,  1.])", "[1,  2]"]}],
            ),
            Record(second.id, second.digest, [{"text": ["12.0 s"]}]),
        ],
        [("f'{z}'", "1.9")],
    )


def test_saved_is_loaded(tmp_path):
    size = save(a_run(), tmp_path)
    assert load("page", tmp_path) == a_run()
    assert (
        size == sum(f.stat().st_size for f in tmp_path.rglob("*") if f.is_file()) - 2
    )  # a last newline for each picture
    assert (tmp_path / "page" / "0-1-1.svg").read_text() == SVG + "\n"


def test_a_second_save_leaves_no_old_picture(tmp_path):
    save(a_run(), tmp_path)
    run = a_run()
    run.records[0].outputs = []
    save(run, tmp_path)
    assert not (tmp_path / "page").exists()


def test_pages_in_a_folder_of_the_same_name_are_left_alone(tmp_path):
    inside = a_run()
    inside.page = "page/inside"
    save(inside, tmp_path)
    save(a_run(), tmp_path)
    assert load("page/inside", tmp_path) == inside and load("page", tmp_path) == a_run()


def test_what_is_large_in_a_state_is_kept_once_for_all_pages(tmp_path):
    large = {"attention": ["a" * 60_000], "layers": 3}
    runs = [Run(name, [Record("0-1", "d", [{"widget": "w", "alt": "a", "state": {"data": large, "at": place}}])])
            for place, name in enumerate(("one", "folder/two"))]  # fmt: skip
    sizes = [save(run, tmp_path) for run in runs]
    assert [load(run.page, tmp_path) for run in runs] == runs and max(sizes) < 1_000
    (kept,) = (tmp_path / "shared").iterdir()
    prune(tmp_path)
    assert kept.exists()
    runs[0].records, runs[1].records = [], []
    for run in runs:
        save(run, tmp_path)
    prune(tmp_path)
    assert not kept.exists()


def test_page_without_outputs_is_empty(tmp_path):
    assert load("never", tmp_path) == Run("never")


def test_limits(tmp_path):
    run = a_run()
    run.records[0].outputs[1]["figure"] = "x" * 100_001
    with pytest.raises(ValueError, match=r"0-1-1\.svg has 100,001 bytes"):
        save(run, tmp_path)
    run = a_run()
    run.records[0].outputs[0]["text"] = ["x" * 300_000]
    with pytest.raises(ValueError, match="at most 300,000 a page"):
        save(run, tmp_path)
    assert not list(tmp_path.iterdir())


def changed(change) -> list[str]:
    run = copy.deepcopy(a_run())
    change(run)
    return differences(PAGE, a_run(), run)


def test_the_same_run_follows():
    assert changed(lambda run: None) == []


CHANGES = {
    "number": lambda run: run.records[0].outputs[0].update(text=["z = 1.91", "done"]),
    "word": lambda run: run.records[0].outputs[0].update(text=["z = 1.9", "gone"]),
    "line more": lambda run: run.records[0].outputs[0].update(text=["z = 1.9", "done", ""]),
    "output less": lambda run: run.records[0].outputs.pop(),
    "figure data": lambda run: run.records[0].outputs[1]["data"][0].update(lines=[[0.0, 1.0, 2.6]]),
    "figure words": lambda run: run.records[0].outputs[1]["data"][0].update(words=["y"]),
    "alternative text": lambda run: run.records[0].outputs[1].update(alt="Another line."),
    "widget state": lambda run: run.records[0].outputs[2]["state"].update(w=[0.4]),
    "code": lambda run: setattr(run.records[0], "digest", "0" * 12),
    "eval value": lambda run: run.evals.__setitem__(0, ("f'{z}'", "2.0")),
    "eval expression": lambda run: run.evals.__setitem__(0, ("other", "1.9")),
    "kind of a varying output": lambda run: run.records[1].outputs.append({"html": ["x"]}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_found(name):
    found = changed(CHANGES[name])
    assert len(found) == 1 and "page" in found[0]


def test_what_may_differ():
    assert changed(lambda run: run.records[0].outputs[0].update(text=["z = 1.9001", "done"])) == []
    assert changed(lambda run: run.records[0].outputs[1].update(figure="<svg/>")) == []  # drawn otherwise, same data
    assert changed(lambda run: run.records[1].outputs[0].update(text=["99 s"])) == []  # tagged varies


@given(st.floats(1e-3, 1e6), st.floats(-3e-3, 3e-3))  # a thousandth of less is float32's rounding
def test_numbers_agree_to_a_thousandth(x, relative):
    if abs(abs(relative) - 1e-3) > 1e-5:  # away from the edge, where rounding decides
        assert same_number(x, x * (1 + relative)) == (abs(relative) < 1e-3)


@given(st.text(alphabet="ab 12.-e", max_size=20))
def test_a_text_equals_itself(text):
    assert same_text(text, text)


def test_stored_file_reads_well_in_a_diff(tmp_path):
    save(a_run(), tmp_path)
    text = (tmp_path / "page.json").read_text()
    assert "[ 0.0, 1.0, 2.5 ]" in text and '"z = 1.9",\n' in text
    json.loads(text)
