"""Positions that are added: the published vectors, the formula in float64, and the reference's tables."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.parts.position import (
    LearnedPositions,
    SinusoidalPositions,
    concatenated_sinusoids,
    inverse_frequencies,
    sinusoids,
)

try:
    from transformers import BartConfig, MarianConfig
    from transformers.models.bart.modeling_bart import BartLearnedPositionalEmbedding
    from transformers.models.marian.modeling_marian import MarianModel
except ModuleNotFoundError:
    needs_reference = pytest.mark.skip(reason="needs the reference library: python3 tools/env.py reference")
else:
    needs_reference = pytest.mark.reference


@given(st.integers(0, 5), st.integers(1, 7))
def test_learned_looks_up_its_row(offset, d_model):
    learned = LearnedPositions(11, d_model, offset)
    positions = torch.tensor([[0, 3, 10], [10, 1, 0]])
    assert learned.weight.shape == (11 + offset, d_model)
    for b, t in np.ndindex(2, 3):
        assert torch.equal(learned(positions)[b, t], learned.weight[positions[b, t] + offset])


@needs_reference
def test_learned_equals_bart():
    reference = BartLearnedPositionalEmbedding(13, 7)
    ours = LearnedPositions(13, 7, offset=2)
    ours.load_state_dict(reference.state_dict(), strict=True)  # the same name and the same shape
    assert BartConfig().model_type == "bart"
    positions = torch.arange(5).expand(3, 5)
    assert torch.equal(ours(positions), reference(torch.zeros(3, 5, dtype=torch.long)))


def test_learned_trains_only_what_it_used():
    learned = LearnedPositions(7, 3)
    learned(torch.tensor([[2, 5, 5]])).sum().backward()
    assert learned.weight.grad.sum(1).tolist() == [0, 0, 3, 0, 0, 6, 0]


def test_learned_starts_as_bert_does():
    weight = LearnedPositions(2003, 11).weight
    # 22,033 draws: the standard deviation's own standard error is 0.02 / √44,066 = 0.0001; four of them
    assert weight.std().item() == pytest.approx(0.02, abs=0.0004)


def test_learned_has_an_end():
    with pytest.raises(IndexError):
        LearnedPositions(7, 3, 2)(torch.tensor([[7]]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 3), r"max_positions \(0\) and d_model \(3\)"),
        ((3, 0), r"max_positions \(3\) and d_model \(0\)"),
        ((3, 5, -1), r"offset \(-1\)"),
    ],
)
def test_bad_learned(arguments, message):
    with pytest.raises(ValueError, match=message):
        LearnedPositions(*arguments)


def formula(positions: list[int], d_model: int) -> np.ndarray:
    """The paper's, entry by entry, in float64."""
    table = np.empty((len(positions), d_model))
    for row, position in enumerate(positions):
        for i in range(d_model // 2):
            angle = position / 10000 ** (2 * i / d_model)
            table[row, 2 * i], table[row, 2 * i + 1] = np.sin(angle), np.cos(angle)
    return table


@given(st.lists(st.integers(0, 4999), min_size=1, max_size=5), st.integers(1, 23).map(lambda half: 2 * half))
def test_sinusoids_are_the_formula(positions, d_model):
    # float32: an angle near 5,000 is known to about 5,000 · 2^−22 = 1.2e-3
    expected = formula(positions, d_model)
    tolerance = max(positions) * 2**-22 + 1e-6
    np.testing.assert_allclose(sinusoids(torch.tensor(positions), d_model).numpy(), expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        concatenated_sinusoids(torch.tensor(positions), d_model).numpy(),
        np.concatenate((expected[:, 0::2], expected[:, 1::2]), axis=1),
        rtol=0,
        atol=tolerance,
    )


def test_sinusoids_published_vectors():
    table = sinusoids(torch.arange(4), 4)
    expected = [
        [0.0, 1.0, 0.0, 1.0],
        [0.841471, 0.540302, 0.01, 0.99995],
        [0.909297, -0.416147, 0.019999, 0.9998],
        [0.14112, -0.989992, 0.029996, 0.99955],
    ]
    torch.testing.assert_close(table, torch.tensor(expected), rtol=0, atol=1e-6)  # printed to six places
    # TensorFlow's models, position 0 of width 8: all sines, then all cosines
    assert concatenated_sinusoids(torch.tensor([0]), 8).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]


@needs_reference
def test_concatenated_equals_marian():
    config = MarianConfig(
        vocab_size=17, d_model=14, encoder_layers=1, decoder_layers=1, encoder_attention_heads=1,
        decoder_attention_heads=1, encoder_ffn_dim=3, decoder_ffn_dim=3, max_position_embeddings=101, pad_token_id=0,
        decoder_start_token_id=0, eos_token_id=0, bos_token_id=0,
    )  # fmt: skip
    reference = MarianModel(config).encoder.embed_positions.weight
    assert reference.shape == (101, 14)
    # Marian's table is computed in float64, ours in float32: 100 · 2^−22
    torch.testing.assert_close(concatenated_sinusoids(torch.arange(101), 14), reference.detach(), rtol=0, atol=3e-5)


def test_sinusoidal_module():
    module = SinusoidalPositions(6)
    positions = torch.tensor([[0, 1, 2, 3, 4], [7, 0, 1, 2, 3], [5, 5, 5, 5, 5]])
    out = module(positions)
    assert out.shape == (3, 5, 6) and out.dtype == torch.float32
    assert torch.equal(out, sinusoids(positions, 6))
    assert torch.equal(SinusoidalPositions(6, concatenated_sinusoids)(positions), concatenated_sinusoids(positions, 6))
    assert not module.state_dict()


@given(st.integers(0, 100), st.integers(1, 100))
def test_a_shift_is_a_rotation(position, shift):
    """What the paper hoped for: p(pos + k) is a fixed linear map of p(pos), whatever pos is."""
    d_model = 10
    here, there = sinusoids(torch.tensor([position, position + shift]), d_model)
    angle = shift * inverse_frequencies(d_model, 10000.0)
    sin, cos = here[0::2], here[1::2]
    moved = torch.stack((sin * angle.cos() + cos * angle.sin(), cos * angle.cos() - sin * angle.sin()), -1).flatten()
    torch.testing.assert_close(moved, there, rtol=0, atol=2e-4)  # float32 angles up to 200: 200 · 2^−22, twice


@pytest.mark.parametrize("d_model", [7, 0, -2])
def test_bad_widths(d_model):
    with pytest.raises(ValueError, match=rf"d_model \({d_model}\)"):
        SinusoidalPositions(d_model)
    with pytest.raises(ValueError, match=rf"d \({d_model}\)"):
        sinusoids(torch.arange(3), d_model)


def test_bad_base():
    with pytest.raises(ValueError, match=r"base \(1\.0\)"):
        inverse_frequencies(4, 1.0)


def test_compiles_whole():
    positions = torch.arange(7)[None]
    for module in (LearnedPositions(11, 6), SinusoidalPositions(6)):
        compiled = torch.compile(module, backend="eager", fullgraph=True)
        assert torch.equal(compiled(positions), module(positions))
