"""Every objective from a recipe: on the model it is for, to the end, published, and gone on with to the same bits."""

import pytest
import torch

from glassformer.hub import load
from glassformer.train.architectures import ARCHITECTURES, build
from glassformer.train.checkpoint import newest
from glassformer.train.journal import read
from glassformer.train.reading import parse
from glassformer.train.recipe import RecipeError
from glassformer.train.start import start
from glassformer.train.tasks import TASKS, fits, task
from tests.objectives.adding import adds_up
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


ENCODER_DECODERS = {"t5", "ul2", "bart"}
RECURRENT = {"lstm", "mamba"}
DECODERS = {"gpt1", "gpt2", "nanogpt", "llama", "qwen3", "palm"}
FITTING = {
    "causal": DECODERS | RECURRENT,
    "prefix": DECODERS,
    "masked": {"bert"},
    "replaced_token": {"electra"},
    "span_corruption": ENCODER_DECODERS,
    "denoising": ENCODER_DECODERS,
    "mixture": ENCODER_DECODERS,
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", TASKS)
def test_each_objective_teaches_every_model_that_fits_and_refuses_the_others(name, architecture):
    goal = task(name, {}, 31)
    sizes = {"layers": 1, "d_model": 16} | ({} if architecture in RECURRENT else {"heads": 2})
    model = build(architecture, sizes, 31 + goal.extra, 17 + goal.longer)
    if architecture not in FITTING[name]:
        with pytest.raises(
            RecipeError, match=f"^The objective '{name}' must have a model .*, not {type(model).__name__}"
        ):
            fits(name, goal, model)
        return
    fits(name, goal, model)
    chance = torch.Generator().manual_seed(4)
    value, _ = goal.loss(model, goal.make(torch.randint(31, (5, 18), generator=chance), chance))
    value.backward()
    assert value.isfinite() and all(
        weight.grad.isfinite().all() for weight in model.parameters() if weight.requires_grad
    )


@pytest.mark.parametrize("name, architecture", [("masked", "gpt2"), ("causal", "bert"), ("prefix", "mamba")])
def test_a_run_of_an_objective_on_a_model_of_another_kind_is_refused(tmp_path, name, architecture):
    tables = told(tmp_path, name).as_dict()
    tables["model"] = {"architecture": architecture, "layers": 1, "d_model": 16}
    tables["model"] |= {} if architecture == "mamba" else {"heads": 2}
    with pytest.raises(RecipeError, match=f"The objective '{name}' must have a model"):
        start(parse(tables), tmp_path / "run", bar=False)


@pytest.mark.parametrize(
    "name, where", {"prefix": "asked", "masked": "masked", "mixture": "real", "causal": ""}.items()
)
def test_parts_of_a_batch_add_up_with_their_gradients(name, where):
    goal = task(name, {}, 31)
    torch.manual_seed(3)
    model = build(MODELS[name], {"layers": 1, "heads": 2, "d_model": 16}, 31 + goal.extra, 17 + goal.longer)
    chance = torch.Generator().manual_seed(4)
    adds_up(model, goal.loss, goal.make(torch.randint(31, (7, 18), generator=chance), chance), 3, where)


@pytest.mark.parametrize(
    "options, tokens", [({}, 17), ({"share": 0.9, "mean": 1.0}, 17), ({"share": 0.5, "mean": 1.0}, 2)]
)
def test_what_is_read_is_no_longer_than_said(options, tokens):
    ids = torch.randint(31, (7, tokens + 1), generator=torch.Generator().manual_seed(4))
    for name in ("span_corruption", "denoising"):
        goal = task(name, options, 31)
        batch = goal.make(ids, torch.Generator().manual_seed(1))
        assert max(batch["source"].shape[1], batch["ids"].shape[1]) <= tokens + goal.longer
    goal = task("mixture", {}, 31)
    batch = goal.make(ids, torch.Generator().manual_seed(1))
    assert max(batch["source"].shape[1], batch["ids"].shape[1]) <= tokens + goal.longer


@pytest.mark.parametrize(
    "name, options, sentence",
    [
        ("masked", {"shares": 0.3}, r"\[objective\] masked has no field 'shares'. Did you mean 'share'\?"),
        ("causal", {"share": 0.3}, r"\[objective\] causal has no field 'share'. It has none."),
        ("masked", {"share": "much"}, r"objective.share must be like 0.15, not 'much'"),
        ("denoising", {"share": 0.0}, r"\[objective\] denoising cannot be made: there must be a way to spoil a text"),
        ("denoising", {"ends": [31]}, r"ends must be ids from 0 to below 31, not \[31\]"),
        ("masked", {"share": 0}, r"share must be above 0, or nothing is learned, not 0"),
        ("replaced_token", {"weight": -1.0}, r"weight at least 0, not 0.15 and -1.0"),
        (
            "span_corruption",
            {"mean": 0.5},
            r"\[objective\] span_corruption cannot be made: .* a mean from 1: 17, 0.15, 0.5",
        ),
        ("mixture", {"sentinels": 2}, r"sentinels must be at least 3, one for each span, not 2"),
    ],
)
def test_what_an_objective_does_not_know_is_said(name, options, sentence):
    with pytest.raises(RecipeError, match=sentence):
        task(name, options, 31).make(torch.zeros(5, 18, dtype=torch.long), torch.Generator().manual_seed(1))


def test_longer_texts_may_have_more_sentinels():
    ids = torch.zeros(5, 1025, dtype=torch.long)
    with pytest.raises(RecipeError, match="sentinels must be at least 171, one for each span, not 100"):
        task("mixture", {}, 31).make(ids, torch.Generator().manual_seed(1))
    goal = task("mixture", {"sentinels": 171}, 31)
    assert goal.make(ids, torch.Generator().manual_seed(1))["source"].max() < 31 + goal.extra


def test_packed_rows_are_for_the_causal_objective(tmp_path):
    with pytest.raises(RecipeError, match=r"data.order = 'packed' is for the objective causal, not 'masked'"):
        start(told(tmp_path, "masked", "order=packed"), tmp_path / "run", bar=False)
