"""The trace: it changes nothing, it is complete, and its views are what the formulas say."""

import dataclasses
import importlib
import json
import re
from pathlib import Path

import pytest
import torch

from glassformer import models
from glassformer.glass.explicit import explicit, title
from glassformer.glass.lens import lens
from glassformer.glass.patch import patch_from, replacing
from glassformer.glass.terminal import flow
from glassformer.glass.trace import recording, trace
from glassformer.glass.widgets.explorer import pass_of
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.heads import Hidden
from glassformer.parts.kernel import Explicit, Fused
from glassformer.parts.mask import Causal
from glassformer.parts.tap import Tap
from tests.glass.small import IDS, MODELS, SIZES, SOURCE, Letters, beside, plainly, small


@pytest.mark.parametrize("name", MODELS)
def test_watching_changes_no_bit(name):
    model = small(name).eval()
    with torch.no_grad(), explicit(model):
        off = plainly(model, name)
    on = trace(model, IDS, **beside(name))
    assert torch.equal(on.logits, off[0])
    assert on.ids.tolist() == [IDS] and on.tokens == list(map(str, IDS))


@pytest.mark.parametrize("name", MODELS)
def test_explicit_kernels_equal_fused_ones_to_rounding(name):
    model = small(name).eval()
    fused = plainly(model, name)[0].detach()
    gap = (trace(model, IDS, **beside(name)).logits - fused).abs().max()
    assert gap <= 1e-5 * max(1, float(fused.abs().max()))  # float32 sums in another order: the parity rule of the house


@pytest.mark.parametrize("name", MODELS)
def test_the_model_is_left_as_it_was(name):
    model = small(name)
    model.train()
    model.stack[0].eval()
    modes = [module.training for module in model.modules()]
    parts = list(model.modules())
    found = trace(model, IDS, **beside(name))
    assert list(model.modules()) == parts and [m.training for m in parts] == modes
    assert not any(m._forward_hooks for m in parts)
    assert not found.logits.requires_grad and not any(r.value.requires_grad for r in found.values())
    again = trace(model, IDS, **beside(name))
    assert torch.equal(again.logits, found.logits)  # no dropout, though the model is training


@pytest.mark.parametrize("name", SIZES)
def test_every_tap_is_recorded_with_the_shape_it_says(name):
    model = small(name)
    found = trace(model, IDS, **beside(name))
    with explicit(model) as plain:
        assert set(found) == {path for path, module in plain.named_modules() if isinstance(module, Tap)}
    for record in found.values():
        source = record.name.startswith("encoder.")
        keys = len(SOURCE) if source or ".cross." in record.name else len(IDS)
        letters = {**SIZES[name], "B": 1, "T": len(SOURCE) if source else len(IDS), "S": keys, "vocab": 97}
        assert record.size == tuple(letters[letter] for letter in record.shape.split()), record
        assert record.value.shape == record.size and 5 <= record.section <= 20


def test_records_come_in_the_order_of_the_flow():
    names = [record.title for record in trace(small("translator"), IDS, source=SOURCE).values()]
    order = [
        "encoder · embedded",
        "encoder · layer 0 · attention · weights",
        "encoder · layer 2 · feedforward · stream",
        "embedded",
        "layer 0 · attention · stream",
        "layer 0 · cross · weights",
        "layer 1 · feedforward · hidden",
        "predictions",
    ]
    assert [n for n in names if n in order] == order


def test_titles():
    assert title("stack.3.attention.part.kernel.weights") == "layer 3 · attention · weights"
    assert (
        title("encoder.stack.11.feedforward.part.experts.2.hidden")
        == "encoder · layer 11 · feedforward · expert 2 · hidden"
    )
    assert title("embedded") == "embedded"


def test_a_shared_layer_is_recorded_at_each_of_its_places():
    model = small("odd")
    found = trace(model, IDS)
    assert found.layers() == 3
    first, second = (found[f"stack.{i}.attention.stream"].value for i in (1, 2))
    assert not torch.equal(first, second)
    with torch.no_grad(), recording(model, "stack.1.attention.stream") as records:
        model.eval()(torch.tensor([IDS]))
    assert torch.equal(records["stack.1.attention.stream"].value, first)


