"""A diagram of an architecture shows what is in the modules, in their order; masks show what is visible."""

import matplotlib.pyplot as plt
import pytest
import torch

from glassformer.catalog import build
from glassformer.glass import figures
from glassformer.glass.anatomy import Sublayer, anatomy, sublayers
from glassformer.glass.style import svg
from glassformer.models.sizes import sizes
from glassformer.parts.attention import Attention, CrossAttention
from glassformer.parts.mask import Causal, Everything, Window
from glassformer.parts.residual import PostNorm, PreNorm

NAMES = ["bert-base-uncased", "electra-small", "gpt1", "gpt2", "palm-8b", "llama-3-8b",
         "mixtral-8x7b", "mistral-7b-v0.1",
         "t5-small", "bart-base", "ul2-20b", "mamba-130m", "roberta-base"]  # fmt: skip


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def made(name):
    with torch.device("meta"):
        return build(sizes()[name].config)


@pytest.mark.parametrize("name", NAMES)
def test_a_diagram_draws_the_parts_of_the_first_layer_from_below_in_their_order(name):
    model = made(name)
    figure = figures.architecture(model, name)
    texts = sorted(((t.get_position()[1], t.get_text()) for t in figure.axes[0].texts), key=lambda pair: pair[0])
    for trunk in filter(None, (model.encoder, model)):
        drawn = [words for _, words in texts]
        wanted = [part for sub in sublayers(trunk) for part in sub.parts]
        assert all(part in drawn for part in wanted)
        if trunk is model and model.encoder is None:
            assert [words for words in drawn if words in wanted] == wanted
    additions = sum(words == "+" for _, words in texts)
    assert additions == sum(len(sublayers(trunk)) for trunk in filter(None, (model.encoder, model)))
    assert figure.get_size_inches()[0] <= 7.2 and len(svg(figure)) < 100_000


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mamba-130m"])
def test_the_walk_agrees_with_the_classes_of_the_layer(name):
    model = made(name)
    layer = list(model.stack[0].children())
    for module, sub in zip(layer, sublayers(model), strict=True):
        assert (sub.placement == "pre") == isinstance(module, PreNorm)
        assert (sub.placement == "post") == isinstance(module, PostNorm)
    attention = [m for m in model.stack[0].modules() if isinstance(m, Attention | CrossAttention)]
    words = [part for sub in sublayers(model) for part in sub.parts if "attention" in part]
    assert len(words) == len(attention)
    assert f"{attention[0].heads} heads" in words[0]


def test_the_norm_stands_below_the_part_in_pre_norm_and_above_the_addition_in_post_norm():
    for name, below in (("gpt2", True), ("gpt1", False)):
        figure = figures.architecture(made(name))
        at = {}
        for text in figure.axes[0].texts:
            at.setdefault(text.get_text().split("\n")[0], []).append(text.get_position()[1])
        assert (min(at["LayerNorm"]) < min(at["self-attention"])) == below
        assert any(min(at["self-attention"]) < y < min(at["feed-forward"]) for y in at["LayerNorm"])


def test_parallel_parts_stand_side_by_side_and_are_added_once():
    model = made("palm-8b")
    assert sublayers(model) == [
        Sublayer(
            "parallel",
            "LayerNorm, no bias",
            ("self-attention\n16 heads, 1 for k, v\nsees the past", "gated feed-forward\nSiLU\n16,384 wide"),
        )
    ]
    figure = figures.architecture(model)
    heights = {t.get_text().split("\n")[0]: t.get_position()[1] for t in figure.axes[0].texts}
    assert heights["self-attention"] == heights["gated feed-forward"]


def test_the_table_is_read_from_the_modules():
    told = {name: anatomy(made(name)) for name in NAMES}
    assert told["t5-small"]["scale"] == "1" and told["bart-base"]["scale"] == "0.125"
    assert told["t5-small"]["sees"] == "all; the past; the source"
    assert told["bert-base-uncased"]["sees"] == "all" and told["gpt2"]["sees"] == "the past"
    assert told["mistral-7b-v0.1"]["sees"] == "the past, 4096 tokens"
    assert told["llama-3-8b"]["k, v heads"] == "8 of 32" and told["palm-8b"]["k, v heads"] == "1 of 16"
    assert told["gpt1"]["placement"] == "post" and told["gpt1"]["last norm"] == "no"
    assert told["gpt2"]["placement"] == "pre" and told["gpt2"]["last norm"] == "yes"
    assert told["electra-small"]["predicts"] == "was it replaced?"
    assert told["bert-base-uncased"]["biases"] == "yes" and told["llama-3-8b"]["biases"] == "no"


def test_an_unknown_placement_is_refused():
    model = made("gpt2")
    model.stack[0].attention = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="not Linear"):
        sublayers(model)


def test_masks_are_filled_where_a_query_may_see():
    slots = torch.arange(5)
    figure = figures.masks({"causal": Causal().visible(slots, slots), "all": Everything().visible(slots, slots),
                            "window": (Causal() & Window(2)).visible(slots, slots)})  # fmt: skip
    assert "causal 15 of 25; all 25 of 25; window 9 of 25" in figure._glassformer_alt
    with pytest.raises(ValueError, match="at least one"):
        figures.masks({})


def test_gradients_over_depth_are_described():
    figure = figures.gradient_depth({"pre": ([2, 4], [[1.0, 0.5], [1.2, 0.7]])}, "layers")
    assert "pre from 1.10 to 0.60" in figure._glassformer_alt
