"""Who is decayed and who is orthogonalized; AdamW against PyTorch's and the one to read; states that travel."""

import json

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from glassformer.models.bert import Bert, BertConfig
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.mamba import Mamba, MambaConfig
from glassformer.models.mixtral import Mixtral, MixtralConfig
from glassformer.models.t5 import T5, T5Config
from glassformer.train.groups import Together, adamw, groups, hidden_matrices, trained
from glassformer.train.optimizer import Adam
from glassformer.train.schedule import set_lr


def through_safetensors(state):
    """A state as it comes back from two files: tensors in safetensors, all else in JSON. Nothing is pickled."""
    tensors = {}

    def strip(value):
        if isinstance(value, torch.Tensor):
            tensors[str(len(tensors))] = value.contiguous()
            return {"tensor": str(len(tensors) - 1)}
        if isinstance(value, dict):
            return {"pairs": [[key, strip(item)] for key, item in value.items()]}
        return [strip(item) for item in value] if isinstance(value, list | tuple) else value

    def fill(value):
        if isinstance(value, list):
            return [fill(item) for item in value]
        if not isinstance(value, dict):
            return value
        return read[value["tensor"]] if "tensor" in value else {key: fill(item) for key, item in value["pairs"]}

    text = json.dumps(strip(state))
    read = load(save(tensors))
    return fill(json.loads(text))


def gpt(seed=0, **sizes):
    torch.manual_seed(seed)
    return GPT2(
        GPTConfig(**{"vocab": 29, "max_positions": 11, "d_model": 14, "layers": 3, "heads": 2, "d_ff": 23} | sizes)
    )


def train(model, optimizer, steps, start=0, schedule=lambda step: 1.0):
    """Some steps on tokens that depend on the step alone."""
    model.eval()  # no dropout
    for step in range(start, start + steps):
        ids = torch.randint(29, (5, 7), generator=torch.Generator().manual_seed(step))
        set_lr(optimizer, schedule(step))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimizer.step()
    return [parameter.detach().clone() for parameter in model.parameters()]


def names(group):
    return {name for name, _ in group["params"]}


def test_matrices_are_decayed_and_vectors_are_not():
    decayed, kept = groups(gpt(layers=1), 0.1)
    inner = {name for name, _ in gpt(layers=1).named_parameters() if name.startswith("stack")}
    matrices = {name for name in inner if name.endswith(".weight") and ".part." in name}
    assert len(matrices) == 6
    assert names(decayed) == matrices | {"embed.weight", "positions.weight"}
    assert names(kept) == inner - matrices | {"norm.weight", "norm.bias"}
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.1, 0.0)


def test_what_mamba_asks_to_be_spared():
    mamba = Mamba(MambaConfig(vocab=29, d_model=7, layers=2, d_inner=13, d_state=3, dt_rank=5))
    decayed, kept = groups(mamba, 0.1)
    assert {name.rpartition(".")[2] for name in names(decayed)} == {"weight"}
    assert sum(name.endswith(("A_log", "skip")) for name in names(kept)) == 4
    assert {name for name in names(decayed) if "embed" in name or "conv" in name or "proj" in name} == names(decayed)
    everything, nothing = groups(mamba, 0.1, spared=".*")[0], groups(mamba, 0.1, spared="")
    assert names(everything) == set(trained(mamba)) and everything["weight_decay"] == 0
    assert sum(name.endswith("A_log") for name in names(nothing[0])) == 2


