"""Muon: its iteration against a singular value decomposition, its step against a loop and PyTorch's, and sharded."""

import os
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import multiprocessing, nn

from glassformer.train.average import Average
from glassformer.train.groups import trained
from glassformer.train.muon import QUINTIC, Muon, like_adamw, muon, orthogonalize, spectral
from glassformer.train.schedule import Cosine
from tests.train.test_groups import gpt, through_safetensors, train

SHAPES = [(7, 13), (13, 7), (11, 11), (13, 7), (3, 5)]


def polynomial(x, steps=5):
    a, b, c = QUINTIC
    for _ in range(steps):
        x = a * x + b * x**3 + c * x**5
    return x


def draw(shape, seed, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def parameters(dtype=torch.float64, shapes=SHAPES):
    return [nn.Parameter(draw(shape, number, dtype)) for number, shape in enumerate(shapes)]


def give_gradients(weights, step):
    for number, weight in enumerate(weights):
        weight.grad = draw(weight.shape, 100 * step + number + 17, weight.dtype)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), steps=st.integers(0, 6), rows=st.integers(1, 13))
def test_singular_vectors_stay_and_singular_values_follow_the_polynomial(seed, steps, rows):
    matrices = draw((3, rows, 13), seed)
    U, S, V = torch.linalg.svd(matrices, full_matrices=False)
    S = polynomial(S / S.norm(dim=-1, keepdim=True), steps)
    # float64; a product rounds at 1e-16, and six steps magnify the smallest directions by up to 3.4445⁶ = 1670
    torch.testing.assert_close(orthogonalize(matrices, steps), U * S[:, None] @ V, rtol=0, atol=1e-11)


def test_the_published_band():
    values = polynomial(torch.linspace(0.002, 1, 100_001, dtype=torch.float64))
    assert values.min() > 0.68 and values.max() < 1.21


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_what_comes_out_is_nearly_orthogonal(dtype):
    """A random matrix four times as wide as high has all σ / ‖X‖ above 0.002: theory says near 0.5 / √R = 0.06."""
    out = orthogonalize(draw((5, 64, 256), 0), dtype=dtype)
    assert out.dtype == dtype
    values = torch.linalg.svdvals(out.double())
    assert values.min() > 0.66 and values.max() < 1.23  # the band, and 0.02 for the rounding of bfloat16


def test_the_precision_follows_the_device(monkeypatch):
    matrices = draw((2, 5, 7), 0, torch.float32)
    for native, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda native=native: native, raising=False)
        assert orthogonalize(matrices, steps=1).dtype == dtype
        assert orthogonalize(matrices.double(), steps=1).dtype == torch.float64


def test_no_gradient_gives_no_direction():
    assert not orthogonalize(torch.zeros(2, 5, 7)).any()


@settings(max_examples=30)
@given(
    lr=st.floats(1e-4, 1),
    momentum=st.floats(0, 0.99),
    decay=st.floats(0, 0.5),
    nesterov=st.booleans(),
    scale=st.sampled_from([like_adamw, spectral]),
)
def test_equals_a_loop_over_single_matrices(lr, momentum, decay, nesterov, scale):
    ours, theirs = parameters(), [each.detach().clone() for each in parameters()]
    optimizer = Muon(ours, lr, momentum, decay, nesterov=nesterov, scale=scale)
    memories = [torch.zeros_like(each) for each in theirs]
    for step in range(4):
        give_gradients(ours, step)
        optimizer.step()
        for ours_, weight, memory in zip(ours, theirs, memories, strict=True):
            memory.mul_(momentum).add_(ours_.grad, alpha=1 - momentum)
            update = momentum * memory + (1 - momentum) * ours_.grad if nesterov else memory
            U, S, V = torch.linalg.svd(update, full_matrices=False)
            direction = U * polynomial(S / S.norm()) @ V
            weight.mul_(1 - lr * decay)
            weight -= lr * scale(*weight.shape) * direction
    # float64; rounding at 1e-16, magnified by up to 3.4445⁵ = 485 in the directions that are nearly absent
    torch.testing.assert_close([each.detach() for each in ours], theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("scale", "name"), [(spectral, "original"), (like_adamw, "match_rms_adamw")])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("steps", [1, 5])
