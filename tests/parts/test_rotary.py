"""Rotary positions: the reference's tables and rotation, and what makes them relative."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.parts.rotary import InterleavedRotary, Rotary, permute_half_to_interleaved, permute_interleaved_to_half
from glassformer.parts.rotary_scaling import Dynamic, Linear, Llama3, LongRope, Unscaled, Yarn

try:
    from transformers import GPTNeoXConfig, LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
    from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXRotaryEmbedding
    from transformers.models.gpt_neox.modeling_gpt_neox import apply_rotary_pos_emb as apply_neox
    from transformers.models.gptj.modeling_gptj import apply_rotary_pos_emb as apply_gptj
    from transformers.models.gptj.modeling_gptj import create_sinusoidal_positions
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb
except ModuleNotFoundError:
    needs_reference = pytest.mark.skip(reason="needs the reference library: python3 tools/env.py reference")
else:
    needs_reference = pytest.mark.reference


BOTH = pytest.mark.parametrize("kind", [Rotary, InterleavedRotary])
HALVES = st.integers(2, 64)
BASES = st.sampled_from([10000.0, 500000.0, 31.0])


def llama(d_k: int, base: float, rope: dict, max_positions: int = 101) -> "LlamaConfig":
    rope = {"rope_type": "default", "rope_theta": base, **rope}
    return LlamaConfig(
        hidden_size=3 * d_k, num_attention_heads=3, head_dim=d_k, max_position_embeddings=max_positions,
        rope_parameters=rope,
    )  # fmt: skip


def long_rope(half: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(1 + i / 7 for i in range(half)), tuple(1 + i * i / 3 for i in range(half))


def scalings(half: int, factor: float, original: int) -> list[tuple]:
    """Each scaling, with the reference's name and settings for it."""
    short, long = long_rope(half)
    reach = {"factor": factor, "original_max_position_embeddings": original}
    bands = {"low_freq_factor": 1.5, "high_freq_factor": 4.0}
    deepseek = {"mscale": 0.7, "mscale_all_dim": 1.3}
    ramp = {"beta_fast": 13.0, "beta_slow": 2.0, "truncate": False, "attention_factor": 0.9}
    cliff = {"beta_fast": 2.0, "beta_slow": 2.0, "truncate": False}
    lists = {"short_factor": list(short), "long_factor": list(long)}
    return [
        (Unscaled(), {}),
        (Linear(factor), {"rope_type": "linear", "factor": factor}),
        (Dynamic(factor, original), {"rope_type": "dynamic", "factor": factor}),
        (Llama3(factor, 1.5, 4.0, original), {"rope_type": "llama3", **bands, **reach}),
        (Yarn(factor, original), {"rope_type": "yarn", **reach}),
        (Yarn(factor, original, **deepseek), {"rope_type": "yarn", **reach, **deepseek}),
        (Yarn(factor, original, **ramp), {"rope_type": "yarn", **reach, **ramp}),
        (Yarn(factor, original, **cliff), {"rope_type": "yarn", **reach, **cliff}),
        (LongRope(short, long, original, factor), {"rope_type": "longrope", **reach, **lists}),
        (
            LongRope(short, long, original, factor, 1.2),
            {"rope_type": "longrope", **reach, **lists, "attention_factor": 1.2},
        ),
    ]


@needs_reference
@given(HALVES, BASES, st.floats(0.5, 40), st.integers(5, 9000), st.integers(1, 20000))
def test_frequencies_equal_the_reference(half, base, factor, original, length):
    for scaling, rope in scalings(half, factor, original):
        config = llama(2 * half, base, rope, max_positions=original)
        if rope:
            theirs, their_factor = ROPE_INIT_FUNCTIONS[rope["rope_type"]](config, "cpu", seq_len=length)
        else:
            theirs, their_factor = LlamaRotaryEmbedding.compute_default_rope_parameters(config)
        ours, our_factor = scaling.frequencies(2 * half, base, length, None)
        assert ours.shape == (half,) and ours.dtype == torch.float32
        # float32: the same few operations, some in another order; a few units in the last place
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0, msg=lambda m, s=scaling: f"{s}: {m}")
        assert our_factor == pytest.approx(their_factor, rel=1e-12)


