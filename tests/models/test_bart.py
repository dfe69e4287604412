"""BART against its reference."""

from typing import Any

import pytest
import torch
from torch import nn

from glassformer.checkpoint.families.bart import FAMILY
from glassformer.checkpoint.rules import fill, publish, tensors
from glassformer.models.bart import Bart, BartConfig
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

# d_model must be a multiple of both numbers of heads; every other size is a prime of its own.
SIZES = {
    "vocab_size": 97,
    "d_model": 30,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 5,
    "decoder_attention_heads": 3,
    "encoder_ffn_dim": 53,
    "decoder_ffn_dim": 47,
    "max_position_embeddings": 61,
}
TINY = BartConfig(97, 61, 30, 2, 3, 5, 3, 53, 47)


def reference(kind: str = "ForConditionalGeneration", **changes: object) -> Any:
    config = tf.BartConfig(**(SIZES | {"attn_implementation": "eager"} | changes))
    model = getattr(tf, "Bart" + kind)(config).eval()
    spread(model)
    if kind == "ForConditionalGeneration":
        model.final_logits_bias.normal_()
    return model


def inputs(target: int = 59) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Source tokens, which of them are real (61, 37 and 2), and target tokens. None is the pad, 1."""
    generator = torch.Generator().manual_seed(1)
    source = torch.randint(2, 97, (3, 61), generator=generator)
    real = torch.arange(61) < torch.tensor([61, 37, 2])[:, None]
    return source, real, torch.randint(2, 97, (3, target), generator=generator)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity(dtype: torch.dtype, scaled: bool) -> None:
    theirs = reference(scale_embedding=scaled).to(dtype)
    ours = converted(FAMILY, theirs, dtype)
    source, real, target = inputs()
    expected = theirs(source, real.long(), decoder_input_ids=target)
    memory = ours.encode(source, real)
    same(memory.hidden[real], expected.encoder_last_hidden_state[real])
    same(ours(target, memory=memory), expected.logits)
    same(ours(target, memory=ours.encode(source)), theirs(source, decoder_input_ids=target).logits)
    round_trip(FAMILY, ours, theirs)
    assert ours.config.start == 2


def test_the_model_without_a_head() -> None:
    theirs = reference("Model")
    ours = converted(FAMILY, theirs)
    source, _, target = inputs()
    hidden = ours.hidden(target, memory=ours.encode(source))
    same(hidden, theirs(source, decoder_input_ids=target).last_hidden_state)
    same(ours.logits(hidden), hidden @ theirs.shared.weight.T)


@pytest.mark.parametrize("scaled", [False, True])
def test_gradients(scaled: bool) -> None:
    theirs = reference(scale_embedding=scaled).double()
    ours = converted(FAMILY, theirs, torch.float64)
    source, real, target = inputs()
    theirs(source, real.long(), decoder_input_ids=target).logits.square().sum().backward()
    ours(target, memory=ours.encode(source, real)).square().sum().backward()
    assert ours.head.bias.grad is None
    same_gradients(FAMILY, ours, theirs)


def test_cached_is_uncached_and_sees_no_future() -> None:
    ours = converted(FAMILY, reference())
    source, real, target = inputs()
    memory = ours.encode(source, real)
    cached_is_uncached(ours, target, [1, 17, 1, 40], memory=memory)
    sees_no_future(ours, target[:, :23], memory=memory)


def test_pads_change_nothing() -> None:
    ours = converted(FAMILY, reference())
    source, _, target = inputs()
    source, target = source[:, :41], target[:, :43]
    alone = ours(target, memory=ours.encode(source))
    pads = torch.ones(3, 7, dtype=torch.long)
    for padded, real in (
        (torch.cat([source, pads], 1), torch.arange(48) < 41),
        (torch.cat([pads, source], 1), torch.arange(48) >= 7),
    ):
        same(ours(target, memory=ours.encode(padded, real.expand(3, -1))), alone)
    real = (torch.arange(50) >= 7).expand(3, -1)
    same(ours(torch.cat([pads, target], 1), memory=ours.encode(source), mask=real)[:, 7:], alone)


def test_longer_than_its_positions() -> None:
    model = Bart(TINY)
    with pytest.raises(ValueError, match="61 positions"):
        model.encode(torch.zeros(1, 62, dtype=torch.long))


def test_copies_of_the_embedding_are_not_missed() -> None:
    model = Bart(TINY).eval()
    held = dict(publish(model, FAMILY.rules(model)))
    held["lm_head.weight"] = held["model.encoder.embed_tokens.weight"] = held["model.shared.weight"].clone()
    held["model.encoder.version"] = torch.zeros(1)
    with torch.device("meta"):
        again = FAMILY.build(TINY, {})
    fill(again, tensors(held), FAMILY.rules(again), skip=FAMILY.skip, prefixes=FAMILY.prefixes)
    assert again.tied and torch.equal(again.head.weight, model.embed.weight)
    assert not again.head.bias.requires_grad


@pytest.mark.parametrize(
    ("name", "value"),
    [("normalize_before", True), ("add_final_layer_norm", True), ("tie_word_embeddings", False), ("is_decoder", True)],
)
def test_what_would_change_the_numbers_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        FAMILY.config({**SIZES, name: value})


def test_unpublishable() -> None:
    with pytest.raises(ValueError, match="BartForSequenceClassification"):
        FAMILY.build(TINY, {"architectures": ["BartForSequenceClassification"]})
    with pytest.raises(ValueError, match="scale"):
        FAMILY.settings(Bart(BartConfig(97, 61, 30, 2, 3, 5, 3, 53, 47, scale=3.0)))


def test_initialization() -> None:
    model = Bart(BartConfig(499, 257, 128, 2, 2, 4, 4, 383, 383))
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            has_std(parameter, 0.02)
        else:
            assert torch.equal(parameter, torch.full_like(parameter, float("norm.weight" in name))), name
    # The last LayerNorm leaves vectors of length √128, so logits are about N(0, 128 · 0.02²): a loss of
    # ln 499 + 0.026 = 6.24, which 4 · 97 tokens know to about 0.01.
    ids = torch.randint(0, 499, (4, 97))
    logits = model.eval()(ids, memory=model.encode(ids)).detach()
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), torch.randint(0, 499, (4 * 97,)))
    assert 6.18 < float(loss) < 6.30


def test_dropout() -> None:
    model = Bart(BartConfig(97, 61, 30, 2, 3, 5, 3, 53, 47, 0.3, 0.2, 0.4))
    side = {
        "dropout": 0.3,
        "stack.*.attention.dropout": 0.3,
        "stack.*.attention.part.kernel": 0.2,
        "stack.*.feedforward.dropout": 0.3,
        "stack.*.feedforward.part.dropout": 0.4,
    }
    cross = {"stack.*.cross.dropout": 0.3, "stack.*.cross.part.kernel": 0.2}
    assert dropout_places(model) == side | cross | {"encoder." + name: share for name, share in side.items()}
    source, _, target = inputs()
    drops_in_training_only(model, lambda: model(target, memory=model.encode(source)))


@pytest.mark.parametrize("scaled", [False, True])
def test_saved_and_loaded(scaled: bool) -> None:
    source, _, target = inputs()
    model = converted(FAMILY, reference(scale_embedding=scaled, activation_dropout=0.3, activation_function="relu"))
    saved_and_loaded(FAMILY, model, lambda m: m(target, memory=m.encode(source)))