def test_equals_pytorch_s(scale, name, nesterov, steps):
    """It iterates in bfloat16 always. Matrices far from square, so that no direction is nearly absent."""
    theirs_ = pytest.importorskip("torch", minversion="2.9").optim.Muon
    shapes = [(7, 61), (61, 7), (5, 47)]
    ours, theirs, start = (parameters(torch.float32, shapes) for _ in range(3))
    mine = Muon(ours, 0.1, 0.9, 0.2, nesterov=nesterov, scale=scale, dtype=torch.bfloat16)
    reference = theirs_(theirs, 0.1, 0.2, 0.9, nesterov, adjust_lr_fn=name)
    for step in range(steps):
        for weights, optimizer in ((ours, mine), (theirs, reference)):
            give_gradients(weights, step)
            optimizer.step()
    for one, other, before in zip(ours, theirs, start, strict=True):
        # bfloat16 rounds at 1/256, and some ten products follow each other: a few hundredths of the way
        assert (one - other).norm() < 0.03 * (other - before).norm()
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine.state[one]["momentum_buffer"], reference.state[other]["momentum_buffer"])


def test_a_step_is_as_long_as_the_scale_says():
    """With ``like_adamw`` the root of the mean square of a step is near 0.2 lr, whatever the shape."""
    weights = [nn.Parameter(torch.zeros(shape)) for shape in ((31, 127), (127, 31), (61, 61))]
    give_gradients(weights, 0)
    Muon(weights, lr=0.5, weight_decay=0).step()
    for weight in weights:
        assert 0.068 < weight.square().mean().sqrt() < 0.121  # singular values lie in 0.68 … 1.21


def test_a_parameter_without_a_gradient_stays_and_remembers_nothing():
    first, second = parameters()[:2]
    before = second.detach().clone()
    optimizer = Muon([first, second], lr=0.1)
    first.grad = torch.ones_like(first)
    optimizer.step()
    assert torch.equal(second, before) and second not in optimizer.state
    assert not torch.equal(first, parameters()[0])


def test_a_closure_is_called_with_gradients():
    (weight,) = parameters(shapes=[(3, 5)])

    def closure():
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert Muon([weight]).step(closure) == parameters(shapes=[(3, 5)])[0].square().sum()


def test_muon_shares_a_model_between_two_optimizers():
    model = gpt()
    both = muon(model, 0.02, 0.3, adamw_lr=0.005, scale=spectral)
    first, second = both.optimizers["muon"], both.optimizers["adamw"]
    inner = [name for group in first.param_groups for name in group["param_names"]]
    outer = [name for group in second.param_groups for name in group["param_names"]]
    assert sorted(inner + outer) == sorted(trained(model))
    assert {name.split(".")[-2] for name in inner} == {"q", "k", "v", "out", "up", "down"} and len(inner) == 6 * 3
    assert [(group["lr"], group["weight_decay"]) for group in both.param_groups] == [
        (0.02, 0.3), (0.005, 0.3), (0.005, 0.0),
    ]  # fmt: skip
    assert [group["lr"] for group in muon(model, 0.02).param_groups] == [0.02] * 3


def test_the_matrices_may_be_chosen():
    model = gpt()
    chosen = {name: each for name, each in trained(model).items() if name.endswith("up.weight")}
    both = muon(model, matrices=chosen)
    assert both.optimizers["muon"].param_groups[0]["param_names"] == list(chosen)
    assert "stack.0.feedforward.part.down.weight" in both.optimizers["adamw"].param_groups[0]["param_names"]


