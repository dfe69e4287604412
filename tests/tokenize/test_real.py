"""Published tokenizers: GPT-2's known encodings, SmolLM2 from its GGUF, MiniLM from its folder."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from glassformer.tokenize import BPE, Tokenizer, WordPiece
from glassformer.tokenize.bytelevel import from_letters
from tests.tokenize.real import real, shakespeare, smollm2_fields

# openai/tiktoken, tests/test_encoding.py
GPT2 = {
    "hello world": [31373, 995],
    "hello <|endoftext|>": [31373, 220, 50256],
    "0": [15],
    "00": [405],
    "000": [830],
    "0000": [2388],
    "00000": [20483],
    "000000": [10535],
    "0000000": [24598],
    "00000000": [8269],
    "000000000": [10535, 830],
    "0000000000": [8269, 405],
    "00000000000": [8269, 830],
    "000000000000": [8269, 2388],
    "0000000000000": [8269, 20483],
    "00000000000000": [8269, 10535],
    "000000000000000": [8269, 24598],
    "0000000000000000": [25645],
    "00000000000000000": [8269, 10535, 830],
}
CORPUS = [
    "def f(x):\n    return x**2 + 1  # 12345\n\n\n\tpass",
    "日本語のテキスト、中文文本, 한국어",
    "👍🏽 😀‍💻 🇩🇪 é e\u0301",
    " 1 22 333 4444 3.14159 1,000,000",
    "  leading, trailing  \n \n\t\t  ",
    "<|im_start|>user\nHi<|im_end|>\n<|endoftext|>",
    "don't DON'T we'LL they've I'd",
    "Ωμέγα Привет שלום مرحبا",
    "\u2028\x1c\x85\xa0\u3000x",
    "",
]


@pytest.fixture(scope="module")
def gpt2() -> BPE:
    return BPE.from_ranks(real("gpt2-ranks"))


def test_known_encodings_of_gpt2(gpt2: BPE) -> None:
    fast = Tokenizer.from_tiktoken(real("gpt2-ranks"))
    assert (gpt2.vocab, fast.vocab, fast.eos) == (50257, 50257, 50256)
    for text, ids in GPT2.items():
        assert gpt2.encode(text) == fast.encode(text) == ids
        assert gpt2.decode(ids) == text
    for text in CORPUS:
        assert gpt2.encode(text) == fast.encode(text)


def test_token_counts_of_tiny_shakespeare(gpt2: BPE) -> None:
    # karpathy/nanoGPT, data/shakespeare/readme.md and data/shakespeare_char/readme.md
    text = shakespeare()
    cut = int(len(text) * 0.9)
    assert (len(text), len(set(text)), cut, len(text) - cut) == (1115394, 65, 1003854, 111540)
    assert [len(gpt2.encode(part)) for part in (text[:cut], text[cut:])] == [301966, 36059]


def test_encoding_is_quick(gpt2: BPE) -> None:
    # 6 MB/s and more on a quiet machine of 2 cores; a tenth of what is promised (3 MB/s) catches a lost word cache.
    text = shakespeare()
    fresh = BPE(gpt2.tokens, gpt2.merges, special=gpt2.special)
    began = time.perf_counter()
    fresh.encode(text)
    assert len(text) / 1e6 / (time.perf_counter() - began) > 0.3


@pytest.fixture(scope="module")
def smollm2() -> dict[str, Any]:
    return smollm2_fields()


def test_smollm2_gives_the_ids_of_the_reference(smollm2: dict[str, Any]) -> None:
    transformers = pytest.importorskip("transformers", reason="needs transformers; to enable: pip install transformers")
    path = real("smollm2")
    reference = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    ours = Tokenizer.from_gguf(smollm2)
    for text in CORPUS:
        # The reference overlooks the file's splitting rule, which sets ½ and Ⅷ apart; digits have no merges anyway.
        assert ours.encode(text) == reference(text)["input_ids"]
        assert ours.decode(ours.encode(text)) == text
    messages = [{"role": "user", "content": "Hi 😀"}, {"role": "assistant", "content": "Hello."}]
    expected = reference.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert ours.chat(messages) == expected
    assert ours.encode(expected, add_special=False) == reference(expected)["input_ids"]
    assert (ours.vocab, ours.bos, ours.eos, ours.pad, len(ours.special)) == (49152, 1, 2, 2, 17)


def test_smollm2_readable_and_saved(smollm2: dict[str, Any], tmp_path: Path) -> None:
    ours = Tokenizer.from_gguf(smollm2)
    ours.save(tmp_path)
    again = Tokenizer.from_file(tmp_path)
    special = list(ours.special)
    tokens = [t.encode() if t in ours.special else from_letters(t) for t in smollm2["tokenizer.ggml.tokens"]]
    merges = [tuple(map(from_letters, line.split(" "))) for line in smollm2["tokenizer.ggml.merges"]]
    readable = BPE(tokens, merges, smollm2["tokenizer.ggml.pre"], special)  # type: ignore[arg-type]
    for text in [*CORPUS, "½ Ⅷ ٣ 1½", *re.split("(?<=\n)\n", shakespeare()[:50000])]:
        assert readable.encode(text) == ours.encode(text) == again.encode(text)


def test_minilm(tmp_path: Path) -> None:
    folder = real("minilm")
    ours = Tokenizer.from_file(folder)
    # The known encoding of BERT's published vocabulary; and not filled up to 128, as the file asks.
    assert ours.encode("Hello, world") == [101, 7592, 1010, 2088, 102]
    readable = WordPiece((folder / "vocab.txt").read_text("utf-8").split("\n")[: ours.vocab])
    for name in ("vocab.txt", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    parts = Tokenizer.from_file(tmp_path)
    for text in [*CORPUS, "Élan [MASK] vital"]:
        assert ours.encode(text) == parts.encode(text) == [101, *readable.encode(text), 102]
    assert (ours.vocab, ours.pad, ours.mask) == (30522, 0, 103)