def test_a_module_that_runs_again_gets_a_number():
    model = small().eval()
    with torch.no_grad(), recording(model, "embedded") as records:
        model(torch.tensor([[1, 2]]))
        model(torch.tensor([[3]]))
    assert [name for name in records if "embedded" in name] == ["embedded", "embedded #2"]
    assert records["embedded #2"].size == (1, 1, 55)


def test_only_what_matches_keeps_its_values():
    model = small()
    whole = trace(model, IDS)
    for taps, kept in [
        ("stack.1.*.weights", ["stack.1.attention.part.kernel.weights"]),
        ("layer 1 · attention · weights", ["stack.1.attention.part.kernel.weights"]),
        (re.compile(r"stack\.[02]\.feedforward\.stream"), ["stack.0.feedforward.stream", "stack.2.feedforward.stream"]),
        (["embedded", "predictions"], ["embedded", "predictions"]),
        ([], []),
    ]:
        part = trace(model, IDS, taps=taps)
        assert list(part) == list(whole)
        assert [name for name, record in part.items() if record.kept is not None] == kept
        assert all(torch.equal(part[name].value, whole[name].value) for name in kept)
    with pytest.raises(ValueError, match=r"taps must match 'embedded' for its values to be kept"):
        trace(model, IDS, taps="predictions")["embedded"].value  # noqa: B018


def test_modules_that_are_no_taps_may_be_asked_for():
    model = small()
    found = trace(model, IDS, taps=["stack.*.attention.part.q", "stack.0.attention.norm"])
    q, read = found["stack.0.attention.part.q"], found["stack.0.attention.norm"].value
    assert (q.shape, q.section, q.size) == ("", 0, (1, len(IDS), 55))
    assert torch.equal(q.value, model.stack[0].attention.part.q(read))
    assert torch.equal(
        read,
        model.stack[0].attention.norm(model.dropout.eval()(model.embed(found.ids) + model.positions(torch.arange(7)))),
    )


