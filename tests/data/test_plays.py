import doctest
import re
import subprocess
import sys
from collections import Counter

import pytest
import torch

from glassformer.data import plays as module
from glassformer.data.plays import Play, encode, plays, vocabulary, words

PASSAGES = [passage for play in plays() for passage in play.passages]
TINY = (
    Play("A", "comedy", ("O merry love", "merry merry wit")),
    Play("B", "tragedy", ("O death", "O love")),
    Play("C", "tragedy", ("O blood, o Death",)),
)


def test_fourteen_comedies_and_eleven_tragedies():
    assert Counter(play.kind for play in plays()) == {"comedy": 14, "tragedy": 11}
    assert len({play.title for play in plays()}) == 25
    assert min(len(play.passages) for play in plays()) >= 150


def test_enough_passages_of_a_fair_length():
    assert len(PASSAGES) >= 5000
    lengths = [len(passage.split()) for passage in PASSAGES]
    assert min(lengths) >= 45  # half of what makes a passage full: what is shorter was dropped
    assert max(lengths) <= 107  # the line that fills a passage is the last; a line of prose is long
    assert sum(lengths) / len(lengths) == pytest.approx(93, abs=3)


def test_no_two_passages_are_equal():
    assert len({" ".join(words(passage)) for passage in PASSAGES}) == len(PASSAGES)


def test_no_stage_directions():
    assert not [p for p in PASSAGES if re.search(r"[][{}<>_@*|]|\b(Exit|Exeunt|Re-enter)\b|\bAside\.|\bEnter [A-Z]", p)]


def test_no_names_of_speakers():
    # In the sources a name stands in capitals, or short with a point, or numbered: HAMLET. Ham. 1 Clown.
    # Capitals are left where a letter that is read out is signed, or begins.
    signed = "JOHN FALSTAFF DON ADRIANO ARMADO YOU BERTRAM DIANA CAPULET HAMLET EDGAR LEONATUS"
    assert {w for p in PASSAGES for w in re.findall(r"\b[A-Z]{3,}\b", p)} <= set(signed.split())
    assert not [p for p in PASSAGES if re.search(r"\d [A-Z][a-z]+\.", p)]
    short = (
        r"\b(Ham|Hor|Pol|Ros|Guil|Macb|Rom|Jul|Ben|Mer|Tyb|Nurse|Kent|Glou|Edg|Edm|Gon|Reg|Corn|Alb|Osw|Lear)\. [A-Z]"
    )
    found = [re.search(short, p)[0] for p in PASSAGES if re.search(short, p)]
    assert found == ["Kent. P"]  # the end of a sentence, and the next one


@pytest.mark.parametrize(
    "word", ["gutenberg", "copyright", "etext", "ebook", "trademark", "licence", "www", "ascii", "edition", "persons"]
)
def test_nothing_of_a_publisher(word):
    # "licence", "edition" and "persons" are words of Shakespeare's as well.
    found = [p for p in PASSAGES if word in words(p)]
    assert len(found) <= {"licence": 2, "edition": 1, "persons": 12}.get(word, 0), found


def test_the_first_words_are_the_play_s():
    first = {play.title: play.passages[0] for play in plays()}
    assert first["Hamlet"].startswith("Who's there? Nay, answer me: stand, and unfold yourself.")
    assert first["Twelfth Night"].startswith("If music be the food of love, play on,")
    assert first["Macbeth"].startswith("When shall we three meet again?")


def test_words():
    assert doctest.testmod(module).attempted == 1
    assert doctest.testmod(module).failed == 0
    assert words("'O!' -- quoth  he:\nwe'll th' end") == ["o", "quoth", "he", "we'll", "th", "end"]
    assert words("1603 --") == []


def test_vocabulary_counts_plays_and_orders_by_them():
    assert vocabulary(TINY, in_plays=1) == {"o": 1, "death": 2, "love": 3, "blood": 4, "merry": 5, "wit": 6}
    assert vocabulary(TINY) == {"o": 1, "death": 2, "love": 3}  # merry: three times, but in one play
    assert vocabulary(reversed(TINY)) == vocabulary(TINY)
    assert vocabulary([]) == {}


def test_vocabulary_is_from_the_chosen_plays_only():
    chosen = plays()[::2]
    numbers = vocabulary(chosen, in_plays=2)
    for word in ("hamlet", "ophelia", "malvolio", "shylock"):
        there = sum(any(word in words(p) for p in play.passages) for play in chosen)
        assert (word in numbers) == (there >= 2)
    told = {word for play in chosen for passage in play.passages for word in words(passage)}
    assert set(numbers) <= told
    assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))


def test_the_order_of_the_vocabulary_is_the_same_in_every_process():
    program = "from glassformer.data.plays import plays, vocabulary; print(list(vocabulary(plays()[:3], 3)))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


@pytest.mark.parametrize("in_plays", [0, -1])
def test_bad_in_plays(in_plays):
    with pytest.raises(ValueError, match=rf"in_plays must be at least 1, not {in_plays}\."):
        vocabulary(TINY, in_plays)


def test_encode_and_back():
    numbers = vocabulary(plays(), in_plays=1)
    word_of = {number: word for word, number in numbers.items()}
    some = PASSAGES[::97]
    ids = encode(some, numbers)
    assert ids.dtype == torch.int64
    assert ids.shape == (len(some), max(len(words(p)) for p in some))
    assert [[word_of[i] for i in row if i] for row in ids.tolist()] == [words(p) for p in some]


def test_encode_skips_unknown_words_and_fills_up():
    numbers = vocabulary(TINY)
    assert encode(["O sweet love!", "wit", "death"], numbers).tolist() == [[1, 3], [0, 0], [2, 0]]
    assert encode(["wit"], numbers).shape == (1, 0)
    assert encode([], numbers).shape == (0, 0)


def test_reading_needs_no_pytorch_and_is_quick():
    program = (
        "import sys, time; from glassformer.data.plays import plays; began = time.process_time(); plays();"
        "print(time.process_time() - began); assert 'torch' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 0.5  # 0.1 s of computing here; the rest is for slower machines
