"""One token a character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from glassformer.tokenize import CharTokenizer


@given(st.text(min_size=1))
def test_any_text_comes_back_with_the_ids_of_the_library(text: str) -> None:
    ours = CharTokenizer.train(text)
    core = Tokenizer(models.WordLevel({c: i for i, c in enumerate(ours.characters)}, unk_token=ours.characters[0]))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(r"(?m:.)|\n"), "isolated")
    assert ours.encode(text) == core.encode(text).ids
    assert ours.decode(ours.encode(text)) == text
    assert ours.vocab == len(set(text))


def test_ids_follow_unicode() -> None:
    assert CharTokenizer.train(["hall", "o!"]).characters == "!ahlo"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="texts must not be empty"):
        CharTokenizer.train("")
    with pytest.raises(ValueError, match="texts must not be empty"):
        CharTokenizer.train([])
    with pytest.raises(ValueError, match="'a' is there twice"):
        CharTokenizer("aba")
    letters = CharTokenizer("abc")
    with pytest.raises(ValueError, match=r"text holds 'é', which is none of the 3 characters"):
        letters.encode("aé")
    for outside in (3, -1):
        with pytest.raises(ValueError, match=f"from 0 to 2, not {outside}"):
            letters.decode([0, outside])