@needs_reference
@given(HALVES, BASES, st.sampled_from([1.0, 3.0, 8.0]), st.integers(5, 60), st.integers(1, 97))
@settings(max_examples=40)
def test_tables_equal_the_reference(half, base, factor, original, length):
    positions = torch.stack([torch.arange(length), (torch.arange(length) * 5) % length])
    for scaling, rope in scalings(half, factor, original):
        config = llama(2 * half, base, rope, max_positions=original)
        their_cos, their_sin = LlamaRotaryEmbedding(config)(torch.zeros(1), positions)
        cos, sin = Rotary(2 * half, base, scaling).tables(positions, length)
        assert cos.shape == sin.shape == (2, 1, length, 2 * half) and cos.dtype == sin.dtype == torch.float32
        # float32: angles up to 96, each known to 1e-6 of itself (the frequencies above)
        for ours, theirs in ((cos, their_cos), (sin, their_sin)):
            torch.testing.assert_close(ours[:, 0], theirs, rtol=0, atol=2e-4, msg=lambda m, s=scaling: f"{s}: {m}")


@needs_reference
def test_unscaled_tables_are_the_references_bits():
    positions = torch.arange(4096)[None]
    theirs = LlamaRotaryEmbedding(llama(34, 500000.0, {}))(torch.zeros(1), positions)
    for kind in (Rotary, InterleavedRotary):
        ours = kind(34, 500000.0).tables(positions, 4096)
        assert torch.equal(ours[0][:, 0], theirs[0]) and torch.equal(ours[1][:, 0], theirs[1])


@needs_reference
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_half_split_equals_llama(dtype):
    q, k = torch.randn(2, 5, 11, 14, dtype=dtype), torch.randn(2, 3, 11, 14, dtype=dtype)
    rotary = Rotary(14)
    cos, sin = rotary.tables(torch.arange(11)[None], 11)
    theirs = apply_rotary_pos_emb(q, k, cos[:, 0].to(dtype), sin[:, 0].to(dtype))
    assert rotary(q, cos, sin).dtype == dtype
    assert torch.equal(rotary(q, cos, sin), theirs[0]) and torch.equal(rotary(k, cos, sin), theirs[1])


@needs_reference
def test_partial_half_split_equals_neox():
    config = GPTNeoXConfig(
        hidden_size=5 * 22, num_attention_heads=5,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 6 / 22},
    )  # fmt: skip
    q, positions = torch.randn(2, 5, 13, 22), torch.arange(13)[None]
    cos, sin = GPTNeoXRotaryEmbedding(config)(q, positions)
    theirs, _ = apply_neox(q, q, cos, sin)
    rotary = Rotary(22, 1000.0, rotated=6)
    assert torch.equal(rotary(q, *rotary.tables(positions, 13)), theirs)
    assert torch.equal(theirs[..., 6:], q[..., 6:]) and not torch.equal(theirs[..., :6], q[..., :6])


@needs_reference
def test_interleaved_equals_gptj():
    x, positions = torch.randn(2, 5, 13, 14), torch.arange(13)[None]
    sin, cos = create_sinusoidal_positions(17, 14)[positions].chunk(2, dim=-1)
    theirs = apply_gptj(x.transpose(1, 2), sin, cos).transpose(1, 2)  # theirs has heads after tokens
    rotary = InterleavedRotary(14)
    assert torch.equal(rotary(x, *rotary.tables(positions, 13)), theirs)


def rotation_matrix(d: int, angles: list[float], pairs: list[tuple[int, int]]) -> torch.Tensor:
    matrix = torch.eye(d, dtype=torch.float64)
    for (a, b), angle in zip(pairs, angles, strict=True):
        matrix[a, a], matrix[a, b] = math.cos(angle), -math.sin(angle)
        matrix[b, a], matrix[b, b] = math.sin(angle), math.cos(angle)
    return matrix


@BOTH
@given(st.integers(1, 11), st.integers(0, 5), st.integers(0, 50))
def test_is_the_papers_block_diagonal_matrix(kind, half, rest, position):
    """RoFormer, eq. 14 and 15: one 2 × 2 rotation for each pair, the identity for what does not turn."""
    d_k, rotated = 2 * half + rest, 2 * half
    angles = [position * 10000 ** (-2 * i / rotated) for i in range(half)]
    pairs = [(i, i + half) if kind is Rotary else (2 * i, 2 * i + 1) for i in range(half)]
    x = torch.randn(1, 1, 1, d_k, dtype=torch.float64)
    rotary = kind(d_k, rotated=rotated)
    turned = rotary(x, *rotary.tables(torch.tensor([[position]]), position + 1))
    # Tables are float32: angles up to 50 are known to 50 · 2^-22 or so, times entries of up to about 5
    torch.testing.assert_close(turned[0, 0, 0], rotation_matrix(d_k, angles, pairs) @ x[0, 0, 0], rtol=0, atol=1e-4)


