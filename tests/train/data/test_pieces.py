"""Long documents in pieces: the ids of the pieces are those of the whole, for every kind of tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Core
from tokenizers import models, normalizers, pre_tokenizers, processors

from glassformer.data.plays import plays
from glassformer.tokenize import BPE, CharTokenizer, Tokenizer
from glassformer.train.data.pieces import encoder, pieces
from glassformer.train.data.texts import Part

END = "<|endoftext|>"
PLAY = "\n\n".join(plays()[0].passages)[:40_000]
WORDS = {"[UNK]": 0, "to": 1, "be": 2, "or": 3, "not": 4, "##be": 5, ",": 6, "1": 7, "##1": 8}
# What a cut could tear apart: runs of white space, digits, signs, accents, what one library calls white space and
# another does not, and a special token that is written out.
TEXT = st.lists(
    st.sampled_from(["to", "be", "or", " ", "  ", "\n", "\r\n", "\t", ",", "'s", "11", "1", "_", "é", "e\u0301", END])
    | st.sampled_from(["\x1c", "\u2003", "²", "中", "👩🏽‍🚀", "İ"]),
    max_size=60,
).map("".join)


def wordpiece():
    core = Core(models.WordPiece(WORDS, unk_token="[UNK]", max_input_chars_per_word=11))
    core.normalizer = normalizers.BertNormalizer(clean_text=True, strip_accents=True, lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return Tokenizer(core)


def unigram(normalizer=None, pre_tokenizer=None):
    """T5's kind: pieces such as ``▁to``; one spans two words, where nothing splits them."""
    scores = [("<unk>", -9.0), ("▁", -3.0), ("▁to", -2.0), ("▁be", -2.0), ("be▁or", -1.0), ("or", -3.0), ("1", -4.0)]
    core = Core(models.Unigram(scores, unk_id=0))
    core.normalizer, core.pre_tokenizer = normalizer, pre_tokenizer
    return Tokenizer(core)


TOKENIZERS = {
    "characters": CharTokenizer.train([PLAY, *"tobers' \n\r\t,1_é\u0301\x1c\u2003²中👩🏽‍🚀İ", END]),
    "gpt-2": Tokenizer.from_bpe(BPE.train(PLAY, 300, special=(END,))),
    "llama-3": Tokenizer.from_bpe(BPE.train(PLAY, 300, "llama-bpe", special=(END,))),
    "wordpiece": wordpiece(),
    "t5": unigram(None, pre_tokenizers.Metaspace(prepend_scheme="always")),
    "spanning": unigram(normalizers.Replace(" ", "▁")),
    "llama": unigram(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])),
}


def cut(text, size, place="here"):
    """``text`` as it is read: in parts of ``size`` characters, and an empty one that ends it."""
    for first in range(0, len(text), size):
        yield Part(text[first : first + size], False, place, len(text[first : first + size]))
    yield Part("", True, place, 0)


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(text=TEXT, size=st.integers(1, 9), longest=st.integers(1, 13))
def test_the_pieces_of_any_text_give_the_ids_of_the_whole(kind, text, size, longest):
    encode = encoder(TOKENIZERS[kind])
    found = list(pieces(cut(text, size), TOKENIZERS[kind], longest))
    assert "".join(piece.text for piece in found) == text
    assert [number for piece in found for number in encode(piece.text)] == encode(text)
    assert [piece.ends for piece in found] == [False] * (len(found) - 1) + [True]
    assert sum(piece.read for piece in found) == len(text)


@pytest.mark.parametrize("kind", ["characters", "gpt-2", "llama-3", "wordpiece", "t5"])
def test_a_play_is_cut_into_many_pieces(kind):
    encode = encoder(TOKENIZERS[kind])
    found = list(pieces(cut(PLAY, 1000), TOKENIZERS[kind], longest=3000))
    assert len(found) > 10 and max(len(piece.text) for piece in found) < 3000 + 1000 + 4096
    assert [number for piece in found for number in encode(piece.text)] == encode(PLAY)


@pytest.mark.parametrize("kind", ["llama"])
def test_what_cannot_be_cut_stays_whole(kind):
    """Llama's puts a space before each text: a piece would begin with one that is not there."""
    found = list(pieces(cut(PLAY, 1000), TOKENIZERS[kind], longest=3000))
    assert [piece.text for piece in found] == [PLAY] and found[0].read == len(PLAY)


def test_a_text_without_white_space_stays_whole():
    assert len(list(pieces(cut("tobe" * 3000, 1000), TOKENIZERS["gpt-2"], longest=3000))) == 1


@given(st.lists(TEXT, max_size=5), st.integers(1, 9))
def test_documents_do_not_run_together(documents, size):
    parts = (part for number, text in enumerate(documents) for part in cut(text, size, f"document {number}"))
    whole: dict[str, str] = {}
    ended = []
    for piece in pieces(parts, TOKENIZERS["gpt-2"], longest=7):
        whole[piece.place] = whole.get(piece.place, "") + piece.text
        ended += [piece.place] * piece.ends
    assert whole == {f"document {number}": text for number, text in enumerate(documents)} and ended == list(whole)


def test_special_tokens_that_are_written_out_are_text_and_nothing_is_added():
    made = TOKENIZERS["gpt-2"]
    assert made.eos not in encoder(made)(f"to {END}") and made.decode(encoder(made)(f"to {END}")) == f"to {END}"
    with_marks = wordpiece()
    with_marks.core.post_processor = processors.BertProcessing(("or", 3), ("to", 1))
    assert with_marks.encode("be") == [1, 2, 3] and encoder(with_marks)("be") == [2]
