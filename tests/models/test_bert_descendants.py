"""RoBERTa, ELECTRA and DistilBERT against their references, with each of their heads."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from glassformer.checkpoint.families import distilbert, electra, roberta
from glassformer.checkpoint.family import Family
from glassformer.checkpoint.rules import fill, publish, tensors
from glassformer.models.distilbert import DistilBert, DistilBertConfig
from glassformer.models.electra import Electra, ElectraConfig, generator_head
from glassformer.models.heads import MeanPooling, SequenceClassifier
from glassformer.models.roberta import Roberta, RobertaConfig
from tests.models.checks import dropout_places, drops_in_training_only, has_std, same_gradients, saved_and_loaded
from tests.models.parity import converted, round_trip, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")

LIKE_BERT = {
    "vocab_size": 97,
    "hidden_size": 44,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 53,
    "type_vocab_size": 3,
}
SIZES: dict[str, dict[str, object]] = {
    "Roberta": LIKE_BERT | {"max_position_embeddings": 63, "layer_norm_eps": 1e-5},
    "Electra": LIKE_BERT | {"max_position_embeddings": 61, "embedding_size": 23},
    "DistilBert": {
        "vocab_size": 97,
        "dim": 44,
        "n_layers": 3,
        "n_heads": 4,
        "hidden_dim": 53,
        "max_position_embeddings": 61,
    },
}
FAMILIES: dict[str, Family] = {
    "Roberta": roberta.FAMILY,
    "Electra": electra.FAMILY,
    "DistilBert": distilbert.FAMILY,
}
TINY: dict[str, Any] = {
    "Roberta": RobertaConfig(97, 61, 3, 44, 3, 4, 53),
    "Electra": ElectraConfig(97, 61, 3, 23, 44, 3, 4, 53),
    "DistilBert": DistilBertConfig(97, 61, 44, 3, 4, 53),
}
MAKE: dict[str, Any] = {"Roberta": Roberta, "Electra": Electra, "DistilBert": DistilBert}
NAMED = [
    (name, kind)
    for name in FAMILIES
    for kind in ("ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "Model")
] + [("Electra", "ForPreTraining")]


def reference(name: str, kind: str, **changes: object) -> Any:
    settings = SIZES[name] | {"num_labels": 5, "attn_implementation": "eager"} | changes
    model = getattr(tf, name + kind)(getattr(tf, name + "Config")(**settings)).eval()
    spread(model)
    return model


def inputs(name: str, tokens: int = 61) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
    """Tokens, none of which is a pad; segments where there are some; and which are real: 61, 37 and 2."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(2, 97, (3, tokens), generator=generator)
    types = torch.randint(0, 3, (3, tokens), generator=generator)
    real = torch.arange(tokens) < torch.tensor([tokens, 37, 2])[:, None]
    return ids, {} if name == "DistilBert" else {"token_type_ids": types}, real


def ours_takes(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"types": given["token_type_ids"]} if given else {}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "kind"), NAMED)
def test_parity(name: str, kind: str, dtype: torch.dtype) -> None:
    theirs = reference(name, kind).to(dtype)
    ours = converted(FAMILIES[name], theirs, dtype)
    ids, types, _ = inputs(name)
    same(ours(ids, **ours_takes(types)), theirs(ids, **types)[0])
    round_trip(FAMILIES[name], ours, theirs)


@pytest.mark.parametrize(("name", "kind"), NAMED)
def test_gradients(name: str, kind: str) -> None:
    theirs = reference(name, kind).double()
    ours = converted(FAMILIES[name], theirs, torch.float64)
    ids, types, _ = inputs(name)
    theirs(ids, **types)[0].square().sum().backward()
    ours(ids, **ours_takes(types)).square().sum().backward()
    same_gradients(FAMILIES[name], ours, theirs)


@pytest.mark.parametrize("name", FAMILIES)
def test_pads_on_the_right(name: str) -> None:
    theirs = reference(name, "ForMaskedLM")
    ours = converted(FAMILIES[name], theirs)
    ids, _, real = inputs(name)
    ids = ids.masked_fill(~real, 1 if name == "Roberta" else 0)
    same(ours(ids, mask=real)[real], theirs(ids, real.long()).logits[real])


def test_pads_on_the_left_of_roberta_are_those_of_the_reference() -> None:
    theirs = reference("Roberta", "ForMaskedLM")
    ours = converted(roberta.FAMILY, theirs)
    ids, _, _ = inputs("Roberta")
    real = (torch.arange(61) >= torch.tensor([0, 7, 59])[:, None]).contiguous()
    ids = ids.masked_fill(~real, 1)
    same(ours(ids, mask=real)[real], theirs(ids, real.long()).logits[real])


