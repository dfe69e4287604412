"""Recipes: what is left out, what is wrong, and that each mistake gets one sentence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.train.architectures import ARCHITECTURES, build, sizes
from glassformer.train.reading import known, load, parse
from glassformer.train.recipe import Recipe, RecipeError
from glassformer.train.recipes import find, recipes


def test_an_empty_recipe_is_the_defaults():
    assert parse({}) == Recipe()


@given(
    st.integers(1, 10**6),
    st.floats(0, 10, allow_nan=False),
    st.booleans(),
    st.lists(st.text(max_size=5), max_size=3),
)
def test_a_recipe_written_as_json_is_read_back(steps, lr, compiled, files):
    recipe = parse(
        {
            "data": {"files": files},
            "model": {"layers": 3},
            "optimizer": {"lr": lr},
            "training": {"steps": steps, "compile": compiled},
        }
    )
    assert parse(json.loads(json.dumps(recipe.as_dict()))) == recipe


@pytest.mark.parametrize(
    "change, place, value",
    [
        ("steps=500", ("training", "steps"), 500),
        ("training.steps=500", ("training", "steps"), 500),
        ("lr=3e-4", ("optimizer", "lr"), 3e-4),
        ("compile=true", ("training", "compile"), True),
        ("tokenizer=bpe:512", ("data", "tokenizer"), "bpe:512"),
        ("files=['a.txt', 'b.txt']", ("data", "files"), ("a.txt", "b.txt")),
        ("average = 0.99", ("training", "average"), 0.99),
    ],
)
def test_a_change_needs_no_table(change, place, value):
    assert getattr(getattr(parse({}, [change]), place[0]), place[1]) == value


def test_sizes_and_options_are_kept_for_what_they_belong_to():
    recipe = parse({}, ["model.layers=7", "objective.share=0.3"])
    assert recipe.model.sizes == {"layers": 7} and recipe.objective.options == {"share": 0.3}


@pytest.mark.parametrize(
    "tables, changes, sentence",
    [
        ({"training": {"stepz": 3}}, [], r"\[training\] has no field 'stepz'. Did you mean 'steps'\?"),
        ({"trainin": {}}, [], r"A recipe has no field 'trainin'. Did you mean 'training'\?"),
        ({}, ["stepz=3"], r"no field 'stepz'. Did you mean 'steps'\?"),
        ({}, ["layers=3"], r"set as model.layers=…"),
        ({}, ["name"], r"must be NAME=VALUE, such as steps=500, not 'name'"),
        ({"training": 3}, [], r"training must be a table, not 3"),
        ({"training": {"steps": 0}}, [], r"training.steps must be at least 1, not 0"),
        ({"training": {"steps": 2.5}}, [], r"training.steps must be a whole number, not 2.5"),
        ({"training": {"steps": True}}, [], r"training.steps must be a whole number, not True"),
        ({"optimizer": {"lr": float("nan")}}, [], r"optimizer.lr must be at least 0, not nan"),
        ({"optimizer": {"name": "adam"}}, [], r"optimizer.name must be adamw or muon, not 'adam'"),
        ({"data": {"files": "a.txt"}}, [], r"data.files must be a list, not 'a.txt'"),
        ({}, ["optimizer.betas=[0.9, 'x']"], r"optimizer.betas must be a number, not 'x'"),
    ],
)
def test_each_mistake_gets_one_sentence(tables, changes, sentence):
    with pytest.raises(RecipeError, match=sentence):
        parse(tables, changes)


def test_a_file_that_is_no_recipe_is_said(tmp_path):
    with pytest.raises(RecipeError, match=r"There is no recipe .*none.toml"):
        load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("steps =", "utf-8")
    with pytest.raises(RecipeError, match=r"bad.toml is not a TOML file"):
        load(tmp_path / "bad.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"binary.toml is not a TOML file"):
        load(tmp_path / "binary.toml")


def test_a_run_is_named_after_its_file(tmp_path):
    (tmp_path / "mine.toml").write_text("[training]\nsteps = 3\n", "utf-8")
    assert load(tmp_path / "mine.toml").name == "mine"


def test_every_field_says_what_it_means():
    listed = list(known())
    assert len({(table, name) for table, name, _, _ in listed}) == len(listed) > 30
    assert all(len(meaning) > 8 for _, _, _, meaning in listed)


@pytest.mark.parametrize("name, about", list(recipes()))
def test_the_recipes_that_come_along_are_right_and_say_what_they_are(name, about):
    recipe = load(find(name))
    assert about and recipe.name == name
    build(recipe.model.architecture, recipe.model.sizes, 401, recipe.data.context)


def test_a_recipe_that_is_not_there_is_said():
    with pytest.raises(RecipeError, match=r"There is no recipe 'shakespear'. Did you mean 'shakespeare'\?"):
        find("shakespear")


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "electra"])
def test_every_architecture_is_built_small(architecture):
    small = {"layers": 2, "heads": 2, "d_model": 24}
    given = {name: value for name, value in small.items() if name in dict(sizes(architecture))}
    model = build(architecture, given, vocab=101, context=17)
    assert model.embed.num_embeddings == 101
    assert sum(weight.numel() for weight in model.parameters()) < 200_000


@pytest.mark.parametrize(
    "architecture, given, sentence",
    [
        ("gpt3", {}, r"There is no architecture 'gpt3'. Did you mean 'gpt1'|'gpt2'\?"),
        ("gpt2", {"layer": 2}, r"\[model\] of gpt2 has no field 'layer'. Did you mean 'layers'\?"),
        ("gpt2", {"layers": "two"}, r"model.layers must be like 12, not 'two'"),
        ("gpt2", {"vocab": 50}, r"model.vocab must be at least 101, which the tokenizer needs, not 50"),
        ("gpt2", {"d_model": 25, "heads": 2}, r"The sizes of \[model\] do not fit: .*25"),
    ],
)
def test_sizes_that_do_not_fit_are_said(architecture, given, sentence):
    with pytest.raises(RecipeError, match=sentence):
        build(architecture, given, vocab=101, context=17)
