"""The tokenizer of a real model, on small vocabularies made here: batches, streams, special tokens, saving."""

import json
import pickle
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Core
from tokenizers import decoders, models

from glassformer.data.plays import plays
from glassformer.tokenize import BPE, TemplateError, Tokenizer
from glassformer.tokenize.stream import Stream

PLAY = "\n".join(plays()[0].passages[:60])
END = "<|endoftext|>"
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "to", "be", "or", "not", "##ne", "##s", ","]


@pytest.fixture(scope="module")
def bpe() -> BPE:
    return BPE.train(PLAY, 401, special=(END,))


@pytest.fixture(scope="module")
def play(bpe: BPE) -> Tokenizer:
    made = Tokenizer.from_bpe(bpe)
    return Tokenizer(made.core, made.roles, TEMPLATE)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    return Tokenizer.from_file(folder)


@given(text=st.text(max_size=50))
def test_any_text_comes_back_and_ids_are_those_of_the_readable_one(bpe: BPE, play: Tokenizer, text: str) -> None:
    # Not on characters newer than Python's Unicode, which may be cut otherwise; see test_split.
    assert play.decode(play.encode(text)) == text
    if all(c.isascii() or c.isalpha() for c in text):
        assert play.encode(text) == bpe.encode(text)


def test_sizes_and_roles(play: Tokenizer, bert: Tokenizer) -> None:
    assert (play.vocab, play.bos, play.eos, play.pad, play.mask) == (401, 0, 0, None, None)
    assert play.special == {END: 0}
    assert (bert.vocab, bert.bos, bert.eos, bert.pad, bert.mask) == (12, None, None, 0, 4)
    assert list(bert.special) == VOCAB[:5]
    assert bert.id("##ne") == 9
    assert bert.pieces([5, 9]) == ["to", "##ne"]


def test_special_tokens_in_a_text(play: Tokenizer) -> None:
    assert play.encode(f"a{END}")[-1] == 0
    plain = play.encode(f"a{END}", parse_special=False)
    assert 0 not in plain
    assert play.decode(plain) == f"a{END}"
    assert play.encode(f"a{END}")[-1] == 0  # the switch is not left turned
    assert play.decode([0, *play.encode("a"), 0], skip_special=True) == "a"