@BOTH
@given(st.integers(1, 17), st.integers(0, 500), st.integers(0, 500), st.integers(1, 500))
def test_scores_depend_on_the_distance_alone(kind, half, m, n, shift):
    q, k = torch.randn(2, 1, 1, 1, 2 * half, dtype=torch.float64)
    rotary = kind(2 * half)

    def score(i: int, j: int) -> torch.Tensor:
        tables = rotary.tables(torch.tensor([[i, j]]), 1001)
        turned = rotary(torch.cat((q, k), dim=2), *tables)[0, 0]
        return turned[0] @ turned[1]

    # float32 angles up to 1,000, each known to 1,000 · 2^-23 = 1.2e-4; half of 34 products of size up to |q||k|
    tolerance = 6e-4 * (q.norm() * k.norm()).item()
    assert score(m, n).item() == pytest.approx(score(m + shift, n + shift).item(), abs=tolerance)


def test_scores_do_depend_on_the_distance():
    x = torch.ones(1, 1, 3, 6)
    for kind in (Rotary, InterleavedRotary):
        rotary = kind(6)
        turned = rotary(x, *rotary.tables(torch.tensor([[0, 1, 5]]), 6))[0, 0]
        assert abs(turned[0] @ turned[1] - turned[0] @ turned[2]) > 0.1


@BOTH
@given(st.integers(1, 17), st.integers(0, 100000))
def test_keeps_the_norm_and_position_zero(kind, half, position):
    x = torch.randn(2, 3, 2, 2 * half)
    rotary = kind(2 * half)
    turned = rotary(x, *rotary.tables(torch.tensor([[0, position]]), position + 1))
    assert torch.equal(turned[:, :, 0], x[:, :, 0])
    # cos² + sin² = 1 whatever the angle; float32 rounding of a sum of 34 squares
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1), rtol=1e-5, atol=0)


@given(st.integers(1, 7), st.integers(1, 5), st.integers(1, 3), st.integers(0, 3))
def test_permuting_swaps_the_pairings(half, heads, groups, rest):
    """q and k made for one pairing, reordered, give the other pairing's scores."""
    d_k, rotated, d_model = 2 * half + rest, 2 * half, 11
    x = torch.randn(2, 13, d_model, dtype=torch.float64)
    w_q, w_k = (torch.randn(n * d_k, d_model, dtype=torch.float64) for n in (heads * groups, heads))
    b_q, b_k = (torch.randn(len(w), dtype=torch.float64) for w in (w_q, w_k))
    positions = torch.arange(13)[None] + 3

    def scores(rotary, *weights):
        tables, turned = rotary.tables(positions, 16), []
        for weight, bias in (weights[:2], weights[2:]):
            projected = (x @ weight.T + bias).view(2, 13, -1, d_k).transpose(1, 2)
            turned.append(rotary(projected, *tables))
        return turned[0] @ turned[1].repeat_interleave(groups, dim=1).mT

    arguments = (w_q, heads * groups), (b_q, heads * groups), (w_k, heads), (b_k, heads)
    permuted = [permute_interleaved_to_half(w, n, rotated) for w, n in arguments]
    interleaved = scores(InterleavedRotary(d_k, rotated=rotated), *(w for w, _ in arguments))
    # float64: the same products, summed in another order
    torch.testing.assert_close(scores(Rotary(d_k, rotated=rotated), *permuted), interleaved, rtol=1e-10, atol=1e-10)
    for (weight, n), other in zip(arguments, permuted, strict=True):
        assert torch.equal(permute_half_to_interleaved(other, n, rotated), weight)


def test_permuted_rows():
    rows = torch.arange(12)[:, None]
    assert permute_interleaved_to_half(rows, 2)[:, 0].tolist() == [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]
    assert permute_interleaved_to_half(rows, 2, rotated=4)[:, 0].tolist() == [0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]
    assert permute_half_to_interleaved(rows, 2)[:, 0].tolist() == [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]


