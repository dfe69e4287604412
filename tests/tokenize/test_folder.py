"""Tokenizers in the folders of models, against the reference implementation reading the same folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from glassformer.data.plays import plays
from glassformer.tokenize import BPE, Tokenizer
from glassformer.tokenize.bytelevel import write

END = "<|endoftext|>"
TEXTS = ["To be, or not to be?", " tone", "Ça 日本 👍", "a\n\n  b", "", "x<mask> y</s>", f"x{END}"]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "to", "be", "Be", "##ne", ",", "ca", "ça"]


def put(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder


def bytes_folder(folder: Path, special: tuple[str, ...]) -> Path:
    bpe = BPE.train("\n".join(plays()[1].passages[:20]), 337, special=special)
    # Special tokens at the end, as GPT-2 has them.
    named = sorted(bpe.named(), key=lambda token: (token in special, bpe.named()[token]))
    write(folder, {token: number for number, token in enumerate(named)}, bpe.merges)
    return folder


def reference(name: str, folder: Path) -> Any:
    transformers = pytest.importorskip("transformers", reason="needs transformers; to enable: pip install transformers")
    return getattr(transformers, name).from_pretrained(folder)


def test_gpt2_from_its_parts(tmp_path: Path) -> None:
    bytes_folder(tmp_path, (END,))
    theirs, ours = reference("GPT2Tokenizer", tmp_path), Tokenizer.from_file(tmp_path)
    for text in TEXTS:
        assert ours.encode(text) == theirs(text)["input_ids"]
    assert (ours.bos, ours.eos, ours.pad) == (336, 336, None)


@pytest.mark.parametrize("prefix", [False, True])
def test_roberta_from_its_parts(tmp_path: Path, prefix: bool) -> None:
    bytes_folder(tmp_path, ("<s>", "<pad>", "</s>", "<unk>", "<mask>"))
    config = {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": prefix}
    put(tmp_path, tokenizer_config__json=config)
    theirs, ours = reference("RobertaTokenizer", tmp_path), Tokenizer.from_file(tmp_path)
    for text in TEXTS:
        if "<mask>" not in text:  # theirs takes the space before it along, which the folder does not say
            assert ours.encode(text) == theirs(text)["input_ids"], text
    assert ours.pair("to", "be")[0] == theirs("to", "be")["input_ids"]
    assert (ours.bos, ours.eos, ours.pad, ours.mask) == tuple(map(ours.id, ("<s>", "</s>", "<pad>", "<mask>")))


@pytest.mark.parametrize("lower", [True, False])
def test_bert_from_its_parts(tmp_path: Path, lower: bool) -> None:
    put(tmp_path, vocab__txt="\n".join(BERT) + "\n", tokenizer_config__json={"do_lower_case": lower})
    theirs, ours = reference("BertTokenizer", tmp_path), Tokenizer.from_file(tmp_path)
    for text in ["To be, [MASK]", "Be tone", "Ça ça", "日本", ""]:
        assert ours.encode(text) == theirs(text)["input_ids"], text
    assert ours.pair("to be", "be") == (theirs("to be", "be")["input_ids"], theirs("to be", "be")["token_type_ids"])
    assert (ours.pad, ours.mask, ours.bos) == (0, 4, None)


def test_added_tokens_keep_their_ids(tmp_path: Path) -> None:
    bytes_folder(tmp_path, (END,))
    added = {"337": {"content": "<|user|>", "special": True}, "338": {"content": "<tool>", "special": False}}
    put(tmp_path, tokenizer_config__json={"added_tokens_decoder": added, "eos_token": "<|user|>"})
    ours = Tokenizer.from_file(tmp_path)
    assert ours.encode("<|user|><tool>") == [337, 338]
    assert ours.vocab == 339
    assert "<tool>" not in ours.special
    assert (ours.eos, ours.bos) == (337, None)
    put(tmp_path, tokenizer_config__json={"added_tokens_decoder": {"400": {"content": "<|user|>", "special": True}}})
    with pytest.raises(ValueError, match=r"'<\|user\|>' should have id 400, but the vocabulary gives it 337"):
        Tokenizer.from_file(tmp_path)


def saved(folder: Path) -> Path:
    Tokenizer.from_bpe(BPE.train("to be or not to be", 260, special=(END,))).save(folder)
    return folder


def test_truncation_and_padding_of_the_file_are_turned_off(tmp_path: Path) -> None:
    core = Tokenizer.from_file(saved(tmp_path)).core
    core.enable_truncation(2)
    core.enable_padding(length=5)
    core.save(str(tmp_path / "tokenizer.json"))
    assert len(Tokenizer.from_file(tmp_path / "tokenizer.json").encode("to to to")) > 2
    assert len(Tokenizer.from_file(tmp_path / "tokenizer.json").encode("to")) < 5


@pytest.mark.parametrize(
    ("files", "template"),
    [
        ({"tokenizer_config__json": {"chat_template": "one"}}, "one"),
        ({"tokenizer_config__json": {"chat_template": "one"}, "chat_template__jinja": "two"}, "two"),
        (
            {
                "tokenizer_config__json": {
                    "chat_template": [{"name": "rag", "template": "r"}, {"name": "default", "template": "d"}]
                }
            },
            "d",
        ),
        ({"tokenizer_config__json": {}}, None),
    ],
)
def test_where_the_chat_template_stands(tmp_path: Path, files: dict[str, Any], template: str | None) -> None:
    put(saved(tmp_path), **files)
    found = Tokenizer.from_file(tmp_path).template
    assert (found and found.source) == template


def test_which_file_names_the_special_tokens(tmp_path: Path) -> None:
    put(saved(tmp_path), tokenizer_config__json={})
    assert Tokenizer.from_file(tmp_path).eos == 0  # as usual where END is in the vocabulary
    put(tmp_path, special_tokens_map__json={"eos_token": {"content": "b"}, "pad_token": "<nowhere>"})
    ours = Tokenizer.from_file(tmp_path)
    assert (ours.eos, ours.bos, ours.pad) == (ours.id("b"), None, None)
    put(tmp_path, tokenizer_config__json={"eos_token": "t", "bos_token": None})
    assert Tokenizer.from_file(tmp_path).eos == ours.id("t")
    put(tmp_path, tokenizer_config__json={"eos_token": "<nowhere>"})
    with pytest.raises(ValueError, match="the eos token '<nowhere>' is not in the vocabulary"):
        Tokenizer.from_file(tmp_path)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "holds no tokenizer: neither tokenizer.json"),
        ({"vocab__json": {}}, "holds no tokenizer"),
        ({"tokenizer__model": "x"}, "only as tokenizer.model, in SentencePiece's own format"),
        ({"tokenizer__json": "{"}, "tokenizer.json is not a tokenizer that the library can read"),
        ({"tokenizer__json": "{}"}, "tokenizer.json is not a tokenizer that the library can read"),
        ({"tokenizer_config__json": "{"}, "tokenizer_config.json is not JSON"),
        ({"tokenizer_config__json": "[]"}, "must hold a JSON object, not a list"),
        ({"vocab__json": {"a": 0}, "merges__txt": ""}, "is no byte-level vocabulary"),
        (
            {"vocab__json": {}, "merges__txt": "", "tokenizer_config__json": {"tokenizer_class": "CLIPTokenizer"}},
            "how CLIPTokenizer splits a text is not known",
        ),
        ({"vocab__txt": "[PAD]\nto\n"}, r"lacks \[UNK\]"),
    ],
)
def test_what_is_missing_or_malformed_is_said(tmp_path: Path, files: dict[str, Any], says: str) -> None:
    put(tmp_path, **files)
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        Tokenizer.from_file(tmp_path)


def test_a_merge_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    bytes_folder(tmp_path, (END,))
    with (tmp_path / "merges.txt").open("a") as file:
        file.write("q Q\n")
    with pytest.raises(ValueError, match=r"'q' \+ 'Q' and what they make must all be in the vocabulary"):
        Tokenizer.from_file(tmp_path)