def test_a_value_is_a_copy():
    model = small()
    model.stack[0].feedforward.part.activation = torch.nn.ReLU(inplace=True)
    found = trace(model, IDS, taps="stack.0.feedforward.part.up")
    assert (found["stack.0.feedforward.part.up"].value < 0).any()


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_attention_is_what_the_formula_says(name):
    found = trace(small(name), IDS)
    for layer in range(found.layers()):
        weights = found.attention(layer)
        q, k = (found[f"layer {layer} · attention · {what}"].value[0] for what in ("queries", "keys"))
        k = k.repeat_interleave(q.shape[0] // k.shape[0], 0)
        scores = torch.einsum("htk,hsk->hts", q.double(), k.double()) / q.shape[-1] ** 0.5
        hidden = torch.ones(7, 7).triu(1).bool()
        expected = scores.masked_fill(hidden, -torch.inf).softmax(-1)
        torch.testing.assert_close(weights.double(), expected, rtol=0, atol=1e-5)  # scores up to 100 in float32
        assert (weights[:, hidden] == 0).all()


def test_attention_of_an_encoder_decoder():
    found = trace(small("translator"), IDS, source=SOURCE)
    assert found.attention(1).shape == (3, 7, 7)
    assert found.attention(1, cross=True).shape == (3, 7, 5)
    assert found.attention(2, side="encoder").shape == (3, 5, 5)
    assert not torch.equal(found.attention(1, cross=True)[:, :5, :], found.attention(1, side="encoder"))
    assert found.source == list(map(str, SOURCE))
    assert (found.layers(), found.layers("encoder")) == (2, 3)


@pytest.mark.parametrize("name", MODELS)
def test_the_stream_runs_from_the_embedding_to_the_norm(name):
    model = small(name).eval()
    found = trace(model, IDS, **beside(name))
    streams = found.streams()
    assert streams.shape[:2] == (found.layers() + 1, len(IDS))
    assert torch.equal(streams[0], found["embedded"].value[0])
    assert torch.equal(model.logits(model.norm(found.stream(found.layers() - 1)[None]))[0], found.logits)
    torch.testing.assert_close(found.norms(), torch.linalg.vector_norm(streams, dim=-1))


def test_a_text_and_what_is_likely_next():
    found = trace(small(), "The cat", tokenizer=Letters())
    assert found.tokens == list("The cat") and found.ids.tolist() == [Letters().encode("The cat")]
    best = found.likely(3, at=2)
    chances = found.logits[2].softmax(-1)
    assert [p for _, p in best] == chances.topk(3).values.tolist()
    assert best[0][0] == Letters.alphabet[int(chances.argmax())]


def test_a_memory_that_was_read_before():
    model = small("translator").eval()
    with torch.no_grad(), explicit(model):
        memory = model.encode(torch.tensor([SOURCE]))
    found = trace(model, IDS, memory=memory)
    assert torch.equal(found.logits, trace(model, IDS, source=SOURCE).logits)
    assert not any(name.startswith("encoder.") for name in found)


def test_more_inputs_reach_the_model():
    model, mask = small(), torch.tensor([[0, 0, 1, 1, 1, 1, 1]])
    assert not torch.equal(trace(model, IDS, inputs={"mask": mask}).logits[3:], trace(model, IDS).logits[3:])
    assert (trace(model, IDS, inputs={"mask": mask}).attention(0)[:, 3:, :2] == 0).all()


@pytest.mark.parametrize("compile", [lambda m: torch.compile(m, backend="eager"), lambda m: m.compile(backend="eager")])
def test_a_compiled_model_is_traced_and_still_compiled_afterwards(compile):
    model = small().eval()
    expected = trace(model, IDS)
    made = compile(model)
    compiled = model if made is None else made
    ids = torch.tensor([IDS])
    with torch.no_grad():
        before = compiled(ids)
        found = trace(compiled, IDS)
        after = compiled(ids)
    assert list(found) == list(expected) and torch.equal(found.logits, expected.logits)
    assert torch.equal(found.attention(2), expected.attention(2)) and torch.equal(before, after)


def test_a_compiled_layer_keeps_its_name():
    model = small()
    expected = trace(model, IDS)
    model.stack[1] = torch.compile(model.stack[1], backend="eager")
    model(torch.tensor([IDS]))
    assert list(trace(model, IDS, taps="stack.1.*")) == list(expected)
    assert torch.equal(trace(model, IDS).attention(1), expected.attention(1))


def test_kernels_are_put_back_whatever_happens():
    model = small()
    kernels = [layer.attention.part.kernel for layer in model.stack]
    with pytest.raises(RuntimeError, match="on purpose"), explicit(model) as plain, explicit(model):
        made = [layer.attention.part.kernel for layer in plain.stack]
        assert all(type(kernel) is Explicit for kernel in made)
        assert [(k.scale, k.dropout, k.training) for k in made] == [(11**-0.5, 0.1, True)] * 3
        raise RuntimeError("on purpose")
    assert all(layer.attention.part.kernel is kernel for layer, kernel in zip(model.stack, kernels, strict=True))
    with pytest.raises(ValueError, match="vocabulary"):
        trace(model, [97])
    assert all(type(layer.attention.part.kernel) is Fused for layer in model.stack) and model.training
    with explicit(model):
        with explicit(model):
            pass
        assert type(model.stack[0].attention.part.kernel) is Explicit


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("gpt2", {"text": "cat"}, "tokenizer must be given when text is a text: 'cat'."),
        ("gpt2", {"text": [[1], [2]]}, "text must be one row of at least one token, [1, T], but its shape is [2, 1]."),
        ("gpt2", {"text": []}, "text must be one row of at least one token, [1, T], but its shape is [1, 0]."),
        (
            "gpt2",
            {"text": [1], "source": [2]},
            "source and memory must be left out: this model has no encoder beside it.",
        ),
        (
            "translator",
            {"text": [1]},
            "source must be given: this model is an encoder-decoder, and its encoder reads a text.",
        ),
        (
            "gpt2",
            {"text": [1], "taps": "stack.1.attention.part.kernel.weigths"},
            "'stack.1.attention.part.kernel.weigths' must match the name of a tensor. The nearest are: "
            "stack.1.attention.part.kernel.weights",
        ),
        ("gpt2", {"text": [1], "taps": re.compile("zzz")}, "'zzz' must match the name of a tensor. None is near."),
    ],
)
def test_errors(model, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        trace(small(model), **arguments)


def test_errors_of_a_trace():
    found = trace(small(), IDS, taps="*.stream")
    with pytest.raises(KeyError, match=r"'stack.0.attention.straem' is no tensor .* stack.0.attention.stream"):
        found["stack.0.attention.straem"]
    with pytest.raises(ValueError, match="layer must be one of 0 to 2, not 3"):
        found.attention(3)
    with pytest.raises(ValueError, match="layer 1 has no attention weights"):
        found.attention(1, cross=True)
    assert (
        "stack.0.attention.stream" in found and repr(found) == "<Trace of 7 tokens: 29 tensors, 6 of them with values>"
    )


TINY = {
    **{"vocab": 97, "max_positions": 61, "types": 3, "d_model": 24, "d_embed": 13, "encoder_layers": 3, "layers": 2},
    **{"encoder_heads": 4, "heads": 4, "kv_heads": 2, "d_k": 6, "encoder_d_ff": 59, "d_ff": 53, "rotary_share": 0.34},
    **{"experts": 5, "chosen": 2, "full_layers": 1, "window": 5},
}


def architectures():
    """Every model class that has a config of its own name. Recurrent ones have no residual stream to see through."""
    for file in sorted(Path(models.__file__).parent.glob("*.py")):
        if file.stem in ("rnn", "seq2seq"):
            continue
        module = importlib.import_module(f"glassformer.models.{file.stem}")
        for name, config in vars(module).items():
            if name.endswith("Config") and name[:-6] in vars(module) and config.__module__ == module.__name__:
                yield pytest.param(vars(module)[name[:-6]], config, id=name[:-6])


@pytest.mark.parametrize(("model", "config"), list(architectures()))
def test_every_architecture_can_be_seen_through(model, config):
    fields = {f.name: TINY[f.name] for f in dataclasses.fields(config) if f.name in TINY}
    torch.manual_seed(20250131)
    model = model(config(**fields)).eval()
    beside = {"source": SOURCE} if model.encoder is not None else {}
    found = trace(model, IDS, **beside)
    with torch.no_grad(), explicit(model):
        given = {"memory": model.encode(torch.tensor([SOURCE]))} if beside else {}
        assert torch.equal(model(torch.tensor([IDS]), **given), found.output)
    assert found.layers() == 2 and found.streams().shape == (3, 7, 24)
    last = [name for name in found if re.fullmatch(r"stack\.1\..*stream", name)][-1]
    with replacing(model, patch_from(found, last)) as patched:
        assert torch.equal(trace(patched, IDS[::-1], **beside).output, found.output)
    if found.predicts:
        assert torch.equal(lens(model, found)[-1], found.logits)
    text, data = flow(found), pass_of(model, found)
    assert max(map(len, text.splitlines())) <= 80 and ("most likely" in text) == found.predicts
    assert len(data["next"]) == (7 if found.predicts else 0) and len(json.dumps(data)) < 50_000
    assert data["causal"] == isinstance(model.mask, Causal)
    assert ("in the place of" in text) == (found.predicts and not data["causal"])


def test_vectors_are_not_taken_for_words():
    """The head of a sentence encoder gives hidden states: as long as the text, but no logits."""
    model = Bert(BertConfig(97, 61, 3, 24, 2, 4, 53))
    model.head = Hidden()
    found = trace(model, IDS)
    assert found.output.shape == (1, 7, 24) and not found.predicts and not found.causal
    assert "most likely" not in flow(found) and re.search(r"^predictions +\[1, 7, 24\] +12$", flow(found), re.M)
    assert pass_of(model, found)["lens"] == []
    with pytest.raises(ValueError, match="logits of its vocabulary"):
        lens(model, found)
