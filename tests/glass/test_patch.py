"""Patching: what is replaced is what follows, and nothing is left behind."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.glass.explicit import explicit
from glassformer.glass.patch import ablate_heads, patch_from, replacing
from glassformer.glass.trace import trace
from glassformer.parts.kernel import Explicit
from tests.glass.small import IDS, MODELS, SOURCE, beside, plainly, small

OTHER = [3, 96, 41, 17, 2, 64, 8]


def run(model, name, ids=IDS):
    with torch.no_grad():
        return plainly(model, name, ids)[0]


@pytest.mark.parametrize("name", MODELS)
def test_the_last_stream_of_one_run_gives_its_logits_in_another(name):
    model = small(name).eval()
    clean = trace(model, IDS, **beside(name))
    last = f"stack.{clean.layers() - 1}.*.stream"
    assert not torch.allclose(run(model, name, OTHER), clean.logits)
    with replacing(model, patch_from(clean, last)) as patched:
        assert torch.equal(run(patched, name, OTHER), clean.logits)


@pytest.mark.parametrize("name", MODELS)
def test_replacing_nothing_changes_nothing(name):
    model = small(name).eval()
    clean = trace(model, IDS, **beside(name)).logits
    with replacing(model, {"stack.*.stream": lambda x: x, "embedded": torch.clone}) as patched:
        assert torch.equal(run(patched, name), clean)


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, 6), min_size=1), st.integers(0, 2))
def test_patched_tokens_change_only_what_may_see_them(positions, layer):
    model = small().eval()
    clean, other = trace(model, IDS), trace(model, OTHER)
    with replacing(model, patch_from(clean, f"stack.{layer}.feedforward.stream", sorted(positions))) as patched:
        found = trace(patched, OTHER)
    stream = found.stream(layer)
    for token in range(7):
        assert torch.equal(stream[token], (clean if token in positions else other).stream(layer)[token])
    first = min(positions)
    assert torch.equal(found.logits[:first], other.logits[:first])
    assert not torch.equal(found.logits[first], other.logits[first])
    if layer == 2:  # nothing mixes tokens after the last layer
        for token in range(7):
            assert torch.equal(found.logits[token], (clean if token in positions else other).logits[token])


def test_a_token_may_be_put_in_the_place_of_another():
    model = small().eval()
    clean = trace(model, IDS)
    with replacing(model, patch_from(clean, "layer 2 · feedforward · stream", {-1: 2})) as patched:
        logits = run(patched, "gpt2", OTHER[:4])
    torch.testing.assert_close(logits[2], clean.logits[-1], rtol=0, atol=1e-5)  # other shapes, other order of sums
    assert torch.equal(logits[3], run_explicit(model, OTHER[:4])[3])


def run_explicit(model, ids):
    with explicit(model):
        return run(model, "gpt2", ids)


def test_a_patch_leaves_the_tensor_it_replaces_as_it_was():
    model, seen = small().eval(), []
    clean, other = trace(model, IDS), trace(model, OTHER)
    with (
        replacing(model, {"embedded": lambda x: (seen.append(x), x)[1]}),
        replacing(model, patch_from(clean, "embedded", [2])),
    ):
        run(model, "gpt2", OTHER)
    assert torch.equal(seen[0], other["embedded"].value)


def test_heads_can_be_patched_along_their_tokens():
    model = small().eval()
    clean, other = trace(model, IDS), trace(model, OTHER)
    with replacing(model, patch_from(clean, "stack.1.attention.part.keys", [3])) as patched:
        found = trace(patched, OTHER)
    keys = found["stack.1.attention.part.keys"].value
    assert torch.equal(keys[:, :, 3], clean["stack.1.attention.part.keys"].value[:, :, 3])
    assert torch.equal(keys[:, :, 4], other["stack.1.attention.part.keys"].value[:, :, 4])


@pytest.mark.parametrize("name", ["gpt2", "llama", "gpt1"])
def test_without_any_head_attention_answers_with_its_bias(name):
    model = small(name).eval()
    heads = model.config.heads
    with torch.no_grad():
        for layer in model.stack:
            if layer.attention.part.out.bias is not None:
                layer.attention.part.out.bias.normal_()
    with ablate_heads(model, {1: range(heads)}) as ablated:
        found = trace(ablated, IDS, taps="stack.1.attention.part.out")
    answer = found["stack.1.attention.part.out"].value[0]
    bias = model.stack[1].attention.part.out.bias
    assert torch.equal(answer, torch.zeros_like(answer) if bias is None else bias.detach().expand_as(answer))


def test_one_head_is_taken_out_and_no_other():
    model = small().eval()
    whole = trace(model, IDS)
    with ablate_heads(model, {0: [3], 2: [0, 4]}) as ablated:
        found = trace(ablated, IDS)
    before, after = (t["stack.0.attention.part.mixed"].value[0] for t in (whole, found))
    assert (after[3] == 0).all() and torch.equal(after[[0, 1, 2, 4]], before[[0, 1, 2, 4]])
    out = model.stack[0].attention.part.out
    part = before[3] @ out.weight[:, 33:44].T  # what head 3 adds to the stream: 11 columns of the output projection
    change = whole["stack.0.attention.stream"].value[0] - found["stack.0.attention.stream"].value[0]
    torch.testing.assert_close(change, part.detach(), rtol=1e-4, atol=1e-5)  # a difference of float32 sums
    assert (found["stack.2.attention.part.mixed"].value[0][[0, 4]] == 0).all()


def test_the_mean_is_over_rows_and_tokens():
    model = small().eval()
    ids = torch.tensor([IDS, OTHER])
    seen = []
    with torch.no_grad(), replacing(model, {"stack.0.attention.part.mixed": lambda x: (seen.append(x), x)[1]}):
        model(ids)
        with (
            ablate_heads(model, {0: [2]}, "mean"),
            replacing(model, {"stack.0.attention.part.mixed": lambda x: (seen.append(x), x)[1]}),
        ):
            model(ids)
    before, after = seen[0], seen[-1]
    torch.testing.assert_close(after[:, 2], before[:, 2].mean((0, 1)).expand(2, 7, 11), rtol=0, atol=1e-6)
    assert torch.equal(after[:, [0, 1, 3, 4]], before[:, [0, 1, 3, 4]])


def test_heads_of_the_encoder_and_not_of_cross_attention():
    model = small("translator").eval()
    with ablate_heads(model, {2: [1]}, prefix="encoder.stack") as ablated:
        found = trace(ablated, IDS, source=SOURCE)
    assert (found["encoder.stack.2.attention.part.mixed"].value[:, 1] == 0).all()
    with ablate_heads(model, {1: [1]}) as ablated:
        found = trace(ablated, IDS, source=SOURCE)
    assert (found["stack.1.attention.part.mixed"].value[:, 1] == 0).all()
    assert (found["stack.1.cross.part.mixed"].value[:, 1] != 0).any()
    assert (found["encoder.stack.1.attention.part.mixed"].value[:, 1] != 0).any()


def test_weights_of_attention_can_be_replaced():
    """Every query looks at the first token only, so every head reads the first value."""
    model = small().eval()
    look = torch.zeros(7)
    look[0] = 1
    with replacing(model, {"*.weights": lambda x: look.expand_as(x)}) as patched:
        found = trace(patched, IDS)
    mixed, values = (found[f"stack.1.attention.part.{what}"].value for what in ("mixed", "values"))
    torch.testing.assert_close(mixed, values[:, :, :1].expand_as(mixed))


@pytest.mark.parametrize("compile", [lambda m: torch.compile(m, backend="eager"), lambda m: m.compile(backend="eager")])
@pytest.mark.parametrize("kernels", ["fused", "explicit"])
def test_a_compiled_model_is_patched_even_if_the_compiled_one_is_called(compile, kernels):
    """With explicit kernels nothing is swapped, so only the block itself keeps the compiled code from running."""
    model = small().eval()
    if kernels == "explicit":
        for layer in model.stack:
            layer.attention.part.kernel = Explicit(layer.attention.part.kernel.scale).eval()
    clean = trace(model, IDS)
    made = compile(model)
    compiled = model if made is None else made
    with torch.no_grad():
        before = compiled(torch.tensor([OTHER]))
        with replacing(compiled, patch_from(clean, "stack.2.*.stream")) as patched:
            assert torch.equal(patched(torch.tensor([OTHER]))[0], clean.logits)
            assert torch.equal(compiled(torch.tensor([OTHER]))[0], clean.logits)
        assert torch.equal(compiled(torch.tensor([OTHER])), before)


def test_nothing_is_left_behind():
    model = small()
    parts = list(model.modules())
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        ablate_heads(model, {0: [1]}),
        replacing(model, {"*.stream": torch.zeros_like}),
    ):
        raise RuntimeError("on purpose")
    with pytest.raises(ValueError), replacing(model, {"embedded": torch.zeros_like, "nothing": torch.zeros_like}):
        pass
    assert list(model.modules()) == parts and not any(part._forward_hooks for part in parts)


def test_gradients_flow_through_a_patch():
    model = small().eval()
    scale = torch.ones((), requires_grad=True)
    with replacing(model, {"stack.0.attention.part.mixed": lambda x: x * scale}) as patched:
        patched(torch.tensor([IDS])).logsumexp(-1).sum().backward()
    assert scale.grad is not None and scale.grad != 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: replacing(m, {"stack.1.attention.straem": torch.zeros_like}),
            "'stack.1.attention.straem' must match the name of a tensor. The nearest are: stack.1.attention.stream",
        ),
        (
            lambda m: replacing(m, {"embedded": lambda x: x[:, :2]}),
            "changes['embedded'] must return the shape [1, 7, 55], not [1, 2, 55].",
        ),
        (lambda m: ablate_heads(m, {1: [0, 5]}), "heads[1] must lie in 0 to 4, but 5 is among them."),
        (lambda m: ablate_heads(m, {3: [0]}), "'stack.3.*mixed' must match the name of a tensor."),
        (lambda m: ablate_heads(m, {0: [0]}, "median"), "instead must be 'zero' or 'mean', not 'median'."),
        (
            lambda m: replacing(m, patch_from(trace(m, IDS[:3]), "embedded")),
            "changes['embedded'] must return the shape [1, 7, 55], not [1, 3, 55].",
        ),
        (
            lambda m: replacing(m, patch_from(trace(m, IDS[:3]), "embedded", [4])),
            "positions must lie in the 3 tokens of the trace, but 4 is among them.",
        ),
        (
            lambda m: replacing(m, patch_from(trace(m, IDS), "embedded", {1: -8})),
            "positions must lie in the 7 tokens of the run that is patched, but -8 is among them.",
        ),
        (
            lambda m: replacing(m, patch_from(trace(m, IDS, taps="*.part.q"), "stack.0.attention.part.q", [1])),
            "positions must be left out for 'stack.0.attention.part.q': its axes are [], without T.",
        ),
        (lambda m: replacing(m, patch_from(trace(m, IDS), "embeded")), "'embeded' must match the name of a tensor."),
        (
            lambda m: replacing(m, patch_from(trace(m, IDS, taps="*.stream"), "embedded")),
            "taps must match 'embedded' for its values to be kept",
        ),
    ],
)
def test_errors(change, message):
    model = small()
    with pytest.raises(ValueError, match=re.escape(message)), change(model) as patched:
        patched(torch.tensor([IDS]))


def test_what_an_expert_sees_cannot_be_patched_by_token():
    found = trace(small("odd"), IDS)
    name = next(name for name in found if ".experts." in name and name.endswith("hidden"))
    with pytest.raises(ValueError, match="an expert sees only the tokens that are sent to it"):
        patch_from(found, name)


def test_a_change_must_return_a_tensor():
    with (
        pytest.raises(ValueError, match=r"changes\['embedded'\] must return the shape \[1, 7, 55\], not None"),
        replacing(small(), {"embedded": lambda _: None}) as model,
    ):
        model(torch.tensor([IDS]))