@pytest.mark.parametrize("name", FAMILIES)
def test_pads_on_the_left_change_nothing(name: str) -> None:
    model = converted(FAMILIES[name], reference(name, "ForMaskedLM"))
    ids, _, _ = inputs(name, 41)
    real = (torch.arange(46) >= 5).expand(3, -1)
    same(model(torch.cat([torch.ones(3, 5, dtype=torch.long), ids], 1), mask=real)[:, 5:], model(ids))


def test_roberta_uses_512_of_its_514_rows() -> None:
    model = Roberta(TINY["Roberta"])
    assert model.positions.weight.shape == (63, 44)
    model(torch.full((1, 61), 3))
    with pytest.raises(ValueError, match="61 positions"):
        model(torch.full((1, 62), 3))
    with pytest.raises(ValueError, match="pad_token_id"):
        roberta.FAMILY.config({**SIZES["Roberta"], "pad_token_id": 0})


def test_electra_without_a_projection() -> None:
    """Where the embedding is as wide as the layers, there is none."""
    theirs = reference("Electra", "ForMaskedLM", embedding_size=44)
    ours = converted(electra.FAMILY, theirs)
    assert not any("embed_norm.2" in name for name, _ in ours.named_parameters())
    ids, _, _ = inputs("Electra")
    same(ours(ids), theirs(ids).logits)
    round_trip(electra.FAMILY, ours, theirs)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_masked_model_loads_without_its_head(name: str) -> None:
    masked = MAKE[name](TINY[name], generator_head(TINY[name])) if name == "Electra" else MAKE[name](TINY[name])
    family = FAMILIES[name]
    settings = family.settings(masked) | {"architectures": [f"{name}Model"]}
    bare = family.build(family.config(settings), settings)
    if name == "Roberta":  # whose bare model has a pooler
        bare.head = MeanPooling()
    held = tensors(dict(publish(masked, family.rules(masked))))
    fill(bare, held, family.rules(bare), skip=family.skip, prefixes=family.prefixes)
    ids, _, _ = inputs(name)
    assert torch.equal(bare.eval().hidden(ids), masked.eval().hidden(ids))


def test_old_names_of_norms_load() -> None:
    model = Electra(TINY["Electra"]).eval()
    rules = electra.FAMILY.rules(model)
    held = dict(publish(model, rules))
    old = {k.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): t for k, t in held.items()}
    assert old.keys() != held.keys()
    fill(model, tensors(old), rules)


@pytest.mark.parametrize("name", FAMILIES)
def test_unknown_heads_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="MultipleChoice"):
        FAMILIES[name].build(TINY[name], {"architectures": [name + "ForMultipleChoice"]})


@pytest.mark.parametrize("name", FAMILIES)
def test_initialization(name: str) -> None:
    sizes: dict[str, Any] = {"vocab": 499, "max_positions": 257, "d_model": 128, "layers": 2, "heads": 4, "d_ff": 383}
    model = MAKE[name](replace(TINY[name], **sizes))
    # ELECTRA's normal distribution is cut at two standard deviations, which keeps 0.8796 of its spread.
    std = 0.02 * (0.87962566 if name == "Electra" else 1.0)
    for parameter_name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            if parameter.numel() > 1000:
                has_std(parameter, std)
        else:
            norm = ("norm.weight", "embed_norm.0.weight")
            assert torch.equal(parameter, torch.full_like(parameter, float(parameter_name.endswith(norm))))


@pytest.mark.parametrize("name", FAMILIES)
def test_dropout(name: str) -> None:
    config = replace(TINY[name], dropout=0.3, attention_dropout=0.2)
    model = MAKE[name](config, SequenceClassifier(44, 5, nn.Tanh(), 0.4, 0.45))
    assert dropout_places(model) == {
        "embed_norm.*" if name == "Electra" else "dropout": 0.3,
        "stack.*.attention.dropout": 0.3,
        "stack.*.attention.part.kernel": 0.2,
        "stack.*.feedforward.dropout": 0.3,
        "head.dropout": 0.4,
        "head.first_dropout": 0.45,
    }
    ids, _, _ = inputs(name)
    drops_in_training_only(model, lambda: model(ids))


@pytest.mark.parametrize(
    ("name", "first"),
    [("Roberta", {"head.first_dropout": 0.3}), ("Electra", {"head.first_dropout": 0.3}), ("DistilBert", {})],
)
def test_dropout_of_the_classifier(name: str, first: dict[str, float]) -> None:
    changes = {"seq_classif_dropout": 0.3} if name == "DistilBert" else {"classifier_dropout": 0.3}
    ours = converted(FAMILIES[name], reference(name, "ForSequenceClassification", **changes))
    places = dropout_places(ours)
    assert {place: share for place, share in places.items() if "head" in place} == {"head.dropout": 0.3} | first


@pytest.mark.parametrize(("name", "kind"), NAMED)
def test_saved_and_loaded(name: str, kind: str) -> None:
    model = converted(FAMILIES[name], reference(name, kind))
    ids, _, _ = inputs(name)
    saved_and_loaded(FAMILIES[name], model, lambda m: m(ids))
