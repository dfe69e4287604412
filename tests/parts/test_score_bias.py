"""Positions that are added to the scores: published buckets, and the reference's ALiBi and T5."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.parts.score_bias import ALiBi, BidirectionalBuckets, CausalBuckets, RelativeBias, alibi_slopes

try:
    from transformers import T5Config
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor
    from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor
    from transformers.models.t5.modeling_t5 import T5Attention
except ModuleNotFoundError:
    needs_reference = pytest.mark.skip(reason="needs the reference library: python3 tools/env.py reference")
else:
    needs_reference = pytest.mark.reference


def test_slopes_of_the_paper():
    assert alibi_slopes(8).tolist() == [2.0**-h for h in range(1, 9)]  # section 3: 1/2, 1/4, ..., 1/256
    assert alibi_slopes(1).tolist() == [2.0**-8]
    # 12 heads: those of 8, then every other one of the 16: 2^(-1/2), 2^(-3/2), ...; float32 has 2^-24 of each
    expected = [2.0**-h for h in range(1, 9)] + [2.0 ** -(h + 0.5) for h in range(4)]
    torch.testing.assert_close(alibi_slopes(12), torch.tensor(expected), rtol=1e-6, atol=0)


@needs_reference
@given(st.integers(1, 67), st.integers(1, 31))
def test_alibi_equals_bloom_and_mpt_after_softmax(heads, length):
    slots = torch.arange(length)
    bias = ALiBi(heads)(slots, slots)
    assert bias.shape == (1, heads, length, length) and bias.dtype == torch.float32
    ahead = slots > slots[:, None]
    bloom = build_alibi_tensor(torch.ones(1, length, dtype=torch.long), heads, torch.float32)[None]
    mpt = build_mpt_alibi_tensor(heads, length)[None]
    ours = bias.masked_fill(ahead, -torch.inf).softmax(-1)
    for reference in (bloom, mpt):
        theirs = reference.expand(1, heads, length, length).masked_fill(ahead, -torch.inf).softmax(-1)
        # float32: Bloom's scores go up to 31, each known to 31 · 2^-24, and a power of a rounded base adds as much
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_alibi_is_minus_slope_times_distance():
    queries, keys = torch.tensor([4, 0, 9]), torch.tensor([0, 3, 5, 7, 11])
    bias = ALiBi(2)(queries, keys)
    assert bias.shape == (1, 2, 3, 5)
    for h, slope in enumerate([2.0**-4, 2.0**-8]):
        assert bias[0, h].tolist() == [[-slope * abs(q - k) for k in keys.tolist()] for q in queries.tolist()]
    assert not ALiBi(2).state_dict()


def test_buckets_published_vectors():
    relative = torch.arange(2)[None] - torch.arange(3)[:, None]
    assert BidirectionalBuckets(32, 128)(relative).tolist() == [[0, 17], [1, 0], [2, 1]]
    assert CausalBuckets(32, 128)(relative).tolist() == [[0, 0], [1, 0], [2, 1]]


@needs_reference
@pytest.mark.parametrize("sizes", [(32, 128), (32, 97), (18, 1000), (4, 3), (7, 5)])
def test_buckets_equal_the_reference(sizes):
    relative = torch.arange(-1000, 1001)
    for bidirectional, bucket in ((True, BidirectionalBuckets(*sizes)), (False, CausalBuckets(*sizes))):
        # At distance 0 the reference turns −∞ into an integer and then throws it away; no other entry is affected.
        theirs = T5Attention._relative_position_bucket(relative, bidirectional, *sizes)
        assert torch.equal(bucket(relative), theirs)


@given(st.integers(2, 40).map(lambda half: 2 * half), st.integers(45, 2000), st.integers(-3000, 3000))
def test_buckets_lie_in_the_table_and_grow_with_the_distance(buckets, max_distance, relative):
    pair = torch.tensor([relative, relative + (1 if relative > 0 else -1)])
    for bucket in (BidirectionalBuckets(buckets, max_distance), CausalBuckets(buckets, max_distance)):
        near, far = bucket(pair).tolist()
        assert 0 <= near < buckets and 0 <= far < buckets
        assert near <= far or relative == 0
    ahead, back = BidirectionalBuckets(buckets, max_distance)(torch.tensor([max_distance, -max_distance])).tolist()
    assert (ahead, back) == (buckets - 1, buckets // 2 - 1)
    assert CausalBuckets(buckets, max_distance)(torch.tensor([5, -max_distance])).tolist() == [0, buckets - 1]


@needs_reference
@pytest.mark.parametrize("is_decoder", [False, True])
def test_relative_bias_equals_t5(is_decoder):
    config = T5Config(d_model=11, d_kv=3, num_heads=5, is_decoder=is_decoder)
    reference = T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    bucket = CausalBuckets(32, 128) if is_decoder else BidirectionalBuckets(32, 128)
    ours = RelativeBias(5, bucket)
    ours.load_state_dict(reference.relative_attention_bias.state_dict(), strict=True)
    queries, keys = torch.arange(131), torch.arange(157)
    bias = ours(queries, keys)
    assert bias.shape == (1, 5, 131, 157) and bias.is_contiguous()
    assert torch.equal(bias, reference.compute_bias(131, 157))
    # One step of decoding: the slots of the last tokens only
    assert torch.equal(ours(queries[-2:], keys), bias[:, :, -2:])


def test_relative_bias_is_trained():
    bias = RelativeBias(3, CausalBuckets(4, 8))
    bias(torch.arange(5), torch.arange(7)).sum().backward()
    # 35 pairs: 1 + 2 + ... of the keys at or ahead of the query are bucket 0, the rest by distance 1, 2-3, 4
    relative = torch.arange(7) - torch.arange(5)[:, None]
    counts = torch.bincount(CausalBuckets(4, 8)(relative).flatten(), minlength=4)
    assert bias.weight.grad.tolist() == [[n] * 3 for n in counts.tolist()]


@pytest.mark.parametrize("bias", [ALiBi(3), RelativeBias(3, BidirectionalBuckets()), RelativeBias(3, CausalBuckets())])
def test_compiles_whole(bias):
    queries, keys = torch.arange(5), torch.arange(7)
    compiled = torch.compile(bias, backend="eager", fullgraph=True)
    assert torch.equal(compiled(queries, keys), bias(queries, keys))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ALiBi(0), r"heads \(0\)"),
        (lambda: alibi_slopes(-1), r"heads \(-1\)"),
        (lambda: RelativeBias(0, CausalBuckets()), r"heads \(0\)"),
        (lambda: BidirectionalBuckets(2, 128), r"buckets \(2\)"),
        (lambda: CausalBuckets(1, 128), r"buckets \(1\)"),
        (lambda: CausalBuckets(32, 16), r"max_distance \(16\)"),
        (lambda: BidirectionalBuckets(32, 8), r"max_distance \(8\)"),
    ],
)
def test_bad_sizes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_buckets_are_values():
    assert CausalBuckets(8, 20) == CausalBuckets(8, 20) != BidirectionalBuckets(8, 20)
    assert hash(CausalBuckets(8, 20)) == hash(CausalBuckets(8, 20))
