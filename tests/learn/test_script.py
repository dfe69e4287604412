"""The page's script gives the same verdicts as the library: V8 runs it here, without a browser."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_mini_racer import MiniRacer

import glassformer.app.book
from glassformer.app.book.exercises import declaration
from glassformer.learn.answers import check_number
from glassformer.learn.check import check
from glassformer.learn.exercise import Code, Number, Quiz, Words
from glassformer.learn.exercises import exercises

OPEN = [e for e in exercises().values() if not isinstance(e, Code)]
SCRIPT = Path(glassformer.app.book.__file__).parent / "static" / "learn.js"


@pytest.fixture(scope="module")
def script():
    text = SCRIPT.read_text("utf-8")
    checks = text.split("// ---- Where progress is kept")[0].replace("export const check", "globalThis.check")
    assert checks.count("globalThis.check") == 1
    engine = MiniRacer()
    engine.eval("const document = {querySelector() {}};" + checks)
    return lambda exercise, answer: json.loads(
        engine.eval(f"JSON.stringify(check({json.dumps(declaration(exercise))}, {json.dumps(answer)}))")
    )


def agree(script, exercise, answer):
    ours, theirs = check(exercise.id, answer), script(exercise, answer)
    assert (ours.passed, list(ours.sentences), ours.mistake) == (
        theirs["passed"],
        theirs["sentences"],
        theirs["mistake"],
    ), answer


@pytest.mark.parametrize("exercise", [e for e in OPEN if isinstance(e, Number)], ids=lambda e: e.id)
def test_numbers(script, exercise):
    right = exercise.answer
    values = [right, *exercise.mistakes.values(), right * 1.5, -right, 0, right + exercise.tolerance, 1e6, 123456.789]
    for value in values:
        for form in ("{:.4f}", "{:.6g}", " {:.3f} ", "{:e}"):
            agree(script, exercise, form.format(value))
    for text in (
        "",
        "  ",
        "many",
        "1.2.3",
        "−0,6",
        "3 parsec",
        f"0.6{exercise.unit}",
        "+.5",
        "5.",
        "1e",
        "0x1",
        "٣",
        "z = 0.6",
        "- 3.9",
        "–3.9",
        "3/5",
        "65 percent",
    ):
        agree(script, exercise, text)


@given(text=st.text(alphabet="0123456789.,+-−e %x", max_size=9))
def test_any_text_gets_the_same_verdict(script, text):
    for exercise in OPEN:
        if isinstance(exercise, Number):
            agree(script, exercise, text)


@given(value=st.floats(-1e5, 1e5))
def test_units(script, value):
    metres = Number("nn.metres", "", 1.5, 0.01, {"m": 2.0}, unit="m", units={"cm": 0.01, "km": 1000.0})
    for unit in ("", "m", " cm", "km", "mm"):
        ours, theirs = check_number(metres, f"{value:.5f}{unit}"), script(metres, f"{value:.5f}{unit}")
        assert (ours.passed, list(ours.sentences)) == (theirs["passed"], theirs["sentences"])


@pytest.mark.parametrize("exercise", [e for e in OPEN if isinstance(e, Quiz)], ids=lambda e: e.id)
def test_quizzes(script, exercise):
    for answer in ("", "0", "1", "2", "3", "4", "5", " 2 ", "-1", "a", "1.0", "²", "٢"):
        agree(script, exercise, answer)


@pytest.mark.parametrize("exercise", [e for e in OPEN if isinstance(e, Words)], ids=lambda e: e.id)
def test_words(script, exercise):
    for text in ("", "too short", exercise.model, "a b c d e f g", "a b c d e f g h"):
        for points in ([], [0], [0, 1, 2], [2, 1, 0]):
            agree(script, exercise, {"text": text, "points": points})
