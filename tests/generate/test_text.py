"""From text to text: stop strings wherever tokens cut them, characters of several tokens, and what is counted."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from glassformer.generate.decode import complete
from glassformer.generate.sampling import Sampling
from glassformer.generate.text import Statistics, StopStrings, stream
from tests.generate.tiny import make, numbers, slow_greedy, source


class Pieces:
    """A tokenizer whose token i is ``pieces[i]``, bytes."""

    def __init__(self, pieces: list[bytes], eos: int | None = None) -> None:
        self.pieces, self.eos = pieces, eos

    def encode(self, text: str) -> list[int]:
        return [self.pieces.index(character.encode()) for character in text]

    def decode(self, ids: list[int]) -> str:
        return b"".join(self.pieces[id] for id in ids).decode("utf-8", "replace")

    def stream(self) -> "Characters":
        return Characters(self.pieces)


class Characters:
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces, self.rest = pieces, b""

    def push(self, id: int) -> str:
        self.rest += self.pieces[id]
        for keep in range(4):
            whole = self.rest[: len(self.rest) - keep]
            try:
                text = whole.decode("utf-8")
            except UnicodeDecodeError:
                continue
            self.rest = self.rest[len(whole) :]
            return text
        return ""

    def end(self) -> str:
        return self.rest.decode("utf-8", "replace")


LETTERS = Pieces([b"a", b"b", b"ab", b"\n", b"\n\n", b"a\n", b"c", b"bc", b"\xc3", b"\xa9", b" ", b"User", b":"])


class Scripted(torch.nn.Module):
    """A model that says what it is told to, whatever it reads."""

    context = None

    def __init__(self, script: list[int]) -> None:
        super().__init__()
        self.base = make("gpt2")
        self.embed, self.script = self.base.embed, iter(script)

    def hidden(self, *args: object, **rest: object) -> Tensor:
        return self.base.hidden(*args, **rest)

    def logits(self, hidden: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(torch.tensor([[next(self.script)]]), 13).float()

    def new_state(self, batch: int, max_len: int) -> object:
        return self.base.new_state(batch, max_len)


def first_stop(text: str, stops: list[str]) -> str:
    """The text up to the stop string that ends first; of those, the longest. One character at a time."""
    for end in range(len(text) + 1):
        for stop in sorted(stops, key=len, reverse=True):
            if text[:end].endswith(stop):
                return text[: end - len(stop)]
    return text


@given(
    st.text("ab", max_size=30),
    st.lists(st.text("ab", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(0, 30), max_size=6),
)
def test_stop_strings_cut_at_the_same_place_however_the_text_comes(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    filter_, told = StopStrings(stops), ""
    for start, end in itertools.pairwise(places):
        told += filter_.push(text[start:end])
        seen = text[:end]
        assert first_stop(text, stops).startswith(told)
        if not filter_.stopped:  # no more is held back than could become a stop string
            held = seen[len(told) :]
            assert not held or any(stop.startswith(held) for stop in stops)
    told += filter_.end()
    assert told == first_stop(text, stops)
    assert filter_.stopped == any(stop in text for stop in stops)
    assert not any(stop in told for stop in stops)


def test_of_stop_strings_that_end_together_the_longest_counts() -> None:
    for stops in (["b", "aab", "ab"], ["aab", "ab", "b"]):
        assert StopStrings(stops).push("caab") == "c"
    assert StopStrings(["bc", "abcd"]).push("abcd") == "a"  # "bc" is complete first


def test_a_stop_string_may_span_tokens() -> None:
    # "a", "b", "\n", "\n", "c": the two newlines are one stop string
    pieces = list(stream(Scripted([0, 1, 3, 3, 6]), LETTERS, "a", max_new=5, stop=("\n\n",)))
    assert pieces == ["a", "b"]
    # one newline alone is text, and comes as soon as that is certain
    pieces = list(stream(Scripted([0, 3, 6, 3]), LETTERS, "a", max_new=4, stop=("\n\n",)))
    assert pieces == ["a", "\nc", "\n"]
    # a token that ends one stop string and holds more
    pieces = list(stream(Scripted([0, 5, 4, 6]), LETTERS, "a", max_new=4, stop=("\n\n",)))
    assert pieces == ["a", "a"]
    pieces = list(stream(Scripted([6, 3, 11, 12, 6]), LETTERS, "a", max_new=5, stop=("\nUser:", "ab")))
    assert pieces == ["c"]


def test_only_new_text_counts() -> None:
    assert "".join(stream(Scripted([3, 6]), LETTERS, "a\n", max_new=2, stop=("\n\n",))) == "\nc"


def test_it_stops_reading_when_it_stops() -> None:
    script = Scripted([0, 3, 3, 6, 6])
    assert "".join(stream(script, LETTERS, "a", max_new=5, stop=("\n\n",))) == "a"
    assert next(script.script) == 6  # the fourth token was never asked for


def test_characters_of_several_tokens() -> None:
    assert list(stream(Scripted([0, 8, 9, 1]), LETTERS, "a", max_new=4)) == ["a", "é", "b"]
    assert list(stream(Scripted([0, 8, 9, 1]), LETTERS, "a", max_new=4, stop=("é",))) == ["a"]
    assert list(stream(Scripted([0, 8]), LETTERS, "a", max_new=2)) == ["a", "�"]  # cut off by max_new
    assert "".join(stream(Scripted([3, 8]), LETTERS, "a", max_new=2, stop=("\n\n",))) == "\n�"
    assert "".join(stream(Scripted([0, 3, 8]), LETTERS, "a", max_new=3, stop=("\n�",))) == "a"


def test_the_end_of_text_is_no_text() -> None:
    ending = Pieces(LETTERS.pieces, eos=6)
    statistics = Statistics()
    assert (
        "".join(stream(Scripted([0, 3, 6, 0]), ending, "a", max_new=4, stop=("\n\n",), statistics=statistics)) == "a\n"
    )
    assert statistics.new_tokens == 3 and statistics.prompt_tokens == 1
    assert statistics.prompt_seconds > 0 and statistics.new_seconds > 0
    assert statistics.new_rate == 2 / statistics.new_seconds
    assert statistics.prompt_rate == 1 / statistics.prompt_seconds
    assert Statistics().new_rate == Statistics().prompt_rate == 0


def test_the_text_of_the_tokens() -> None:
    model = make("llama")
    prompt = numbers(1, 4)
    told = "".join(stream(model, LETTERS, prompt[0].tolist(), max_new=20, chunk=3))
    assert told == LETTERS.decode(slow_greedy(model, prompt, None, 20)[0].tolist())
    sampling = Sampling(1.3)
    drawn = "".join(
        stream(model, LETTERS, "ab", max_new=20, sampling=sampling, generator=torch.Generator().manual_seed(3))
    )
    ids = complete(
        model, torch.tensor([[0, 1]]), max_new=20, sampling=sampling, generator=torch.Generator().manual_seed(3)
    )
    assert drawn == LETTERS.decode(ids[0].tolist())
    translator = make("encoder-decoder")
    memory = source(translator, 1)
    told = "".join(stream(translator, LETTERS, [0], max_new=9, memory=memory))
    assert told == LETTERS.decode(slow_greedy(translator, torch.tensor([[0]]), memory, 9)[0].tolist())


def test_bad_input_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"^prompt must have at least one token, but '' has none\.$"):
        stream(make("gpt2"), LETTERS, "", max_new=1)
    with pytest.raises(ValueError, match=r"^stop must not have the empty string"):
        stream(make("gpt2"), LETTERS, "a", max_new=1, stop=("",))
    with pytest.raises(ValueError, match=r"^stop must be a sequence of strings, such as \('ab',\), not one string\.$"):
        stream(make("gpt2"), LETTERS, "a", max_new=1, stop="ab")
    with pytest.raises(ValueError, match=r"^max_new must be at least 1, not 0\.$"):
        stream(make("gpt2"), LETTERS, "a", max_new=0)