def test_setting_names_the_table():
    assert Rotary(14).setting == InterleavedRotary(14).setting == Rotary(22, rotated=14).setting
    assert hash(Rotary(14, scaling=Yarn(2, 5)).setting) == hash(Rotary(14, scaling=Yarn(2, 5)).setting)
    others = [
        Rotary(14),
        Rotary(14, 500.0),
        Rotary(14, rotated=6),
        *(Rotary(14, scaling=scaling) for scaling, _ in scalings(7, 2.0, 5)[1:]),
    ]
    assert len({rotary.setting for rotary in others}) == len(others)


def test_stores_nothing_and_shows_itself():
    rotary = Rotary(14, scaling=Linear(2.0))
    assert not rotary.state_dict() and not list(rotary.buffers())
    assert repr(rotary) == "Rotary(d_k=14, base=10000.0, scaling=Linear(factor=2.0), rotated=14)"


def test_dynamic_and_long_rope_watch_the_length():
    positions = torch.arange(3)[None]
    for scaling in (Dynamic(2.0, 11), LongRope(*long_rope(7), 11)):
        rotary = Rotary(14, scaling=scaling)
        short, edge, beyond = (rotary.tables(positions, length)[0] for length in (3, 11, 12))
        assert torch.equal(short, edge) and not torch.equal(edge, beyond)
    assert torch.equal(
        Rotary(14, scaling=Dynamic(2.0, 11)).tables(positions, 11)[0], Rotary(14).tables(positions, 3)[0]
    )


def test_trains_through():
    for kind in (Rotary, InterleavedRotary):
        rotary = kind(6, rotated=4)
        tables = rotary.tables(torch.arange(5)[None], 5)
        x = torch.randn(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x, r=rotary, t=tables: r(x, *t), x)


@BOTH
def test_compiles_whole(kind):
    for scaling, _ in scalings(7, 2.0, 5):
        rotary = kind(14, scaling=scaling)

        def turn(x, positions, rotary=rotary):
            return rotary(x, *rotary.tables(positions, x.shape[2]))

        compiled = torch.compile(turn, backend="eager", fullgraph=True)
        for length in (3, 11):  # on both sides of the 5 original positions
            x, positions = torch.randn(2, 3, length, 14), torch.arange(length)[None]
            # Dynamic shapes hand Python's powers to the graph; the base may differ in the last place
            torch.testing.assert_close(compiled(x, positions), turn(x, positions), rtol=0, atol=1e-5)
        torch._dynamo.reset()


@BOTH
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"d_k": 7}, r"rotated \(7\).*d_k \(7\)"),
        ({"d_k": 6, "rotated": 8}, r"rotated \(8\).*d_k \(6\)"),
        ({"d_k": 6, "rotated": 0}, r"rotated \(0\)"),
        ({"d_k": 6, "rotated": 3}, r"rotated \(3\)"),
        ({"d_k": 6, "base": 1.0}, r"base \(1\.0\)"),
    ],
)
def test_bad_rotary(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(0.0), r"factor \(0\.0\)"),
        (lambda: Dynamic(-1.0, 5), r"factor \(-1\.0\)"),
        (lambda: Dynamic(2.0, 0), r"original_positions \(0\)"),
        (lambda: Dynamic(2.0, 5).frequencies(2, 10.0, 5, None), r"d \(2\)"),
        (lambda: Llama3(8.0, 4.0, 4.0, 5), r"high_freq_factor \(4\.0\).*low_freq_factor \(4\.0\)"),
        (lambda: Yarn(2.0, 5, beta_slow=0.0), r"beta_slow \(0\.0\)"),
        (lambda: LongRope((1.0,), (1.0,), 5).frequencies(6, 10.0, 5, None), r"d / 2 \(3\) numbers, not 1"),
        (lambda: permute_interleaved_to_half(torch.zeros(7, 2), 2), r"weight \(7\).*heads \(2\)"),
        (lambda: permute_half_to_interleaved(torch.zeros(6, 2), 2), r"rotated \(3\)"),
        (lambda: permute_interleaved_to_half(torch.zeros(8, 2), 2, rotated=6), r"rotated \(6\).*d_k \(4\)"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()
