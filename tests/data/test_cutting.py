"""The tool that cuts the plays, on a tiny one."""

import importlib.util
from pathlib import Path

import pytest

SPEECH = "thus goes a line of verse that holds but ten"  # words
TEXT = """THE TINY PLAY

by Nobody

PERSONS REPRESENTED.

Ann, a lady.
BOB, her brother.

SCENE: A wood.


ACT I. SCENE I. A wood.

The same, by night.

[Enter ANN, and Bob
with a lamp.]

ANN.
Who comes?

BOB.
A friend, [Aside.] or not.

[He puts the lamp out.]

What lamp? _Sings._ Hey (To ANN aside) ho!

ANN. Speak!

1 Watch.
Stand!

Exeunt ANN and BOB.

ANN.
So, so.
Enter a Messenger.
News? [Exit.

[A noise; they all [weeping] go, and

slowly vanish.] Gone!

SONG

FIRST FAIRY
Lul, lul. @@@

BOB
Enforc&egrave;d!

1 Watch.
{To BOB.] Off!

ANN. Ay, ay!

[Exeunt.]

SCENE II. Another wood.

BOB.
Alone.
"""


@pytest.fixture(scope="module")
def tool():
    path = Path(__file__).parents[2] / "tools" / "plays.py"
    spec = importlib.util.spec_from_file_location("tools_plays", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_only_what_is_spoken_is_kept(tool):
    first, second = tool.scenes(TEXT)
    assert first == [
        "Who comes?",
        "A friend, or not.",
        "What lamp? Hey ho!",  # the speech goes on after a direction
        "Speak!",  # the name stands in the line of the speech
        "Stand!",
        "So, so.",
        "News?",  # the closing bracket was forgotten
        "Gone!",  # the direction goes on over a blank line and holds another
        "Lul, lul.",
        "Enforced!",  # the point after the name is missing
        "Off!",
        "Ay, ay!",
    ]
    assert second == ["Alone."]


def play(*scenes):
    """A play with a scene for each number of ten-word lines."""
    return "".join(f"SCENE I. Here.\n\nBOB.\n{(SPEECH + chr(10)) * lines}\n" for lines in scenes)


@pytest.mark.parametrize(
    ("scenes", "lengths"),
    [
        ([9], [90]),
        ([18], [90, 90]),
        ([13], [90]),  # the rest, 40 words, is too short
        ([14], [90, 50]),
        ([4], []),
        ([5, 5], [50, 50]),  # never across scenes
        ([10, 9], [90, 90]),
    ],
)
def test_passages_are_full_and_keep_to_a_scene(tool, scenes, lengths):
    assert len(SPEECH.split()) == 10
    assert [len(p.split()) for p in tool.passages(play(*scenes))] == lengths


def test_the_plays_of_the_tool_are_those_that_ship(tool):
    from glassformer.data.plays import plays

    listed = [(title, "comedy") for title in tool.COMEDIES.values()]
    listed += [(title, "tragedy") for title in tool.TRAGEDIES.values()]
    assert [(play.title, play.kind) for play in plays()] == listed
