"""Every exercise: the reference passes, each mistake fails and is named, other ways to be right pass."""

import os
import random
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from glassformer.learn.check import check, check_code
from glassformer.learn.child import run
from glassformer.learn.exercise import Code, Number, Quiz, Words
from glassformer.learn.exercises import exercises, find
from tests.learn.wrong import RIGHT, WRONG

ALL = exercises()
CODE = [e for e in ALL.values() if isinstance(e, Code)]
NUMBERS = [e for e in ALL.values() if isinstance(e, Number)]


def as_source(exercise: Code, module: str) -> str:
    return f"from {module} import answer\n{exercise.function} = answer"


@pytest.mark.parametrize("exercise", CODE, ids=lambda e: e.id)
def test_reference_passes_and_each_mistake_is_named(exercise, monkeypatch):
    import sys
    import types

    stand_in = types.ModuleType("stand_in")
    monkeypatch.setitem(sys.modules, "stand_in", stand_in)
    stand_in.answer = exercise.reference
    assert run(exercise, as_source(exercise, "stand_in"))["passed"]
    for mistake, function in exercise.mistakes.items():
        stand_in.answer = function
        verdict = run(exercise, as_source(exercise, "stand_in"))
        assert not verdict["passed"]
        assert verdict["mistake"] == mistake


@pytest.mark.parametrize("exercise", CODE, ids=lambda e: e.id)
def test_mistakes_as_people_write_them_are_named(exercise):
    assert len(WRONG[exercise.id]) == len(exercise.mistakes)
    for begins, source in WRONG[exercise.id].items():
        assert run(exercise, source)["mistake"].startswith(begins), source


@pytest.mark.parametrize("name", [e.id for e in CODE])
def test_right_answers_in_other_words_pass(name):
    assert len(RIGHT[name]) >= 2
    assert check(name, RIGHT[name][0]).passed  # in a process of its own, as for readers
    for source in RIGHT[name][1:]:
        assert run(find(name), source)["passed"], source


@pytest.mark.parametrize("exercise", NUMBERS, ids=lambda e: e.id)
def test_numbers(exercise):
    assert check(exercise.id, repr(exercise.answer)).passed
    assert check(exercise.id, f"{exercise.answer + 0.9 * exercise.tolerance} {exercise.unit}").passed
    assert not check(exercise.id, repr(exercise.answer + 1.1 * exercise.tolerance)).passed
    for mistake, value in exercise.mistakes.items():
        verdict = check(exercise.id, f"{value:.4f}")
        assert not verdict.passed and verdict.mistake == mistake
    assert "is not a number" in str(check(exercise.id, "many"))
    assert "does not belong here" in str(check(exercise.id, "3 parsec"))


@pytest.mark.parametrize("exercise", [e for e in ALL.values() if isinstance(e, Quiz)], ids=lambda e: e.id)
def test_quizzes(exercise):
    assert sum(option.right for option in exercise.options) == 1
    assert len({option.reason for option in exercise.options}) == len(exercise.options)
    for number, option in enumerate(exercise.options, 1):
        verdict = check(exercise.id, number)
        assert verdict.passed == option.right and verdict.sentences == (option.reason,)
    assert "Choose one" in str(check(exercise.id, "9"))


@pytest.mark.parametrize("exercise", [e for e in ALL.values() if isinstance(e, Words)], ids=lambda e: e.id)
def test_words(exercise):
    every = list(range(len(exercise.points)))
    assert check(exercise.id, {"text": exercise.model, "points": every}).passed
    assert not check(exercise.id, {"text": exercise.model, "points": every[1:]}).passed
    assert not check(exercise.id, {"text": "too short", "points": every}).passed


def test_what_fails_on_some_inputs_is_named_and_says_how_it_failed():
    turned = check("nn.layer", "def layer(x, W, b):\n    return torch.relu(x @ W.T + b)")
    assert turned.mistake.startswith("The table of weights is turned")
    assert turned.sentences[0] == turned.mistake and "layer failed. Line 2: RuntimeError: " in turned.sentences[1]
    sometimes = check("nn.layer", "def layer(x, W, b):\n    return torch.relu((x @ W)[6] + b)")  # row 6 of 7, or of 4
    assert not sometimes.mistake and "layer failed. Line 2: IndexError: " in str(sometimes)


