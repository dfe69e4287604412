"""The model that comes along: small, from a recipe that is here, and as good as its log says."""

import json

import pytest
import torch

from glassformer.generate.text import stream
from glassformer.hub import SHIPPED, load, shipped_names
from glassformer.objectives import causal
from glassformer.train.data import InOrder, Tokens, shakespeare
from glassformer.train.evaluate import evaluate
from glassformer.train.reading import load as read_recipe
from glassformer.train.recipes import find
from glassformer.train.step import Objective


def test_it_is_small_and_loads_without_a_network(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert shipped_names() == ["shakespeare"]
    folder = SHIPPED / "shakespeare"
    assert (folder / "model.safetensors").stat().st_size <= 4_000_000
    _, tokenizer, about = load("shakespeare")
    assert about.family == "qwen3" and about.parameters < 1_000_000
    assert tokenizer.decode(tokenizer.encode("To be, or not to be")) == "To be, or not to be"


def test_its_recipe_is_the_one_that_comes_along():
    told = json.loads((SHIPPED / "shakespeare" / "recipe.json").read_text("utf-8"))
    assert told == json.loads(json.dumps(read_recipe(find("shipped")).as_dict()))


def test_it_is_as_good_as_its_log_says_on_plays_that_it_has_not_seen():
    lines = [json.loads(line) for line in (SHIPPED / "shakespeare" / "log.jsonl").read_text("utf-8").splitlines()]
    said = [line["validation_loss"] for line in lines if "validation_loss" in line][-1]
    model, tokenizer, _ = load("shakespeare")
    windows = InOrder(Tokens.of([tokenizer.encode(text) for text in shakespeare()[1]]), 128)
    chosen = range(0, len(windows) - 1, 16)  # every sixteenth window
    batches = [causal.batch(*windows.rows(number, number + 1)) for number in chosen]
    found = evaluate(Objective(model, causal.loss), batches)["loss"]
    assert found == pytest.approx(said, abs=0.04)  # a sixteenth of the text
    assert said < 1.45


def test_it_writes_words():
    model, tokenizer, _ = load("shakespeare")
    text = "".join(
        stream(model, tokenizer, "What is thy name?\n", max_new=105, generator=torch.Generator().manual_seed(1))
    )
    known = set(" ".join(shakespeare()[0]).split())
    words = text.split()
    assert len(words) > 10 and sum(word in known for word in words) / len(words) > 0.75
