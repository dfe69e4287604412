"""The commands about models, on a tiny model in a folder: what they print, and what they refuse in one sentence."""

import json
import re
from pathlib import Path

import pytest
import torch

from glassformer.cli import main
from glassformer.hub import save
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.tokenize import BPE, Tokenizer

TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A LLaMA with random weights, a BPE of letters and a chat template."""
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("tiny")
    words = "the cat sat on the mat and the dog sat on the cat " * 20
    bpe = BPE.train([words], 300, special=("<end>",))
    core = Tokenizer.from_bpe(bpe).core
    tokenizer = Tokenizer(core, {"eos": "<end>"}, TEMPLATE)
    model = Llama(LlamaConfig(tokenizer.vocab, 128, 44, 3, 4, 2, 12, 53))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    save(model, place, tokenizer)
    return str(place)


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "gpt2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["name", "parameters", "FLOPs/token", "KV/token"]
    assert lines[1].startswith("gpt2 ") and "124,439,808" in lines[1] and lines[1].endswith("openai-community/gpt2")
    assert main(["models", "mamba-130m", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["parameters"] == 129_135_360 and row["kv_bytes_per_token"]["bfloat16"] == 0
    assert main(["models", "nothing"]) == 1
    assert "No published model has 'nothing' in its name" in capsys.readouterr().err


def test_generate(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "the cat", "--model", folder, "--max-new", "7"]) == 0
    first = capsys.readouterr().out
    assert first.startswith("the cat")
    assert re.search(r"\[\d+ tokens read at \d+ a second, [1-7] written at \d+ a second\]", first)
    sample = ["generate", "the cat", "--model", folder, "--max-new", "7", "--temperature", "2", "--seed", "5"]
    texts = []
    for _ in range(2):
        assert main(sample) == 0
        texts.append(capsys.readouterr().out.split("\n\n[")[0])
    assert texts[0] == texts[1] != first.split("\n\n[")[0]  # the same seed, and not the greedy text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "", "--model", "FOLDER"], "prompt must have at least one token"),
        (["generate", "the", "--model", "FOLDER", "--max-new", "0"], "max_new"),
        (["generate", "the", "--model", "FOLDER", "--top-p", "1.5"], "top_p"),
        (["generate", "the", "--model", "FOLDER", "--temperature", "-1"], "temperature"),
        (["generate", "the", "--model", "smolm2"], "Did you mean smollm2"),
        (["trace", "", "--model", "FOLDER"], "text"),
        (["get", "nobody"], "no model and no path 'nobody'"),
    ],
)
def test_what_is_refused(folder: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main([folder if a == "FOLDER" else a for a in arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("glassformer: ") and message in said and "Traceback" not in said


def test_chat(folder: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter(["the cat", "the dog", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(said))
    assert main(["chat", "--model", folder, "--max-new", "5"]) == 0
    out = capsys.readouterr().out
    assert out.count("model> ") == 2 and out.count("a second]") == 2


def test_trace(folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "see.html"
    assert main(["trace", "the cat sat", "--model", folder, "--page", str(written)]) == 0
    out = capsys.readouterr().out
    assert "[B, H, T, S] = [1, 4, " in out and "× 3" in out and str(written) in out
    assert all(len(line) <= 80 for line in out.splitlines()[:-2])
    assert "<svg" in written.read_text("utf-8")


def test_an_encoder_does_not_go_on_with_a_text(folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = Tokenizer.from_file(folder)
    save(Bert(BertConfig(tokenizer.vocab, 61, 2, 44, 2, 4, 53)), tmp_path, tokenizer)
    assert main(["generate", "the cat", "--model", str(tmp_path)]) == 1
    assert "must be a decoder to go on with a text, not Bert" in capsys.readouterr().err
    assert main(["trace", "the cat", "--model", str(tmp_path)]) == 0
    assert "[B, T, D]" in capsys.readouterr().out


def test_a_conversation_that_is_full_goes_on_asking(
    folder: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(["the cat", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(said))
    assert main(["chat", "--model", folder, "--max-new", "5000"]) == 0
    assert "ask for a smaller --max-new" in capsys.readouterr().out


def test_get_says_where(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", folder]) == 0
    assert folder in capsys.readouterr().out
