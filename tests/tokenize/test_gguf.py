"""Tokenizers from the metadata of GGUF files, made here; the real one is in ``test_real``."""

from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.data.plays import plays
from glassformer.tokenize import BPE, Tokenizer
from glassformer.tokenize.bytelevel import from_letters, to_letters

END = "<|end|>"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
# Each scored by its rank, as SentencePiece does; the characters come last and are never made.
WORDS = ["▁t", "he", "▁the", "in", "▁a", "▁theme", "me", "▁▁", "th", "▁in"]
LETTERS = [*"▁thenima"]


def bpe_fields(rule: str, **changed: Any) -> dict[str, Any]:
    bpe = BPE.train("\n".join(plays()[1].passages[:20]) + " 1984 12" * 99, 331, rule, (END,))
    fields = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": rule,
        "tokenizer.ggml.tokens": list(bpe.named()),
        "tokenizer.ggml.token_type": [3] + [1] * 330,
        "tokenizer.ggml.merges": [f"{to_letters(a)} {to_letters(b)}" for a, b in bpe.merges],
        "tokenizer.ggml.eos_token_id": 0,
        **{f"tokenizer.ggml.{name}": value for name, value in changed.items()},
    }
    return {name: value for name, value in fields.items() if value is not None}


def llama_fields(**changed: Any) -> dict[str, Any]:
    tokens = ["<unk>", "<s>", "</s>", *BYTES, *WORDS, *LETTERS]
    fields = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * 259 + [-float(rank) for rank in range(len(WORDS) + len(LETTERS))],
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * (len(WORDS) + len(LETTERS)),
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        **{f"tokenizer.ggml.{name}": value for name, value in changed.items()},
    }
    return {name: value for name, value in fields.items() if value is not None}


@cache
def both(rule: str) -> tuple[Tokenizer, BPE]:
    fields = bpe_fields(rule)
    tokens = [END.encode(), *map(from_letters, fields["tokenizer.ggml.tokens"][1:])]
    merges = [tuple(map(from_letters, line.split(" "))) for line in fields["tokenizer.ggml.merges"]]
    return Tokenizer.from_gguf(fields), BPE(tokens, merges, rule, (END,))  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", ["gpt-2", "smollm", "qwen2"])
@given(text=st.text(st.sampled_from("ab the1209 \n.'sé"), max_size=30))
def test_byte_level_gives_the_ids_of_the_readable_one(rule: str, text: str) -> None:
    ours, readable = both(rule)
    assert ours.encode(text) == readable.encode(text)
    assert ours.decode(ours.encode(text)) == text


def test_the_splitting_rule_makes_the_difference() -> None:
    # Numbers stay whole under one rule and fall into digits under the other, though the vocabulary is the same.
    tokens = bpe_fields("gpt-2", pre="smollm")
    whole, digits = Tokenizer.from_gguf({**tokens, "tokenizer.ggml.pre": "gpt-2"}), Tokenizer.from_gguf(tokens)
    assert "Ġ1" in tokens["tokenizer.ggml.tokens"]
    assert whole.pieces(whole.encode(" 1"))[0] == "Ġ1"
    assert digits.pieces(digits.encode(" 1")) == ["Ġ", "1"]


def test_llama_3_looks_for_the_whole_word_first_and_begins_a_text() -> None:
    fields = bpe_fields("llama-bpe", bos_token_id=0)
    fields["tokenizer.ggml.tokens"].append("zqzq")  # no merge makes it
    fields["tokenizer.ggml.token_type"].append(1)
    ours = Tokenizer.from_gguf(fields)
    assert ours.encode("zqzq") == [0, 331]
    assert ours.encode("zqzq", add_special=False) == [331]
    assert Tokenizer.from_gguf({**fields, "tokenizer.ggml.pre": "qwen2"}).encode("zqzq") != [331]


def test_qwen2_composes_characters() -> None:
    ours = both("qwen2")[0]
    assert ours.encode("e\u0301") == ours.encode("\u00e9")
    assert both("gpt-2")[0].encode("e\u0301") != ours.encode("\u00e9")


