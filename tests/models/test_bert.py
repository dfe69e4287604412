"""BERT against its reference, with each of its heads."""

import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.checkpoint.families.bert import FAMILY
from glassformer.checkpoint.fetch import cached
from glassformer.checkpoint.files import Weights
from glassformer.checkpoint.rules import fill, publish, tensors
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.heads import Hidden, MeanPooling, Pooler, TokenClassifier
from glassformer.models.surgery import replace
from glassformer.models.trunk import Encoder
from tests.models.checks import dropout_places, drops_in_training_only, has_std, same_gradients, saved_and_loaded
from tests.models.parity import converted, round_trip, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")

KINDS = ["ForMaskedLM", "ForPreTraining", "ForSequenceClassification", "ForTokenClassification", "Model"]
SIZES = {
    "vocab_size": 97,
    "hidden_size": 44,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 53,
    "max_position_embeddings": 61,
    "type_vocab_size": 3,
}
TINY = BertConfig(vocab=97, max_positions=61, types=3, d_model=44, layers=3, heads=4, d_ff=53)


def reference(kind: str = "ForMaskedLM", **changes: object) -> Any:
    config = tf.BertConfig(**(SIZES | {"num_labels": 5, "attn_implementation": "eager"} | changes))
    model = getattr(tf, "Bert" + kind)(config).eval()
    spread(model)
    return model


def inputs(batch: int = 3, tokens: int = 61) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens, segments, and which are real: the rows have 61, 37 and 2 real tokens."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 97, (batch, tokens), generator=generator)
    real = torch.arange(tokens) < torch.tensor([tokens, 37, 2])[:batch, None]
    return ids, torch.randint(0, 3, (batch, tokens), generator=generator), real


def outputs(made: Any) -> list[torch.Tensor]:
    """What a head gives, as a list of tensors, on either side."""
    names = ("prediction_logits", "seq_relationship_logits", "logits", "last_hidden_state")
    if isinstance(made, torch.Tensor):
        return [made]
    return [made[n] for n in names if n in made] if hasattr(made, "keys") else list(made)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_parity(kind: str, dtype: torch.dtype) -> None:
    theirs = reference(kind).to(dtype)
    ours = converted(FAMILY, theirs, dtype)
    ids, types, _ = inputs()
    expected = outputs(theirs(ids, token_type_ids=types))
    got = outputs(ours(ids, types=types))
    assert len(got) == len(expected)
    for mine, other in zip(got, expected, strict=True):
        same(mine, other)
    round_trip(FAMILY, ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind: str) -> None:
    theirs = reference(kind).double()
    ours = converted(FAMILY, theirs, torch.float64)
    ids, types, _ = inputs()
    sum(t.square().sum() for t in outputs(theirs(ids, token_type_ids=types))).backward()
    sum(t.square().sum() for t in outputs(ours(ids, types=types))).backward()
    same_gradients(FAMILY, ours, theirs)


def test_pads_on_the_right() -> None:
    theirs = reference()
    ours = converted(FAMILY, theirs)
    ids, types, real = inputs()
    same(ours(ids, types=types, mask=real)[real], theirs(ids, real.long(), types).logits[real])


def test_pads_on_the_left_change_nothing() -> None:
    model = converted(FAMILY, reference())
    ids, types, _ = inputs(2, 17)
    padded = torch.cat([torch.zeros(2, 5, dtype=torch.long), ids], 1)
    real = torch.arange(22)[None].expand(2, -1) >= 5
    zeros = torch.zeros(2, 5, dtype=torch.long)
    same(model(padded, types=torch.cat([zeros, types], 1), mask=real)[:, 5:], model(ids, types=types))


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_pads_anywhere_change_nothing(data: st.DataObject) -> None:
    """A text of any length with any number of pads before, between and after: its tokens' logits stay as they are."""
    real = torch.tensor(data.draw(st.lists(st.booleans(), min_size=1, max_size=29).filter(any)))[None]
    model = Bert(TINY).double().eval()
    ids = torch.randint(1, 97, real.shape)
    same(model(ids, mask=real)[real], model(ids[real][None])[0])


def test_types_are_zero_by_default() -> None:
    model = converted(FAMILY, reference())
    ids, types, _ = inputs()
    assert torch.equal(model(ids), model(ids, types=torch.zeros_like(ids)))
    assert not torch.allclose(model(ids), model(ids, types=types))


def test_pooler_is_the_references() -> None:
    theirs = reference("Model")
    ours = converted(FAMILY, theirs)
    ids, _, _ = inputs()
    same(ours.head.pooler(ours(ids)), theirs(ids).pooler_output)


def test_old_names_of_norms_load() -> None:
    theirs = reference()
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in theirs.state_dict().items()
    }
    assert sum(name.endswith("gamma") for name in old) == 1 + 2 * 3 + 1
    published = FAMILY.settings(Bert(TINY))
    ours = FAMILY.build(FAMILY.config(published), published)
    fill(ours, tensors(old), FAMILY.rules(ours), skip=FAMILY.skip, prefixes=FAMILY.prefixes)
    ids, _, _ = inputs()
    same(ours.eval()(ids), theirs(ids).logits)