def test_without_anything_else_there_is_no_adamw():
    assert list(muon(nn.Linear(5, 3, bias=False)).optimizers) == ["muon"]


def test_it_learns():
    """Thirty steps on one batch: from ln 29 = 3.4 to less than half."""
    torch.manual_seed(0)
    model, ids = gpt().eval(), torch.randint(29, (5, 7), generator=torch.Generator().manual_seed(0))
    optimizer, losses = muon(model, 0.02), []
    for _ in range(30):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(3.37, abs=0.1) and losses[-1] < losses[0] / 2


def test_a_saved_run_goes_on_to_the_same_bits():
    schedule = Cosine(6, 2)
    whole = gpt()
    wanted = train(whole, muon(whole), 6, schedule=schedule)
    first, second = gpt(), gpt(seed=1)
    before, after = muon(first), muon(second, lr=0.5)  # the saved rate counts
    train(first, before, 3, schedule=schedule)
    second.load_state_dict(first.state_dict())
    after.load_state_dict(through_safetensors(before.state_dict()))
    got = train(second, after, 3, start=3, schedule=schedule)
    assert all(torch.equal(a, b) for a, b in zip(got, wanted, strict=True))


def sharded(rank, folder):
    """One of two processes that share every matrix by its rows; the first says what came out."""
    from torch.distributed.fsdp import fully_shard

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    model = gpt()
    for layer in model.stack:
        fully_shard(layer)
    fully_shard(model)
    optimizer, average = muon(model, 0.02), Average(model, 0.5)
    for step in range(3):
        give_sharded_gradients(model, step)
        optimizer.step()
        average.update()
    with average.applied():
        averaged = {name: each.full_tensor() for name, each in model.named_parameters()}
    weights = {name: each.full_tensor().detach() for name, each in model.named_parameters()}
    if rank == 0:
        torch.save((weights, averaged), Path(folder) / "weights")
    dist.destroy_process_group()


def give_sharded_gradients(model, step):
    from torch.distributed.tensor import DTensor, distribute_tensor

    for number, weight in enumerate(model.parameters()):
        grad = draw(weight.shape, 100 * step + number, weight.dtype)
        shared = isinstance(weight, DTensor)
        weight.grad = distribute_tensor(grad, weight.device_mesh, weight.placements) if shared else grad


def test_sharded_over_two_processes_it_makes_the_same_steps(tmp_path):
    multiprocessing.spawn(sharded, (str(tmp_path),), nprocs=2)
    weights, averaged = torch.load(tmp_path / "weights", weights_only=True)
    alone = gpt()
    optimizer, average = muon(alone, 0.02), Average(alone, 0.5)
    for step in range(3):
        give_sharded_gradients(alone, step)
        optimizer.step()
        average.update()
    for name, weight in alone.named_parameters():
        torch.testing.assert_close(
            weights[name], weight.detach(), rtol=1e-6, atol=1e-7
        )  # AdamW's kernel, other lengths
        torch.testing.assert_close(averaged[name], average.weights[name], rtol=1e-6, atol=1e-7)
        if ".part." in name and name.endswith("weight"):
            assert torch.equal(weights[name], weight)  # whole matrices, the same products


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Muon([nn.Parameter(torch.zeros(3))]), "params must be matrices, with 2 axes, not of shape (3,)."),
        (lambda: Muon(parameters(), -0.1), "lr must be 0 or more, not -0.1."),
        (lambda: Muon(parameters(), 0.1, 1.0), "momentum must be from 0 up to but not including 1, not 1.0."),
        (lambda: Muon(parameters(), weight_decay=float("nan")), "weight_decay must be 0 or more, not nan."),
        (lambda: Muon(parameters(), steps=-1), "steps must be 0 or more, not -1."),
        (
            lambda: muon(nn.Sequential(nn.Embedding(3, 2))),
            "model must have linear layers inside, whose weights are what Muon moves, and has none.",
        ),
    ],
)
def test_a_bad_value_is_named(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == message