MODELS = {
    "gpt2": gpt,
    "mamba": lambda: Mamba(MambaConfig(vocab=29, d_model=7, layers=2, d_inner=13, d_state=3, dt_rank=5)),
    "t5": lambda: T5(T5Config(vocab=29, d_model=14, encoder_layers=2, layers=2, heads=2, d_k=5, d_ff=23)),
    "bert": lambda: Bert(BertConfig(vocab=29, max_positions=11, d_model=14, layers=2, heads=2, d_ff=23)),
    "mixtral": lambda: Mixtral(
        MixtralConfig(vocab=29, d_model=14, layers=2, heads=2, kv_heads=1, d_ff=23, experts=3, chosen=2)
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_is_in_one_group_once(name):
    model = MODELS[name]()
    found = [parameter for group in groups(model, 0.1) for _, parameter in group["params"]]
    assert len(found) == len({id(parameter) for parameter in found})
    assert {id(parameter) for parameter in found} == {id(parameter) for parameter in model.parameters()}


@pytest.mark.parametrize(
    ("name", "each", "others"),
    [
        ("gpt2", ["q", "k", "v", "out", "up", "down"], {"embed.weight", "positions.weight"}),
        ("mamba", ["in_proj", "x_proj", "dt_proj", "out_proj"], {"embed.weight"}),
        ("mixtral", ["q", "k", "v", "out", "gate", "up", "down", "router"], {"embed.weight", "head.weight"}),
        ("bert", ["q", "k", "v", "out", "up", "down"], None),
        ("t5", ["q", "k", "v", "out", "up", "down"], None),
    ],
)
def test_hidden_matrices(name, each, others):
    """Those of linear layers inside the model, and never an embedding, a table of positions, a convolution, a head."""
    model = MODELS[name]()
    found = hidden_matrices(model)
    assert {key.split(".")[-2] for key in found} == set(each)
    assert all(parameter.ndim == 2 and "stack." in key for key, parameter in found.items())
    rest = {key for key, parameter in trained(model).items() if parameter.ndim == 2 and "A_log" not in key} - set(found)
    assert not any(key.split(".")[-2] in each for key in rest - {key for key in rest if key.startswith("head")})
    assert others is None or rest == others


def test_a_head_that_is_registered_before_its_embedding_is_still_none_of_the_hidden():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(5, 29, bias=False)
            self.embed = nn.Embedding(29, 5)
            self.middle = nn.Linear(5, 5)
            self.out.weight = self.embed.weight

    assert list(hidden_matrices(Backwards())) == ["middle.weight"]


def test_frozen_parameters_are_left_out():
    model = gpt()
    model.embed.requires_grad_(False)
    assert "embed.weight" not in trained(model)
    model.stack.requires_grad_(False)
    assert not hidden_matrices(model)


def test_adamw_is_pytorch_s_over_groups_written_by_hand():
    ours, theirs = gpt(), gpt()
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in theirs.parameters() if p.ndim >= 2], "weight_decay": 0.3},
            {"params": [p for p in theirs.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=0.01, betas=(0.8, 0.9), eps=1e-7, fused=True,
    )  # fmt: skip
    first = train(ours, adamw(ours, 0.01, (0.8, 0.9), 0.3, eps=1e-7), 5)
    assert all(torch.equal(a, b) for a, b in zip(first, train(theirs, optimizer, 5), strict=True))  # the same kernel


def test_adamw_without_decay_is_the_adam_that_can_be_read():
    ours, read = gpt().double(), gpt().double()
    plain = Adam(read.parameters(), 0.01, (0.9, 0.95))
    plain.param_groups = []  # nothing for a schedule to set
    torch.testing.assert_close(
        train(ours, adamw(ours, 0.01, weight_decay=0.0), 5), train(read, plain, 5), rtol=1e-9, atol=1e-12
    )  # float64; only the order of rounding differs


def test_adamw_is_fused_where_it_can_be():
    assert adamw(gpt()).defaults["fused"] is True
    assert adamw(gpt(), fused=False).defaults["fused"] is False
    with torch.device("meta"):
        assert adamw({"w": nn.Parameter(torch.empty(3, 2))}).defaults["fused"] is False


def test_a_saved_adamw_goes_on_to_the_same_bits():
    def schedule(step):
        return 1 / (step + 1)

    whole = gpt()
    wanted = train(whole, adamw(whole), 6, schedule=schedule)
    first = gpt()
    optimizer = adamw(first)
    train(first, optimizer, 3, schedule=schedule)
    second = gpt(seed=1)
    second.load_state_dict(first.state_dict())
    resumed = adamw(second, lr=0.5)  # the saved one counts
    resumed.load_state_dict(through_safetensors(optimizer.state_dict()))
    got = train(second, resumed, 3, start=3, schedule=schedule)
    assert all(torch.equal(a, b) for a, b in zip(got, wanted, strict=True))


def test_together_has_what_each_has():
    first, second = (torch.optim.SGD([nn.Parameter(torch.zeros(n))], lr=n, momentum=0.5) for n in (2, 3))
    both = Together({"a": first, "b": second})
    assert [group["lr"] for group in both.param_groups] == [2, 3]
    set_lr(both, 0.5)
    assert (first.param_groups[0]["lr"], second.param_groups[0]["lr"]) == (1, 1.5)
    for group in both.param_groups:
        group["params"][0].grad = torch.ones_like(group["params"][0])
    both.step()
    assert [group["params"][0].tolist() for group in both.param_groups] == [[-1] * 2, [-1.5] * 3]
    both.zero_grad()
    assert all(group["params"][0].grad is None for group in both.param_groups)
    both.load_state_dict(through_safetensors(both.state_dict()))
    assert [group["lr"] for group in both.param_groups] == [1, 1.5]
    set_lr(both, 1.0)  # the groups are new dictionaries now
    assert [group["lr"] for group in both.param_groups] == [2, 3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adamw({}), "model must have at least one parameter that wants a gradient, and has none."),
        (lambda: groups(gpt(), -0.1), "weight_decay must be 0 or more, not -0.1."),
        (lambda: groups(gpt(), float("nan")), "weight_decay must be 0 or more, not nan."),
        (
            lambda: Together({"a": torch.optim.SGD([torch.zeros(1)])}).load_state_dict({"b": {}}),
            "state must be of the optimizers ['a'], not ['b'].",
        ),
    ],
)
def test_a_bad_value_is_named(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == message
