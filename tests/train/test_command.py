"""``glassformer train`` as it is typed."""

import json

import pytest

from glassformer.cli import main
from glassformer.hub import load
from tests.train.tiny import text

TINY = [
    "model.layers=1",
    "model.d_model=16",
    "model.d_ff=24",
    "model.heads=2",
    "steps=12",
    "evaluate_rows=5",
    "sample=9",
]


def told(*changes):
    return [part for change in (*TINY, *changes) for part in ("--set", change)]


def test_without_a_recipe_it_learns_from_the_plays_and_writes_a_sample(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *told()]) == 0
    said = capsys.readouterr().out
    assert "tokens to learn from, 69 different ones" in said
    assert "Validation after step 12: loss" in said and "What it writes:" in said
    assert load("runs/shakespeare/model").tokenizer.encode("To be")
    assert main(["generate", "To be", "--model", "runs/shakespeare/model", "--max-new", "3"]) == 0


def test_a_recipe_of_ones_own_names_the_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(text(), "utf-8")
    (tmp_path / "mine.toml").write_text('[data]\nfiles = ["text.txt"]\ncontext = 11\n', "utf-8")
    assert main(["train", "mine.toml", *told("model.architecture=llama", "model.kv_heads=2")]) == 0
    assert json.loads((tmp_path / "runs" / "mine" / "recipe.json").read_text("utf-8"))["training"]["steps"] == 12


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["train", "shakespear"], "glassformer: There is no recipe 'shakespear'. Did you mean 'shakespeare'?"),
        (["train", "--set", "stepz=3"], "glassformer: A recipe has no field 'stepz'. Did you mean 'steps'?"),
        (["train", "--set", "objective.name=masked_lm"], "glassformer: There is no objective 'masked_lm'."),
        (["train", "--set", "data.files=['none.txt']"], "none.txt"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(tmp_path, capsys, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1


def test_the_fields_and_the_recipes_are_listed(capsys):
    assert main(["train", "--fields"]) == 0
    said = capsys.readouterr().out
    for name in ("shakespeare", "nanogpt", "[training]", "save_every", "span_corruption", "qwen3", "kv_heads"):
        assert name in said
