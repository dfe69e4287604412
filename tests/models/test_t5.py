"""T5 1.0, T5 1.1 and UL2 against their reference."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from glassformer.checkpoint.families.t5 import FAMILY
from glassformer.checkpoint.rules import fill, publish, tensors
from glassformer.models.t5 import T5, RelativeEncoderDecoder, T5Config, T5v11, T5v11Config, WrittenGELU
from glassformer.models.tying import is_tied
from glassformer.models.ul2 import UL2, UL2Config
from glassformer.parts.step import Memory
from tests.models.checks import (
    cached_is_uncached,
    dropout_places,
    drops_in_training_only,
    has_std,
    same_gradients,
    saved_and_loaded,
    sees_no_future,
)
from tests.models.parity import converted, round_trip, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")
modeling = pytest.importorskip("transformers.models.t5.modeling_t5")

# Few buckets and a short reach, so that texts of 61 are three times as long as the farthest distance told apart.
SIZES = {
    "vocab_size": 97,
    "d_model": 37,
    "d_kv": 13,
    "d_ff": 53,
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 5,
    "relative_attention_num_buckets": 14,
    "relative_attention_max_distance": 19,
    "decoder_start_token_id": 0,
}
CONFIGS: dict[Any, type[T5Config]] = {T5: T5Config, T5v11: T5v11Config, UL2: UL2Config}


def tiny(kind: Any, **changes: Any) -> RelativeEncoderDecoder:
    sizes = {"vocab": 97, "d_model": 37, "encoder_layers": 2, "layers": 3, "heads": 5, "d_k": 13, "d_ff": 53}
    model: RelativeEncoderDecoder = kind(CONFIGS[kind](**(sizes | {"buckets": 14, "max_distance": 19} | changes)))
    return model


KINDS = {"t5": ("relu", T5), "t5-1.1": ("gated-gelu", T5v11), "ul2": ("gated-silu", UL2)}


def norm_in_its_dtype(self: Any, hidden: torch.Tensor) -> torch.Tensor:
    """The reference's norm without its step down to float32."""
    variance = hidden.pow(2).mean(-1, keepdim=True)
    return self.weight * (hidden * torch.rsqrt(variance + self.variance_epsilon))


@pytest.fixture(autouse=True)
def float64_norm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In a float64 test the reference's norm runs in float64 too."""
    if "float64" in request.node.name:
        monkeypatch.setattr(modeling.T5LayerNorm, "forward", norm_in_its_dtype)
    yield


def reference(kind: str) -> Any:
    tie = {} if kind == "t5" else {"tie_word_embeddings": False}
    config = tf.T5Config(**SIZES, **tie, feed_forward_proj=KINDS[kind][0], attn_implementation="eager")
    model = tf.T5ForConditionalGeneration(config).eval()
    if kind != "t5":  # release 5 of the reference ties whatever it is told, so its head gets a tensor of its own
        model.lm_head.weight = nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.3)
    spread(model)
    return model


