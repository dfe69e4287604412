"""The selective scan against its loop, and Mamba's mixer against the published implementation.

Sizes: B 2, T 11 or as named, D 7, E 5, N 3, R 13: a prime each, so that a swapped axis does not pass.
"""

import itertools
import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.parts.mask import Causal
from glassformer.parts.scan import scan_chunked, scan_loop
from glassformer.parts.ssm import SelectiveSSM
from glassformer.parts.state import new_state
from glassformer.parts.step import Step
from tests.conftest import skip

B, T, D, E, N, R = 2, 11, 7, 5, 3, 13


def inputs(batch, tokens, channels, states, seed=0, longest=10.0):
    """Steps from 0.001 to ``longest``, and rates from −1 to −16, so that decays reach exp(−160): 0 in float32."""
    g = torch.Generator().manual_seed(seed)
    random = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64)  # noqa: E731
    uniform = lambda *shape: torch.rand(*shape, generator=g, dtype=torch.float64)  # noqa: E731
    dt = 0.001 * (longest / 0.001) ** uniform(batch, tokens, channels)
    dt.view(-1)[0], dt.view(-1)[-1] = longest, 0.0
    rates = -(16 ** uniform(channels, states))
    return [
        random(batch, tokens, channels),
        dt,
        rates,
        random(batch, tokens, states),
        random(batch, tokens, states),
        random(batch, channels, states),
    ]


def everything(scan, tensors):
    """Output, final state, and the gradients of a loss on both by all six inputs."""
    leaves = [t.clone().requires_grad_() for t in tensors]
    y, h = scan(*leaves)
    g = torch.Generator().manual_seed(1)
    weigh = [torch.randn(each.shape, generator=g, dtype=torch.float64).to(each) for each in (y, h)]
    return [y, h, *torch.autograd.grad((y * weigh[0]).sum() + (h * weigh[1]).sum(), leaves)]


NAMES = ["y", "h", "dx", "ddt", "dA", "dB", "dC", "dh"]


def assert_near(ours, theirs, relative):
    for name, a, b in zip(NAMES, ours, theirs, strict=True):
        assert a.shape == b.shape and a.isfinite().all(), name
        assert (a - b).abs().max() <= relative * max(1, b.abs().max()), name


@pytest.mark.parametrize("tokens", [1, 127, 2048])
def test_chunks_equal_the_loop(tokens):
    tensors = inputs(B, tokens, E, N)
    exact = everything(scan_loop, tensors)
    # A sum of at most B · T = 4096 terms in another order, each exact to 2^-53: their number times that, at worst.
    assert_near(everything(scan_chunked, tensors), exact, 4096 * 2**-53)
    # float32: rounding errors of random sign add as √4096 · 2^-24 = 4e-6, and exp of a rounded exponent of size 10 is
    # off by 10 · 2^-24 more. The loop itself is held to the same.
    single = [t.float() for t in tensors]
    assert_near(everything(scan_chunked, single), exact, 5e-6)
    assert_near(everything(scan_loop, single), exact, 5e-6)


@given(*(st.integers(1, n) for n in (3, 19, 5, 4)), st.integers(1, 23), st.floats(0.01, 100), st.integers(0, 99))
@settings(max_examples=40)
def test_any_sizes(batch, tokens, channels, states, chunk, longest, seed):
    tensors = inputs(batch, tokens, channels, states, seed, longest)
    chunked = everything(lambda *each: scan_chunked(*each, chunk=chunk), tensors)
    assert_near(chunked, everything(scan_loop, tensors), 1e-12)  # float64, some twenty terms of size up to 100


def test_gradient_is_the_slope():
    tensors = [t.requires_grad_() for t in inputs(2, 7, 3, 2, longest=1.0)]
    assert torch.autograd.gradcheck(lambda *each: scan_chunked(*each, chunk=3), tensors)


def test_only_what_is_asked_for_and_no_state_before():
    x, dt, rates, b, c, _ = inputs(B, T, E, N)
    y, h = scan_chunked(x, dt, rates.requires_grad_(), b, c, chunk=3)
    y_loop, h_loop = scan_loop(x, dt, rates, b, c)
    # float64: one part in 1e13 for a sum of 11 terms
    torch.testing.assert_close((y, h), (y_loop, h_loop), rtol=1e-13, atol=1e-13)
    (ours,) = torch.autograd.grad(y.sum(), rates)  # dh is undefined, dy expanded from one number
    (theirs,) = torch.autograd.grad(y_loop.sum(), rates)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_by_hand():
    """One channel, one number: h = 1, then half of it and 2 · 3 · 5 more, read out by 7."""
    one = lambda *values: torch.tensor(values, dtype=torch.float64).view(1, -1, 1)  # noqa: E731
    rate = torch.full((1, 1), -math.log(2) / 2, dtype=torch.float64)
    for scan in (scan_loop, scan_chunked):
        y, h = scan(one(0, 3), one(0, 2), rate, one(1, 5), one(7, 7), torch.ones(1, 1, 1, dtype=torch.float64))
        assert y.flatten().tolist() == pytest.approx([7, 7 * 30.5], rel=1e-14)
        assert h.item() == pytest.approx(30.5, rel=1e-14)


