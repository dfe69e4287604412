"""One token a character in the library's form: the ids of the readable one, saved for a model that is published."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.tokenize import CharTokenizer, Tokenizer
from glassformer.train.data import fingerprint

# Half a surrogate pair is no text. All else may be a token: line ends, NUL, marks that combine, what casing changes.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
HARD = "\r\n \0\t\u2028\u0301e\u200dİßΣ👩🏽‍🚀▁Ġ#"


def letters(text: str) -> str:
    return CharTokenizer.train(text).characters


@given(text=TEXT)
def test_ids_are_those_of_the_readable_one_and_any_text_comes_back(text: str) -> None:
    readable, fast = CharTokenizer.train(text), Tokenizer.from_characters(letters(text))
    ids = fast.encode(text)
    assert ids == readable.encode(text) and fast.decode(ids) == readable.decode(ids) == text
    assert fast.vocab == readable.vocab and fast.pieces(range(fast.vocab)) == list(readable.characters)


def test_ids_are_the_places_in_the_order_given() -> None:
    assert Tokenizer.from_characters("cab").encode("abc") == [1, 2, 0]


def test_nothing_is_added_and_no_token_is_special() -> None:
    made = Tokenizer.from_characters("[CLS]>")
    assert (made.bos, made.eos, made.pad, made.special) == (None, None, None, {})
    for parse_special in (True, False):
        assert made.encode("[CLS]", parse_special=parse_special) == [0, 1, 2, 3, 4]
    assert made.encode("") == [] and made.decode([]) == ""


@pytest.mark.parametrize("text", [HARD, "to be, or not to be"])
def test_saved_it_is_the_same(tmp_path: Path, text: str) -> None:
    made = Tokenizer.from_characters(letters(text))
    made.save(tmp_path)
    again = Tokenizer.from_file(tmp_path)
    assert again.encode(text) == made.encode(text) and again.decode(made.encode(text)) == text
    assert fingerprint(again) == fingerprint(made)


@pytest.mark.reference
def test_the_reference_library_reads_what_was_saved(tmp_path: Path) -> None:
    reason = "needs the reference library: pip install 'glassformer[reference]'"
    transformers = pytest.importorskip("transformers", reason=reason)
    made = Tokenizer.from_characters(letters(HARD))
    made.save(tmp_path)
    reference = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert reference(HARD)["input_ids"] == made.encode(HARD) and reference.decode(made.encode(HARD)) == HARD


def test_another_process_writes_the_same() -> None:
    """The vocabulary is a hash table, whose order changes from process to process; a cache knows it by its text."""
    code = (
        "import sys; from glassformer.tokenize import Tokenizer;"
        "print(Tokenizer.from_characters(sys.argv[1]).core.to_str())"
    )
    characters = letters("to be, or not to be: that is the question")
    done = subprocess.run([sys.executable, "-c", code, characters], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip("\n") == Tokenizer.from_characters(characters).core.to_str()
    assert Tokenizer.from_characters(characters[::-1]).core.to_str() not in done.stdout


def test_batches_and_streams_work_too() -> None:
    made = Tokenizer.from_characters("abc")
    assert made.batch(["abc", "b"]) == ([[0, 1, 2], [1, 0, 0]], [[True] * 3, [True, False, False]])
    stream = made.stream()
    assert [stream.push(number) for number in (2, 0)] == ["c", "a"] and stream.end() == ""


@given(text=TEXT, place=st.integers(0, 30), unknown=st.characters(exclude_categories=["Cs"]))
def test_an_unknown_character_is_named(text: str, place: int, unknown: str) -> None:
    made, wrong = Tokenizer.from_characters(letters(text)), text[:place] + unknown + text[place:]
    if unknown in text:
        assert made.encode(wrong) == CharTokenizer.train(text).encode(wrong)
        return
    sentence = f"text holds {unknown!r}, which is none of the {made.vocab} tokens of the vocabulary."
    for encode in (made.encode, lambda text: made.batch([text]), lambda text: made.pair(text, "")):
        with pytest.raises(ValueError) as error:
            encode(wrong)
        assert str(error.value) == sentence


def test_characters_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match=r"characters must not be empty\."):
        Tokenizer.from_characters("")
    with pytest.raises(ValueError, match="characters must differ, but 'a' is there twice"):
        Tokenizer.from_characters("aba")
    with pytest.raises(ValueError, match="ids must be from 0 to 2, not 3"):
        Tokenizer.from_characters("abc").decode([3])