def test_tokens_around_a_text(bert: Tokenizer) -> None:
    assert bert.encode("To be") == [2, 5, 6, 3]
    assert bert.encode("To be", add_special=False) == [5, 6]
    assert bert.encode("") == [2, 3]
    assert bert.pair("to", "be or") == ([2, 5, 3, 6, 7, 3], [0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize("side", ["left", "right"])
def test_batches_are_filled_on_the_side_asked_for(bert: Tokenizer, side: Literal["left", "right"]) -> None:
    ids, real = bert.batch(["to be or", "tone", ""], side)
    rows = [[2, 5, 6, 7, 3], [2, 5, 9, 3], [2, 3]]
    for row, row_ids, row_real in zip(rows, ids, real, strict=True):
        fill = [0] * (5 - len(row))
        assert row_ids == (fill + row if side == "left" else row + fill)
        assert row_real == (
            [False] * len(fill) + [True] * len(row) if side == "left" else [True] * len(row) + [False] * len(fill)
        )
    assert bert.batch([]) == ([], [])


def test_long_texts_are_cut_inside_the_tokens_around_them(bert: Tokenizer) -> None:
    assert bert.batch(["to be or not", "to"], longest=4) == (
        [[2, 5, 6, 3], [2, 5, 3, 0]],
        [[True] * 4, [True, True, True, False]],
    )
    with pytest.raises(ValueError, match=r"longest \(2\) must be more than the 2 special tokens"):
        bert.batch(["to"], longest=2)
    with pytest.raises(ValueError, match="side must be 'left' or 'right', not 'top'"):
        bert.batch(["to"], "top")  # type: ignore[arg-type]


def test_a_vocabulary_without_padding_is_filled_with_its_end(play: Tokenizer) -> None:
    ids, real = play.batch(["a", ""], "left")
    assert (ids, real) == ([play.encode("a"), [play.eos]], [[True], [False]])


@given(text=st.text(max_size=30), cut=st.integers(0, 5))
def test_a_stream_gives_the_text_and_whole_characters_only(play: Tokenizer, text: str, cut: int) -> None:
    # Without its first byte-level ids a text may begin inside a character, and it may end so.
    ids = play.encode(text)[cut:]
    stream = play.stream()
    given = [stream.push(i) for i in ids]
    assert "".join(given) + stream.end() == play.decode(ids)
    if cut == 0 and "�" not in text:
        assert not any("�" in part for part in given)
        assert "".join(given) == text
    assert stream.end() == ""


@given(ids=st.lists(st.integers(1, 256), max_size=30))
def test_a_stream_of_arbitrary_bytes_gives_what_decoding_gives(play: Tokenizer, ids: list[int]) -> None:
    stream = play.stream()
    assert "".join(map(stream.push, ids)) + stream.end() == play.decode(ids)


def test_a_stream_holds_a_character_back_until_it_is_whole(play: Tokenizer) -> None:
    stream, ids = play.stream(), play.encode("👍")
    assert len(ids) == 4
    assert [stream.push(i) for i in ids] == ["", "", "", "👍"]
    assert stream.push(ids[0]) == ""
    assert stream.end() == "�"


def test_a_stream_leaves_special_tokens_out_unless_asked(play: Tokenizer) -> None:
    a = play.encode("a")[0]
    assert [play.stream().push(0), play.stream(skip_special=False).push(0)] == ["", END]
    stream = play.stream()
    assert [stream.push(i) for i in (a, 0, a)] == ["a", "", "a"]


def test_a_stream_keeps_the_spaces_between_words(bert: Tokenizer) -> None:
    core = Core(
        models.WordLevel({"▁to": 0, "▁be": 1, "<0xF0>": 2, "<0x9F>": 3, "<0x91>": 4, "<0x8D>": 5}, unk_token="▁to")
    )
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    for tokenizer, ids, parts in (
        (Tokenizer(core), [0, 1, 2, 3, 4, 5, 0], ["to", " be", "", "", "", "👍", " to"]),
        (bert, [5, 9, 11, 6], ["to", "ne", ",", " be"]),
    ):
        stream = tokenizer.stream()
        assert [stream.push(i) for i in ids] == parts
        assert "".join(parts) == tokenizer.decode(ids)


def test_a_stream_decodes_only_what_is_new() -> None:
    seen: list[int] = []

    def decode(ids: object) -> str:
        seen.append(len(ids))  # type: ignore[arg-type]
        return "x" * len(ids)  # type: ignore[arg-type]

    stream = Stream(decode)
    assert [stream.push(i) for i in range(9)] == ["x"] * 9
    assert max(seen) == 2


def test_chat(play: Tokenizer, bert: Tokenizer) -> None:
    text = play.chat([{"role": "user", "content": "Hi"}])
    assert text == f"user: Hi{END}"
    assert play.encode(text, add_special=False)[-1] == 0
    with pytest.raises(TemplateError, match="has no chat template"):
        bert.chat([{"role": "user", "content": "Hi"}])


SAMPLES = ["To be, or not to be", "tone  tones", "日本語 👍🏽 Ça", "a\n\n\tb  c ", f"x{END}y", "12345 ½", ""]


@pytest.mark.parametrize("name", ["play", "bert"])
@pytest.mark.parametrize("model_type", ["", "llama", "gpt2", "bert"])
def test_saved_for_this_library_and_for_the_reference(
    name: str, model_type: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(name)
    tokenizer.save(tmp_path)
    # Older versions of the reference take spaces out of decoded text unless told not to.
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["clean_up_tokenization_spaces"] is False
    loaded = Tokenizer.from_file(tmp_path)
    assert [loaded.encode(text) for text in SAMPLES] == [tokenizer.encode(text) for text in SAMPLES]
    assert loaded.roles == tokenizer.roles
    assert (loaded.template and loaded.template.source) == (tokenizer.template and tokenizer.template.source)
    transformers = pytest.importorskip("transformers", reason="needs transformers; to enable: pip install transformers")
    if model_type:  # a model's config beside it must not make the reference take another class
        (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    reference = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in SAMPLES:
        assert reference(text)["input_ids"] == tokenizer.encode(text)
        assert reference.decode(tokenizer.encode(text)) == tokenizer.decode(tokenizer.encode(text))
    assert reference.eos_token_id == tokenizer.eos
    assert reference.pad_token_id == tokenizer.pad
    if name == "play":
        messages = [{"role": "user", "content": "Hi"}]
        assert reference.apply_chat_template(messages, tokenize=False) == tokenizer.chat(messages)


def test_a_copy_works(play: Tokenizer) -> None:
    copy = pickle.loads(pickle.dumps(play))
    assert copy.encode(f"To be{END}") == play.encode(f"To be{END}")
    assert copy.chat([]) == ""


def test_what_does_not_fit_is_refused(play: Tokenizer) -> None:
    with pytest.raises(ValueError, match=r"roles must be among bos, .*not 'start'"):
        Tokenizer(play.core, {"start": END})
    with pytest.raises(ValueError, match="the eos token '</s>' is not in the vocabulary"):
        Tokenizer(play.core, {"eos": "</s>"})
    with pytest.raises(ValueError, match="token 'nowhere' is not in the vocabulary"):
        play.id("nowhere")
    for outside in (401, -1):
        with pytest.raises(ValueError, match=f"from 0 to 400, not {outside}"):
            play.decode([1, outside])