def test_what_fails_on_every_input_has_no_name():
    verdict = check("nn.descend", "def descend(slope, x, rate, steps):\n    return x - rate * slope")
    assert not verdict.mistake
    assert "Line 2: TypeError: slope is a function. Write where you want the slope" in str(verdict)
    assert len(verdict.sentences) == 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def count_words(text, vocabulary:\n    pass", "Line 1 is not Python yet"),
        ("def count_words(text):\n    return []", "is called with 2 arguments, text, vocabulary"),
        ("def count_word(text, vocabulary):\n    return []", "defines no function count_words"),
        ("def count_words(text, vocabulary):\n    ...", "gives nothing back"),
        ("def count_words(text, vocabulary):\n    return reviews", "The check sees this code alone"),
        ("def count_words(text, vocabulary):\n    return {1: 2}", "gives back a dict"),
        ("def count_words(text, vocabulary):\n    return [10**400]", "gives back a list that cannot be read"),
        ("def count_words(text, vocabulary):\n    a = []\n    a.append(a)\n    return a", "that cannot be read"),
        ("def count_words(text, vocabulary):\n    return ...", "The three dots are still there."),
        ("def count_words(text, vocabulary):\n    return [0] * 3", "a list of 3, and a list of 7 are wanted"),
        ("def count_words(text, vocabulary):\n    return [9] * 7", "The input was: "),
        ("import sys\nsys.exit(3)", "Your code failed before count_words was called. Line 2: SystemExit: 3"),
        ("import os\nos._exit(3)", "ended without an answer (status 3)"),
        ("def count_words(text, vocabulary):\n    return [5] * 7", "none of the mistakes that are known"),
        ("x = 1\0", "is not Python yet"),
    ],
)
def test_bad_answers_get_one_clear_sentence(source, said):
    verdict = check("nn.bag-of-words", source)
    assert not verdict.passed
    assert said in str(verdict)


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "any(iter(int, 1))", "while True: print('more')"],
    ids=["a loop in Python", "a loop in C", "printing without end"],
)
def test_what_never_ends_is_stopped(body):
    exercise = find("nn.bag-of-words")
    assert isinstance(exercise, Code)
    verdict = check_code(exercise, f"def count_words(text, vocabulary):\n    {body}", seconds=1.0)
    assert "did not finish within 1 seconds" in str(verdict)


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGKILL nor fork")
def test_a_check_that_is_killed_leaves_nothing_running(tmp_path):
    """The time limit is the parent's; if that is killed, the child must end by itself."""
    note, answer = tmp_path / "pid", tmp_path / "answer.py"
    answer.write_text(f"import os\nopen({str(note)!r}, 'w').write(str(os.getpid()))\nwhile True: pass\n")
    command = [sys.executable, "-m", "glassformer.cli", "check", "nn.bag-of-words", str(answer)]
    parent = subprocess.Popen(command, env={**os.environ, "GLASSFORMER_HOME": str(tmp_path)})
    while not (note.exists() and note.read_text()):
        assert parent.poll() is None
    parent.kill()
    parent.wait()
    psutil.Process(int(note.read_text())).wait(timeout=60)


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGKILL nor fork")
def test_what_an_answer_leaves_behind_is_ended_and_delays_nothing(tmp_path):
    left = tmp_path / "pid"
    source = (
        f"import os, time\nnote = {str(left)!r}\nif os.fork() == 0:\n    open(note, 'w').write(str(os.getpid()))\n"
        "    time.sleep(600)\nwhile not os.path.exists(note) or not open(note).read(): pass\nos._exit(3)"
    )
    assert "ended without an answer (status 3)" in str(check("nn.bag-of-words", source))
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(left.read_text())).wait(timeout=30)


def test_what_is_printed_is_shown_up_to_a_limit():
    verdict = check("nn.bag-of-words", "print('x' * 10_000_000)\ndef count_words(text, vocabulary):\n    return []")
    assert 1000 < len(verdict.printed) <= 2000


def test_inputs_differ_from_seed_to_seed_and_repeat_for_a_seed():
    for exercise in CODE:
        shown = [repr(exercise.inputs(random.Random(seed))) for seed in (0, 1, 0)]
        assert shown[0] == shown[2] != shown[1]


def test_an_unknown_exercise_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"Did you mean nn\.neuron\?"):
        find("nn.neurone")


def test_exercises_without_tensors_answer_without_pytorch():
    began = time.perf_counter()
    check("nn.neuron", RIGHT["nn.neuron"][0])
    with_tensors = time.perf_counter() - began
    began = time.perf_counter()
    check("nn.bag-of-words", RIGHT["nn.bag-of-words"][0])
    assert time.perf_counter() - began < with_tensors