def by_score(text: str, scores: dict[str, float], names: set[str]) -> list[str]:
    """SentencePiece's BPE from its description: join the neighbors whose token has the highest score, from the left."""
    parts = list(text)
    while True:
        joined = [(scores[a + b], -i) for i, (a, b) in enumerate(pairwise(parts)) if a + b in names]
        if not joined:
            return [p for part in parts for p in ([part] if part in names else [BYTES[b] for b in part.encode()])]
        place = -max(joined)[1]
        parts[place : place + 2] = [parts[place] + parts[place + 1]]


@cache
def llama(prefix: bool) -> Tokenizer:
    return Tokenizer.from_gguf(llama_fields(add_space_prefix=prefix))


@pytest.mark.parametrize("prefix", [True, False])
@given(text=st.text(st.sampled_from([*"thenima ", "é", "👍", "\n"]), max_size=25))
def test_sentencepiece_ids_are_those_of_its_description(prefix: bool, text: str) -> None:
    ours = llama(prefix)
    names = {*WORDS, *LETTERS}
    scores = dict(zip(llama_fields()["tokenizer.ggml.tokens"], llama_fields()["tokenizer.ggml.scores"], strict=True))
    spaced = ("▁" if prefix and text else "") + text.replace(" ", "▁")
    assert ours.pieces(ours.encode(text)) == ["<s>", *by_score(spaced, scores, names)]
    assert ours.decode(ours.encode(text), skip_special=True) == text


def test_tokens_around_a_text() -> None:
    assert Tokenizer.from_gguf(llama_fields()).encode("") == [1]
    assert Tokenizer.from_gguf(llama_fields(add_bos_token=False)).encode("") == []
    assert Tokenizer.from_gguf(llama_fields(add_eos_token=True)).encode("") == [1, 2]
    assert Tokenizer.from_gguf(bpe_fields("gpt-2")).encode("") == []
    assert Tokenizer.from_gguf(bpe_fields("gpt-2", bos_token_id=5, add_bos_token=True)).encode("") == [5]


def test_roles_kinds_and_the_chat_template() -> None:
    fields = {**llama_fields(padding_token_id=2), "tokenizer.chat_template": "{{ bos_token }}x"}
    fields["tokenizer.ggml.token_type"] = [*fields["tokenizer.ggml.token_type"]]
    fields["tokenizer.ggml.token_type"][fields["tokenizer.ggml.tokens"].index("▁▁")] = 4
    ours = Tokenizer.from_gguf(fields)
    assert (ours.bos, ours.eos, ours.pad, ours.mask) == (1, 2, 2, None)
    assert ours.special == {"<unk>": 0, "<s>": 1, "</s>": 2}
    assert ours.chat([]) == "<s>x"
    assert ours.vocab == 259 + len(WORDS) + len(LETTERS)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "holds no vocabulary"),
        (bpe_fields("gpt-2", model="bert"), "is 'bert'; known are 'gpt2'"),
        (bpe_fields("gpt-2", model=None), "is None; known are 'gpt2'"),
        (bpe_fields("gpt-2", pre="tekken"), "splitting rule 'tekken' is not known"),
        (bpe_fields("gpt-2", pre=None), "names no splitting rule"),
        (bpe_fields("gpt-2", merges=None), "holds no merges"),
        (bpe_fields("gpt-2", merges=["a b c"]), "'a b c' \\(number 0\\) is not two tokens"),
        (bpe_fields("gpt-2", merges=["q Q"]), "must all be in the vocabulary"),
        (bpe_fields("gpt-2", token_type=[1]), "has 1 entries for 331 tokens"),
        (bpe_fields("gpt-2", tokens=["a", "a"], token_type=None), "'a' is there 2 times"),
        (bpe_fields("gpt-2", eos_token_id=331), r"eos_token_id \(331\) must be below 331"),
        (bpe_fields("gpt-2", add_bos_token=True), "does not name it"),
        (llama_fields(scores=[0.5]), "scores has 1 entries for 277 tokens"),
    ],
)
def test_what_is_not_known_or_does_not_fit_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Tokenizer.from_gguf(fields)