def inputs(target: int = 59) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Source tokens, which of them are real (61, 37 and 2), and target tokens."""
    generator = torch.Generator().manual_seed(1)
    source = torch.randint(1, 97, (3, 61), generator=generator)
    real = torch.arange(61) < torch.tensor([61, 37, 2])[:, None]
    return source, real, torch.randint(1, 97, (3, target), generator=generator)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_parity(kind: str, dtype: torch.dtype) -> None:
    theirs = reference(kind).to(dtype)
    ours = converted(FAMILY, theirs, dtype)
    assert type(ours) is KINDS[kind][1]
    source, real, target = inputs()
    expected = theirs(source, real.long(), decoder_input_ids=target)
    memory = ours.encode(source, real)
    same(memory.hidden[real], expected.encoder_last_hidden_state[real])
    same(ours(target, memory=memory), expected.logits)
    same(ours(target, memory=ours.encode(source)), theirs(source, decoder_input_ids=target).logits)
    assert ours.config.start == 0


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(kind: str) -> None:
    theirs = reference(kind)
    ours = converted(FAMILY, theirs)
    round_trip(FAMILY, ours, theirs)
    saved = FAMILY.settings(ours)
    assert tf.T5Config.from_dict(saved).scale_decoder_outputs is (kind == "t5")


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_float64(kind: str) -> None:
    theirs = reference(kind).double()
    ours = converted(FAMILY, theirs, torch.float64)
    source, real, target = inputs()
    theirs(source, real.long(), decoder_input_ids=target).logits.square().sum().backward()
    ours(target, memory=ours.encode(source, real)).square().sum().backward()
    same_gradients(FAMILY, ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_cached_is_uncached_and_sees_no_future(kind: str) -> None:
    ours = converted(FAMILY, reference(kind))
    source, real, target = inputs()
    memory = ours.encode(source, real)
    cached_is_uncached(ours, target, [1, 17, 1, 40], memory=memory)
    sees_no_future(ours, target[:, :23], memory=memory)


@settings(max_examples=20, deadline=None)
@given(chunks=st.lists(st.integers(1, 13), min_size=1, max_size=7), kind=st.sampled_from([T5, T5v11, UL2]))
def test_any_chunks_and_beams(chunks: list[int], kind: Any) -> None:
    """However a text is cut, even if rows change places between two pieces, the logits are those of one call."""
    model = tiny(kind).double().eval()
    source, real, _ = inputs()
    target = torch.randint(0, 97, (3, sum(chunks)))
    memory = model.encode(source, real)
    cached_is_uncached(model, target, chunks, memory=memory)
    state = model.new_state(3, sum(chunks))
    model(target[:, : chunks[0]], memory=memory, state=state)
    rows = torch.tensor([2, 0, 0])
    state.reorder(rows)
    if len(chunks) > 1:
        chosen = Memory(memory.hidden[rows], real[rows])
        rest = model(target[rows, chunks[0] :], memory=chosen, state=state)
        same(rest, model(target[rows], memory=chosen)[:, chunks[0] :])


def test_padding_of_the_source_and_of_the_target_changes_nothing() -> None:
    ours = converted(FAMILY, reference("t5"))
    source, _, target = inputs()
    alone = ours(target, memory=ours.encode(source))
    pads = torch.zeros(3, 7, dtype=torch.long)
    for padded, real in (
        (torch.cat([source, pads], 1), torch.arange(68) < 61),
        (torch.cat([pads, source], 1), torch.arange(68) >= 7),
    ):
        same(ours(target, memory=ours.encode(padded, real.expand(3, -1))), alone)
    real = (torch.arange(66) >= 7).expand(3, -1)
    same(ours(torch.cat([pads, target], 1), memory=ours.encode(source), mask=real)[:, 7:], alone)


@pytest.mark.parametrize(
    ("said", "tie", "scaled"),
    [(None, None, True), (None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_what_is_said_outright_goes_before_how_it_is_tied(said: object, tie: object, scaled: bool) -> None:
    named = {"scale_decoder_outputs": said, "tie_word_embeddings": tie}
    told = SIZES | {name: value for name, value in named.items() if value is not None}
    proj = "relu" if scaled else "gated-gelu"
    config = FAMILY.config(told | {"feed_forward_proj": proj})
    assert type(FAMILY.build(config, {})) is (T5 if scaled else T5v11)
    with pytest.raises(ValueError, match="feed_forward_proj"):
        FAMILY.config(told | {"feed_forward_proj": "gated-gelu" if scaled else "relu"})


def filled(model: RelativeEncoderDecoder, held: dict[str, torch.Tensor]) -> RelativeEncoderDecoder:
    published = FAMILY.settings(model)
    with torch.device("meta"):
        again = FAMILY.build(FAMILY.config(published), published)
    fill(again, tensors(held), FAMILY.rules(again), skip=FAMILY.skip)
    return again.eval()


def test_the_head_of_the_file_is_used_if_it_has_one() -> None:
    source, _, target = inputs()
    untied, tied = tiny(T5v11).eval(), tiny(T5).eval()
    # An untied model whose file has no head: as the reference, it takes the embedding.
    held = dict(publish(untied, FAMILY.rules(untied)))
    del held["lm_head.weight"]
    assert torch.equal(filled(untied, held).head.weight, untied.embed.weight)
    # A tied model with a copy of the embedding stays tied; with another head it has two tensors from then on.
    held = dict(publish(tied, FAMILY.rules(tied)))
    assert "lm_head.weight" not in held
    copied = filled(tied, held | {"lm_head.weight": held["shared.weight"].clone()})
    assert copied.tied and is_tied(copied) and copied.head.weight is copied.embed.weight
    other = torch.randn(97, 37)
    parted = filled(tied, held | {"lm_head.weight": other})
    assert not parted.tied and torch.equal(parted.head.weight, other)
    assert torch.equal(parted.embed.weight, tied.embed.weight)
    hidden = parted.hidden(target, memory=parted.encode(source))
    same(parted(target, memory=parted.encode(source)), hidden @ other.T / 37**0.5)
    assert torch.equal(dict(publish(parted, FAMILY.rules(parted)))["lm_head.weight"], other)


def test_old_files_load() -> None:
    """The first releases hold copies of the embedding, and a table that nobody uses."""
    model = tiny(T5).eval()
    held = dict(publish(model, FAMILY.rules(model)))
    held["encoder.embed_tokens.weight"] = held.pop("shared.weight")
    held["decoder.embed_tokens.weight"] = held["encoder.embed_tokens.weight"].clone()
    held["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = torch.zeros(14, 5)
    assert torch.equal(filled(model, held).embed.weight, model.embed.weight)


def test_other_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="T5EncoderModel"):
        FAMILY.build(T5Config(), {"architectures": ["T5EncoderModel"]})


@pytest.mark.parametrize("kind", [T5, T5v11, UL2])
def test_initialization(kind: type[RelativeEncoderDecoder]) -> None:
    model = tiny(kind, vocab=499, d_model=128, layers=2, heads=6, d_k=32, d_ff=383)
    stds = {
        "embed": 1.0,
        "head": 1.0 if kind is T5 else 128**-0.5,
        "q": (128 * 32) ** -0.5,
        "k": 128**-0.5,
        "v": 128**-0.5,
        "out": (6 * 32) ** -0.5,
        "gate": 128**-0.5,
        "up": 128**-0.5,
        "down": 383**-0.5,
        "score_bias": 128**-0.5,
    }
    for name, parameter in model.named_parameters():
        assert "bias" not in name.split(".")[-1]
        if parameter.ndim == 1:
            assert torch.equal(parameter, torch.ones_like(parameter)), name
        else:
            has_std(parameter, stds[name.split(".")[-2]])
    if kind is not T5:
        # Hidden values of size 1 and a head of N(0, 1/D) give logits N(0, 1): a loss of ln 499 + ½ = 6.71, which
        # 4 · 97 tokens know to about 0.05. T5 1.0's tied head favors the token that it just read.
        ids = torch.randint(0, 499, (4, 97))
        logits = model.eval()(ids, memory=model.encode(ids)).detach()
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), torch.randint(0, 499, (4 * 97,)))
        assert 6.45 < float(loss) < 6.97


@pytest.mark.parametrize("kind", [T5, T5v11, UL2])
def test_dropout(kind: type[RelativeEncoderDecoder]) -> None:
    model = tiny(kind, dropout=0.3)
    side = {
        "dropout": 0.3,
        "norm.*": 0.3,
        "stack.*.attention.dropout": 0.3,
        "stack.*.attention.part.kernel": 0.3,
        "stack.*.feedforward.dropout": 0.3,
        "stack.*.feedforward.part.dropout": 0.3,
    }
    cross = {"stack.*.cross.dropout": 0.3, "stack.*.cross.part.kernel": 0.3}
    assert dropout_places(model) == side | cross | {"encoder." + name: share for name, share in side.items()}
    source, _, target = inputs()
    drops_in_training_only(model, lambda: model(target, memory=model.encode(source)))


@pytest.mark.parametrize("kind", [T5, T5v11, UL2])
def test_saved_and_loaded(kind: type[RelativeEncoderDecoder]) -> None:
    source, _, target = inputs()
    saved_and_loaded(FAMILY, tiny(kind), lambda m: m(target, memory=m.encode(source)))


def test_the_written_gelu_is_the_tanh_form_to_rounding() -> None:
    x = torch.linspace(-7, 7, 1009, dtype=torch.float64)
    same(WrittenGELU()(x), nn.functional.gelu(x, approximate="tanh"))
    assert not torch.allclose(WrittenGELU()(x), nn.functional.gelu(x), atol=1e-5, rtol=0)
