"""Byte-level BPE against the library: the same merges learned, the same ids, and any text comes back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from glassformer.data.plays import plays
from glassformer.tokenize import BPE
from glassformer.tokenize.bytelevel import alphabet, from_letters, merges_of, read_merges, read_ranks, to_letters
from glassformer.tokenize.gguf import byte_level
from glassformer.tokenize.pairs import Pairs, replace

KNOWN = st.characters(exclude_categories=("Cs", "Cn"))
PLAY = "\n".join(plays()[0].passages[:60])
SAMPLE = "Ça va ? 日本語 👍🏽 don't  stop\n\n" + PLAY[:20000]


def trained_by_the_library(text: str, vocab: int, special: tuple[str, ...] = ()) -> Tokenizer:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.train_from_iterator(
        [text],
        trainers.BpeTrainer(
            vocab_size=vocab,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=list(special),
            show_progress=False,
        ),
    )
    return core


def merges_learned(core: Tokenizer) -> list[tuple[bytes, bytes]]:
    written = json.loads(core.to_str())["model"]["merges"]
    return [(from_letters(left), from_letters(right)) for left, right in written]


@pytest.fixture(scope="module")
def play() -> BPE:
    return BPE.train(PLAY, 769)


def test_the_example_of_wikipedia() -> None:
    # aaabdaaabac, three merges: "XdXac". The ids are those of karpathy/minbpe's tests, where single bytes keep their
    # own number; the ones here are counted in the order of their letters.
    bpe = BPE.train("aaabdaaabac", 259)
    ids = bpe.encode("aaabdaaabac")
    assert [i if i > 255 else bpe.tokens[i][0] for i in ids] == [258, 100, 258, 97, 99]


def test_the_library_learns_the_same_merges(play: BPE) -> None:
    core = trained_by_the_library(PLAY, 769)
    assert merges_learned(core) == play.merges
    assert core.encode(SAMPLE).ids == play.encode(SAMPLE)


@given(text=st.text(st.sampled_from("aab b\u00e9"), min_size=1, max_size=40), vocab=st.integers(256, 290))
def test_ties_fall_as_in_the_library(text: str, vocab: int) -> None:
    core, ours = trained_by_the_library(text, vocab), BPE.train(text, vocab)
    assert merges_learned(core) == ours.merges
    assert core.get_vocab() == ours.named()


def test_special_tokens_are_first_and_whole() -> None:
    special = ("<|end|>", "<|pad|>")
    text = "one two<|end|>one two one"
    ours, core = BPE.train(text, 271, special=special), trained_by_the_library("one two", 271, special)
    assert ours.encode("<|pad|>one<|end|>") == [1, *core.encode("one").ids, 0]
    assert not any(b"|" in left + right for left, right in ours.merges)


def made_of(choices: list[int]) -> BPE:
    """A BPE of arbitrary merges: each number chooses two of the tokens so far."""
    tokens, merges = alphabet(), []
    base = [b"a", b"b", b" ", b"\xc3", b"\xa9"]
    for choice in choices:
        known = base + [left + right for left, right in merges]
        left, right = known[choice % len(known)], known[choice // 7 % len(known)]
        merges.append((left, right))
        if left + right not in tokens:
            tokens.append(left + right)
    return BPE(tokens, merges)


@given(choices=st.lists(st.integers(0, 4000), max_size=20), text=st.text(st.sampled_from("aabb é"), max_size=40))
def test_any_merges_give_the_ids_of_the_library(choices: list[int], text: str) -> None:
    # Such merges make one token in several ways, and in an order that training would not give.
    bpe = made_of(choices)
    core = byte_level(bpe.named(), bpe.merges, "gpt-2")
    assert bpe.encode(text) == core.encode(text).ids


@given(text=st.text(KNOWN, max_size=60))
def test_ids_are_those_of_the_library_on_any_text(play: BPE, text: str) -> None:
    core = byte_level(play.named(), play.merges, "gpt-2")
    assert play.encode(text) == core.encode(text).ids


@given(text=st.text(max_size=60))
def test_any_text_comes_back(play: BPE, text: str) -> None:
    assert play.decode(play.encode(text)) == text


def test_a_long_word_is_encoded_in_time_and_as_by_the_library(play: BPE) -> None:
    word = "thethat" * 3001
    assert play.encode(word) == byte_level(play.named(), play.merges, "gpt-2").encode(word).ids


def test_words_are_remembered_and_long_ones_are_not(play: BPE) -> None:
    fresh = BPE(play.tokens, play.merges)
    once = fresh.encode("remember this " + "x" * 1000)
    assert fresh.encode("remember this " + "x" * 1000) == once
    assert {" this", "remember"} <= fresh._words.keys()
    assert max(map(len, fresh._words)) < 64


def test_counts_stay_true_while_pairs_merge() -> None:
    words = [([1, 1, 1, 2, 1, 1], 3), ([2, 1, 2, 1], 5), ([1], 7)]
    pairs = Pairs(words)
    for pair, new in (((1, 1), 9), ((2, 1), 10), ((10, 10), 11)):
        pairs.merge(pair, new)
        words = [(replace(word, pair, new), times) for word, times in words]
        again = Pairs(words)
        assert pairs.words == again.words
        assert pairs.counts == again.counts
        assert +pairs.units == again.units
        assert all(pairs.counts.values())  # nothing is left of pairs that are gone


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: BPE.train("", 300), "texts must not be empty"),
        (lambda: BPE.train([], 300), "texts must not be empty"),
        (lambda: BPE.train("text", 255), r"vocab \(255\) must be at least 256"),
        (lambda: BPE.train("text", 256, special=["<s>"]), r"vocab \(256\) must be at least 257"),
        (lambda: BPE.train("text", 300, rule="other"), "splitting rule 'other' is not known"),
        (lambda: BPE(alphabet()[1:], []).encode("a!"), "text holds the byte 0x21, which is no token"),
        (lambda: BPE(alphabet(), [], special=["<s>"]), "'<s>' is missing"),
        (lambda: BPE([*alphabet(), b"a"], []), "b'a' is there twice"),
        (lambda: BPE(alphabet(), [(b"a", b"b")]), r"b'a' \+ b'b' \(number 0\)"),
        (lambda: BPE(alphabet(), []).decode([3, 256]), "from 0 to 255, not 256"),
        (lambda: BPE(alphabet(), []).decode([-1]), "from 0 to 255, not -1"),
        (lambda: BPE(alphabet(), []).encode("\ud800"), "surrogates not allowed"),
        (lambda: from_letters("a b"), "' ' stands for no byte"),
        (lambda: merges_of([b"a"]), "0x00 is missing"),
        (lambda: merges_of([*alphabet(), b"abc"]), r"b'abc' \(rank 256\) is not made of two"),
    ],
)
def test_what_does_not_fit_is_refused(made: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        made()  # type: ignore[operator]


def test_half_a_character_is_shown_as_such() -> None:
    bpe = BPE(alphabet(), [])
    assert bpe.decode(bpe.encode("é")[:1]) == "�"


def test_saved_and_loaded(play: BPE, tmp_path: Path) -> None:
    bpe = BPE.train(PLAY, 300, special=("<|end|>",))
    bpe.save(tmp_path)
    loaded = BPE.load(tmp_path, special=("<|end|>",))
    assert (loaded.tokens, loaded.merges) == (bpe.tokens, bpe.merges)
    core = Tokenizer(models.BPE.from_file(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt")))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert core.encode(SAMPLE).ids == bpe.encode(SAMPLE)


@pytest.mark.parametrize("line", ["Ġ t h", "Ġt", " t", "t ", "Ġ t"])
def test_a_malformed_merges_file_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "merges.txt").write_text(f"#version: 0.2\na b\n{line}\n", "utf-8")
    if line == "Ġ t":
        assert read_merges(tmp_path / "merges.txt") == [(b"a", b"b"), (b" ", b"t")]
        return
    with pytest.raises(ValueError, match=r"merges.txt, line 3: .* is not two tokens"):
        read_merges(tmp_path / "merges.txt")


@pytest.mark.parametrize(
    ("vocab", "says"), [("[", "is not JSON"), ('{"a": 1}', "must map tokens to the ids 0, 1, 2"), ("[1]", "must map")]
)
def test_a_malformed_vocabulary_is_refused(tmp_path: Path, vocab: str, says: str) -> None:
    (tmp_path / "vocab.json").write_text(vocab, "utf-8")
    (tmp_path / "merges.txt").write_text("", "utf-8")
    with pytest.raises(ValueError, match=says):
        BPE.load(tmp_path)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("YQ== 0\nYg==\n", "line 2: 'Yg==' is not a token in base64 and a rank"),
        ("Y 0\n", "line 1"),
        ("YQ== 0\nYg== 0\n", "line 2: rank 0 is given a second time"),
        ("YQ== 0\nYg== 2\n", "without a gap"),
        ("", "without a gap"),
    ],
)
def test_malformed_ranks_are_refused(tmp_path: Path, lines: str, says: str) -> None:
    (tmp_path / "ranks").write_text(lines)
    with pytest.raises(ValueError, match=says):
        read_ranks(tmp_path / "ranks")


def test_merges_come_back_from_ranks(play: BPE) -> None:
    assert merges_of(play.tokens) == play.merges


def test_letters() -> None:
    assert to_letters(b" the\n") == "ĠtheĊ"
    assert all(from_letters(to_letters(bytes([b]))) == bytes([b]) for b in range(256))
    assert {to_letters(b) for b in alphabet()} == set(pre_tokenizers.ByteLevel.alphabet())
    assert [to_letters(b) for b in alphabet()] == sorted(pre_tokenizers.ByteLevel.alphabet())