def test_pretrained_checkpoint_loads_into_any_head() -> None:
    """The released BERT holds the weights of both tasks; each head takes its own."""
    theirs = reference("ForPreTraining")
    ids, _, _ = inputs()
    expected = theirs(ids, output_hidden_states=True)
    for kind in ("ForMaskedLM", "Model", "ForPreTraining"):
        published = FAMILY.settings(Bert(TINY)) | {"architectures": ["Bert" + kind]}
        ours = FAMILY.build(FAMILY.config(published), published)
        fill(ours, tensors(theirs.state_dict()), FAMILY.rules(ours), skip=FAMILY.skip, prefixes=FAMILY.prefixes)
        wanted = expected.hidden_states[-1] if kind == "Model" else expected.prediction_logits
        same(outputs(ours.eval()(ids))[0], wanted)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("position_embedding_type", "relative_key"),
        ("tie_word_embeddings", False),
        ("hidden_act", "mish"),
    ],
)
def test_what_would_change_the_numbers_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="mish" if name == "hidden_act" else name):
        FAMILY.config({**SIZES, name: value})


def test_unknown_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="BertForMultipleChoice"):
        FAMILY.build(TINY, {"architectures": ["BertForMultipleChoice"]})
    with pytest.raises(ValueError, match="Linear"):
        FAMILY.settings(Bert(TINY, torch.nn.Linear(44, 7)))


@pytest.mark.parametrize("act", ["gelu_new", "relu"])
def test_other_activations(act: str) -> None:
    theirs = reference(hidden_act=act)
    ours = converted(FAMILY, theirs)
    ids, _, _ = inputs()
    same(ours(ids), theirs(ids).logits)
    assert FAMILY.settings(ours)["hidden_act"] == act


def test_initialization() -> None:
    model = Bert(BertConfig(vocab=499, max_positions=257, d_model=128, layers=2, heads=4, d_ff=383))
    # A normal distribution cut at two standard deviations keeps 0.8796 of its spread.
    std = 0.02 * 0.87962566
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            assert float(parameter.detach().abs().max()) <= 0.04
            if parameter.numel() > 1000:
                has_std(parameter, std)
        else:
            assert torch.equal(parameter, torch.full_like(parameter, float("norm.weight" in name))), name
    # The last vector before the decoder has length √128, so its logits are small and the loss is near ln 499 = 6.213:
    # E loss = ln V + half their variance (128 · std² / 2 = 0.02), and 4 · 97 tokens know it to about 0.01.
    ids = torch.randint(0, 499, (4, 97))
    loss = torch.nn.functional.cross_entropy(model.eval()(ids).flatten(0, 1), torch.randint(0, 499, (4 * 97,)))
    assert 6.15 < float(loss.detach()) < 6.30


def test_dropout() -> None:
    config = BertConfig(97, 61, 3, 44, 3, 4, 53, dropout=0.3, attention_dropout=0.2)
    model = Bert(config, TokenClassifier(44, 5, 0.4))
    assert dropout_places(model) == {
        "dropout": 0.3,
        "stack.*.attention.dropout": 0.3,
        "stack.*.attention.part.kernel": 0.2,
        "stack.*.feedforward.dropout": 0.3,
        "head.dropout": 0.4,
    }
    ids, _, _ = inputs()
    drops_in_training_only(model, lambda: model(ids))


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded(kind: str) -> None:
    model = converted(FAMILY, reference(kind, hidden_dropout_prob=0.2, classifier_dropout=0.3))
    ids, _, _ = inputs()
    saved_and_loaded(FAMILY, model, lambda m: outputs(m(ids))[0])


def test_sentence_embeddings() -> None:
    """The mean over real tokens, of length 1; pads change nothing, and no text gives no NaN."""
    model = Bert(TINY, MeanPooling()).eval()
    ids, _, real = inputs()
    vectors = model(ids, mask=real)
    assert vectors.shape == (3, 44)
    same(vectors.norm(dim=1), torch.ones(3))
    for row, length in enumerate((61, 37, 2)):
        hidden = model.hidden(ids[row : row + 1, :length])[0]
        same(vectors[row], hidden.mean(0) / hidden.mean(0).norm())
    assert torch.equal(MeanPooling()(torch.randn(1, 3, 5), torch.zeros(1, 3, dtype=torch.bool)), torch.zeros(1, 5))


def test_a_real_sentence_encoder() -> None:
    """all-MiniLM-L6-v2: the reference's hidden states, and embeddings that know what belongs together."""
    folder = cached("minilm")
    if folder is None:
        pytest.skip('needs all-MiniLM-L6-v2, 84 MB: glassformer.checkpoint.fetch.fetch("minilm")')
    published = json.loads((folder / "config.json").read_text("utf-8"))
    with torch.device("meta"):
        model = FAMILY.build(FAMILY.config(published), published)
    fill(model, Weights.open(folder), FAMILY.rules(model), skip=FAMILY.skip, prefixes=FAMILY.prefixes)
    model.eval()
    assert sum(p.numel() for p in model.parameters()) == 22_713_216
    sentences = ["The cat sleeps on the sofa.", "A kitten naps on the couch.", "Stocks fell sharply in early trading."]
    tokens = tf.AutoTokenizer.from_pretrained(folder)(sentences, padding=True, return_tensors="pt")
    theirs = tf.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    ids, real = tokens["input_ids"], tokens["attention_mask"].bool()
    same(model(ids, mask=real)[real], theirs(**tokens).last_hidden_state[real])
    replace(model, "head", lambda _: MeanPooling())
    vectors = model(ids, mask=real).detach()
    alike = vectors @ vectors.T
    assert float(alike[0, 1]) > 0.5 > 0.2 > float(alike[0, 2])


def test_a_pooler_as_head_is_published() -> None:
    model = Bert(TINY, Pooler(44))
    names = dict(publish(model, FAMILY.rules(model)))
    assert "pooler.dense.weight" in names
    assert model(inputs()[0]).shape == (3, 44)
    assert isinstance(Bert(TINY, Hidden()), Encoder)
