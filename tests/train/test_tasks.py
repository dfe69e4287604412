"""Every objective from a recipe: on the model it is for, to the end, published, and gone on with to the same bits."""

import pytest
import torch

from glassformer.hub import load
from glassformer.train.checkpoint import newest
from glassformer.train.journal import read
from glassformer.train.reading import parse
from glassformer.train.recipe import RecipeError
from glassformer.train.start import start
from glassformer.train.tasks import TASKS, task
from tests.train.test_start import everything, same_bits
from tests.train.tiny import recipe

SMALL = {"layers": 1, "heads": 2, "d_model": 16, "dropout": 0.0}
MODELS = {
    "causal": "gpt2",
    "prefix": "gpt2",
    "masked": "bert",
    "replaced_token": "electra",
    "span_corruption": "t5",
    "denoising": "bart",
    "mixture": "ul2",
}


def told(tmp_path, name, *changes, **options):
    tables = recipe(tmp_path, "average=0", "save_every=7", "batch=19", "steps=60", "lr=0.02").as_dict()
    tables["model"] = {"architecture": MODELS[name], **SMALL}
    tables["objective"] = {"name": name, **options}
    return parse(tables, changes)


def test_each_objective_has_a_model_here():
    assert MODELS.keys() == TASKS.keys()


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_is_published_and_goes_on_to_the_same_bits(tmp_path, name):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert start(told(tmp_path, name), whole, bar=False).done
    losses = [line["loss"] for line in read(whole) if "loss" in line]
    assert sum(losses[-9:]) / 9 < sum(losses[:9]) / 9 - 0.1
    loaded = load(whole / "model")
    assert loaded.tokenizer is not None
    start(told(tmp_path, name), broken, bar=False)
    for path in newest(broken).path.iterdir():
        path.unlink()
    assert newest(broken).step == 56
    start(told(tmp_path, name), broken, bar=False)
    assert same_bits(everything(whole), everything(broken))


@pytest.mark.parametrize("name", MODELS)
def test_all_batches_have_one_shape_and_depend_on_the_generator_alone(name):
    goal = task(name, {}, 31)
    ids = torch.randint(31, (5, 18), generator=torch.Generator().manual_seed(4))
    one, other, again = (goal.make(ids, torch.Generator().manual_seed(seed)) for seed in (1, 2, 1))
    assert {key: tensor.shape for key, tensor in one.items()} == {key: tensor.shape for key, tensor in other.items()}
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert max(int(tensor.max()) for tensor in one.values() if tensor.dtype == torch.int64) < 31 + goal.extra


@pytest.mark.parametrize("name, architecture", [("masked", "gpt2"), ("causal", "bert"), ("mixture", "llama")])
def test_a_model_of_another_kind_is_refused(tmp_path, name, architecture):
    tables = told(tmp_path, name).as_dict()
    tables["model"] = {"architecture": architecture, "layers": 1, "heads": 2, "d_model": 16}
    with pytest.raises(RecipeError, match="must have a model of the kind"):
        start(parse(tables), tmp_path / "run", bar=False)


@pytest.mark.parametrize(
    "name, options, sentence",
    [
        ("masked", {"shares": 0.3}, r"\[objective\] masked has no field 'shares'. Did you mean 'share'\?"),
        ("causal", {"share": 0.3}, r"\[objective\] causal has no field 'share'. It has none."),
        ("masked", {"share": "much"}, r"objective.share must be like 0.15, not 'much'"),
        ("denoising", {"share": 0.0}, r"must have a way to spoil a text"),
    ],
)
def test_what_an_objective_does_not_know_is_said(name, options, sentence):
    with pytest.raises(RecipeError, match=sentence):
        task(name, options, 31)


def test_packed_rows_are_for_the_causal_objective(tmp_path):
    with pytest.raises(RecipeError, match=r"data.order = 'packed' is for the objective causal, not 'masked'"):
        start(told(tmp_path, "masked", "order=packed"), tmp_path / "run", bar=False)