def peak(run):
    """The most bytes that PyTorch held at once, beyond those at the start."""
    with torch.profiler.profile(profile_memory=True) as profile:
        run()
    sizes = [e.nbytes() for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    return max(itertools.accumulate(sizes))


def test_memory_is_bounded_by_the_chunk():
    def used(scan, tokens):
        tensors = [t.float() for t in inputs(1, tokens, 61, 16)]
        return peak(lambda: everything(scan, tensors))

    chunked = partial(scan_chunked, chunk=16)
    state, row = 61 * 16 * 4, 61 * 4  # bytes of one E · N and of one E in float32
    grown = (used(chunked, 641) - used(chunked, 321)) / 320  # for each moment
    # x, y and dt, their gradients, their copies as leaves and the loss's own are rows: fewer than twenty.
    assert grown < state / 16 + 20 * row, "one state a chunk stays, and no more"
    assert used(chunked, 321) < 8 * 16 * state + 321 * (state / 16 + 20 * row)
    assert (used(scan_loop, 641) - used(scan_loop, 321)) / 320 > 3 * state, "the loop keeps several states a moment"


def test_scan_errors():
    with pytest.raises(ValueError, match=r"chunk \(0\) must be at least 1"):
        scan_chunked(*inputs(B, T, E, N), chunk=0)


def mixer(dtype=torch.float64, seed=0, **rest):
    torch.manual_seed(seed)
    return SelectiveSSM(D, E, N, **({"d_conv": 4, "dt_rank": R} | rest)).to(dtype)


def noise(*shape, seed=2, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def step_for(x, state=None, real=None):
    return Step(x.shape[0], x.shape[1], x.device, Causal(), real, state)


def call(part, x, state, real=None):
    y = part(x, step_for(x, state, real))
    state.close(x.shape[1])
    return y


PUBLISHED = {"A_log": "A_log", "skip": "D", "conv.weight": "conv1d.weight", "conv.bias": "conv1d.bias"}


@pytest.fixture
def reference():
    """``MambaMixer`` with the weights of a part: the published implementation's slow path."""
    try:
        from transformers import MambaConfig
        from transformers.models.mamba.modeling_mamba import MambaMixer
    except ImportError:
        skip("transformers", "pip install transformers")

    def make(part, bias, conv_bias):
        config = MambaConfig(
            hidden_size=D, intermediate_size=E, state_size=N, conv_kernel=4, time_step_rank=R,
            use_bias=bias, use_conv_bias=conv_bias, num_hidden_layers=1, vocab_size=3,
        )  # fmt: skip
        config.intermediate_size = E  # it computes expand · hidden_size otherwise
        theirs = MambaMixer(config, layer_idx=0)
        theirs.load_state_dict({PUBLISHED.get(name, name): value for name, value in part.state_dict().items()})
        return theirs.to(part.skip.dtype)

    return make


@pytest.mark.parametrize(
    ("bias", "conv_bias", "padded"), [(False, True, False), (True, False, False), (False, True, True)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_published_mixer(reference, monkeypatch, bias, conv_bias, padded, dtype):
    if dtype == torch.float64:
        monkeypatch.setattr(torch.Tensor, "float", lambda t: t)  # the reference goes down to float32 in its scan
    ours = mixer(dtype, bias=bias, conv_bias=conv_bias)
    theirs = reference(ours, bias, conv_bias)
    x = 3 * noise(B, T, D, dtype=dtype)
    real = torch.ones(B, T, dtype=torch.bool)
    real[1, :4] = not padded
    y = ours(x, step_for(x, real=real) if padded else None)
    y_theirs = theirs(x, attention_mask=real if padded else None)
    keep = real[..., None]
    # The project's parity rule: rounding of float32 in another order; 1e-9 would not bear a wrong term.
    limit = 1e-9 if dtype == torch.float64 else 1e-5 * max(1, y_theirs.abs().max().item())
    assert ((y - y_theirs) * keep).abs().max() < limit
    (y * keep).square().sum().backward()
    (y_theirs * keep).square().sum().backward()
    if dtype == torch.float64:
        for name, parameter in ours.named_parameters():
            grad = theirs.get_parameter(PUBLISHED.get(name, name)).grad
            assert grad.abs().max() > 0 and (parameter.grad - grad).abs().max() < 1e-9, name


def test_loop_and_chunks_in_the_mixer():
    x = noise(B, T, D)
    # float64, sums of some ten terms
    torch.testing.assert_close(mixer(scan=scan_loop)(x), mixer()(x), rtol=1e-12, atol=1e-13)


def test_initialization_is_the_published_one():
    torch.manual_seed(0)
    part = SelectiveSSM(96, 1999, 5)
    assert part.dt_rank == 6
    dt = torch.nn.functional.softplus(part.dt_proj.bias)
    # float32, through exp and log and back: a few parts in 1e6, more where dt is small
    assert dt.min() >= 0.001 * (1 - 1e-4) and dt.max() <= 0.1 * (1 + 1e-4)
    # log-uniform: the mean of log dt is in the middle, within 5 standard errors
    middle, spread = math.log(0.01), math.log(100) / math.sqrt(12)
    assert abs(dt.log().mean() - middle) < 5 * spread / math.sqrt(1999)
    assert part.dt_proj.weight.abs().max() <= 6**-0.5 < 1.02 * part.dt_proj.weight.abs().max()
    torch.testing.assert_close(part.A_log.exp(), torch.arange(1.0, 6).expand(1999, 5))
    assert part.skip.eq(1).all()
    before = {name: p.clone() for name, p in part.named_parameters()}
    with torch.no_grad():
        for p in part.parameters():
            p.fill_(9)
    part.reset()
    torch.manual_seed(0)
    again = SelectiveSSM(96, 1999, 5)
    for (name, p), q in zip(part.named_parameters(), again.parameters(), strict=True):
        assert p.ne(9).all(), name
        assert q.equal(before[name]), f"{name}: the seed decides"


def test_parameter_count_of_the_published_size():
    """mamba-130m has 24 of these at d_model 768, d_inner 1536; 2 · 1536 · 768 and the rest, counted by hand."""
    count = sum(p.numel() for p in SelectiveSSM(768, 1536).parameters())
    by_hand = 3072 * 768 + 1536 * 4 + 1536 + 80 * 1536 + 1536 * 48 + 1536 + 1536 * 16 + 1536 + 768 * 1536
    assert count == by_hand


def test_no_leak_from_the_future():
    x = noise(B, T, D).requires_grad_()
    (grad,) = torch.autograd.grad(mixer()(x)[:, 6].sum(), x)
    assert grad[:, 7:].eq(0).all() and grad[:, :7].ne(0).all()


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.sampled_from([1, 2, 4]), st.integers(0, 5))
@settings(max_examples=30)
def test_with_state_equals_without(lengths, d_conv, pads):
    """A text in pieces of any length, padded on the left, equals the text at once."""
    part, tokens = mixer(torch.float32, d_conv=d_conv, bias=True), sum(lengths)
    x, real = noise(B, tokens, D, dtype=torch.float32), torch.ones(B, tokens, dtype=torch.bool)
    real[0, : min(pads, tokens - 1)] = False
    state = new_state(part, B, tokens)
    with torch.no_grad():
        whole = part(x, step_for(x, real=real))
        pieces = [call(part, *each) for each in zip(
            x.split(lengths, 1), itertools.repeat(state), real.split(lengths, 1), strict=False)]  # fmt: skip
    # float32, sums of some thirty terms of size 1
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        alone = part(x[:1, min(pads, tokens - 1) :])
    torch.testing.assert_close(whole[:1, min(pads, tokens - 1) :], alone, rtol=1e-5, atol=1e-5)


def test_pads_contribute_nothing():
    part, real = mixer(bias=True), torch.ones(B, T, dtype=torch.bool)
    real[1, :4] = False
    x = noise(B, T, D)
    other = torch.where(real[..., None], x, 99.0)
    states = [new_state(part, B, T) for _ in range(2)]
    first, second = (call(part, *each, real) for each in zip((x, other), states, strict=True))
    assert first[real].equal(second[real])
    assert states[0].entries[0].h.equal(states[1].entries[0].h)
    some = x.clone().requires_grad_()
    part(some, step_for(some, real=real))[real].sum().backward()
    assert some.grad[1, :4].eq(0).all() and some.grad[real].ne(0).all()


def test_pads_leave_the_hidden_state_alone():
    """Also on the right: no time passes at a pad."""
    part = mixer()
    short, long = new_state(part, 1, T), new_state(part, 1, T)
    x = noise(1, T, D)
    call(part, x[:, :7], short)
    call(part, x, long, torch.arange(T)[None] < 7)
    # float64: the same seven terms
    torch.testing.assert_close(long.entries[0].h, short.entries[0].h, rtol=1e-13, atol=1e-15)


def test_beams_and_coming_back():
    part = mixer()
    state = new_state(part, 3, T)
    assert part.slot == 0
    x = noise(3, T, D)
    with torch.no_grad():
        call(part, x[:, :5], state)
        moment = state.snapshot()
        after = call(part, x[:, 5:], state)
        state.restore(moment)
        assert call(part, x[:, 5:], state).equal(after), "coming back twice gives the same"
        state.restore(moment)
        rows = torch.tensor([2, 0, 0])
        state.reorder(rows)
        torch.testing.assert_close(call(part, x[rows, 5:], state), after[rows], rtol=1e-13, atol=1e-13)


def test_a_call_with_state_has_its_gradient():
    """By this call's own tokens; what came before is a constant."""
    part, x = mixer(), noise(B, T, D)
    state = new_state(part, B, T)
    call(part, x[:, :5], state)
    late = x[:, 5:].clone().requires_grad_()
    (ours,) = torch.autograd.grad(call(part, late, state).square().sum(), late)
    whole = x.clone().requires_grad_()
    (theirs,) = torch.autograd.grad(part(whole)[:, 5:].square().sum(), whole)
    torch.testing.assert_close(ours, theirs[:, 5:], rtol=1e-11, atol=1e-12)  # float64
    assert not state.entries[0].h.requires_grad and not state.entries[0].conv.requires_grad


def test_half_precision_keeps_its_state_in_float32():
    seen = []

    def scan(*tensors):
        seen.extend(t.dtype for t in tensors)
        return scan_chunked(*tensors)

    part = mixer(torch.bfloat16, scan=scan)
    x, state = noise(B, T, D, dtype=torch.bfloat16), new_state(part, B, T)
    y = call(part, x, state)
    assert (y.dtype, state.entries[0].h.dtype, state.entries[0].conv.dtype) == (
        torch.bfloat16, torch.float32, torch.bfloat16)  # fmt: skip
    assert seen == [torch.float32] * 6
    exact = mixer(torch.bfloat16).double()(x.double())
    # bfloat16 keeps 8 bits: six roundings one after another, each of 2^-9 of the value
    assert (y - exact).abs().max() < 6 * 2**-8 * exact.abs().max()


def test_autocast_does_not_round_the_scan():
    tensors = [t.float() for t in inputs(B, T, E, N)]
    with torch.autocast("cpu", torch.bfloat16):
        y, h = scan_chunked(*tensors)
        assert mixer(torch.float32)(noise(B, T, D, dtype=torch.float32)).dtype == torch.bfloat16
    assert all(a.equal(b) for a, b in zip((y, h), scan_chunked(*tensors), strict=True))


def test_one_token_compiles_whole_and_in_place():
    part, x = mixer(), noise(B, T, D)
    state = new_state(part, B, T)
    entry = state.entries[0]
    places = entry.conv.data_ptr(), entry.h.data_ptr()

    def one(token):
        return part(token, step)

    with torch.no_grad():
        expected = part(x)
        step = step_for(x[:, :1], state)
        compiled = torch.compile(one, backend="aot_eager", fullgraph=True)
        ours = torch.cat([compiled(token) for token in x.split(1, 1)], 1)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-13)  # float64
    assert places == (entry.conv.data_ptr(), entry.h.data_ptr())


def test_training_compiles():
    part, x = mixer(), noise(B, T, D)
    compiled = torch.compile(part, backend="aot_eager")
    part(x).sum().backward()
    expected = [p.grad.clone() for p in part.parameters()]
    part.zero_grad()
    compiled(x).sum().backward()
    torch.testing.assert_close([p.grad for p in part.parameters()], expected, rtol=1e-12, atol=1e-12)  # float64


@pytest.mark.parametrize("name", ["d_model", "d_inner", "d_state", "d_conv", "dt_rank"])
def test_sizes_are_checked(name):
    sizes = {"d_model": D, "d_inner": E, "d_state": N, "d_conv": 4, "dt_rank": R} | {name: 0}
    with pytest.raises(ValueError, match=rf"{name} \(0\) must be at least 1"):
        SelectiveSSM(**sizes)
