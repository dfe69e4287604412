"""PaLM against the small reference of it that a registry carries, whose xPos is switched off."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from glassformer.checkpoint.families.palm import FAMILY, REFERENCE_SKIP, reference_rules
from glassformer.checkpoint.rules import How, Shifted, fill, publish, tensors
from glassformer.models.palm import Palm, PalmConfig
from glassformer.models.surgery import replace
from glassformer.parts.kernel import Explicit
from tests.models.checks import cached_is_uncached, dropout_places, has_std, saved_and_loaded
from tests.models.decoders import begins, decodes, from_files, random_ids, to_files
from tests.models.parity import same, spread

TINY = PalmConfig(97, 61, 44, 3, 5, 14, 88, logit_scale=1.0)


def reference(**changes: Any) -> Any:
    palm = pytest.importorskip(
        "palm_rlhf_pytorch.palm", reason="needs the reference: pip install --no-deps palm-rlhf-pytorch einops beartype"
    )
    sizes = {"dim": 44, "num_tokens": 97, "depth": 3, "dim_head": 14, "heads": 5, "ff_mult": 2}
    model = palm.PaLM(**(sizes | changes)).eval()
    for block in model.layers:
        block.fn.rotary_emb.use_xpos = False
    model.gamma = Shifted(1.0) if not model.norm.gamma.any() else How()  # versions differ in what they store
    spread(model)
    return model


def ours_of(theirs: Any, dtype: torch.dtype, config: PalmConfig = TINY) -> Palm:
    with torch.device("meta"):
        model = Palm(config)
    rules = reference_rules(model, theirs.gamma)
    fill(model, tensors(theirs.state_dict()), rules, skip=REFERENCE_SKIP, dtype=dtype)
    return model.eval()


class Gradients:
    """Stands in for a model in ``publish``: each parameter is its own gradient."""

    def __init__(self, model: Palm) -> None:
        self.model = model

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        return [(name, p.grad) for name, p in self.model.named_parameters() if p.grad is not None]

    def named_buffers(self) -> list[tuple[str, Tensor]]:
        return []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity(dtype: torch.dtype) -> None:
    theirs = reference().to(dtype)
    for block in theirs.layers:  # the frequencies are ours in double too: float32, as everywhere
        block.fn.rotary_emb.inv_freq = block.fn.rotary_emb.inv_freq.float()
    ours = ours_of(theirs, dtype)
    ids = random_ids(97, 5, 61)
    same(ours(ids), theirs(ids))
    rules = reference_rules(ours, theirs.gamma)
    state = theirs.state_dict()
    for name, tensor in publish(ours, rules):
        # adding 1 to a gamma of about 0.1 and taking it away again costs a last bit of the sum
        torch.testing.assert_close(tensor, state[name], rtol=0, atol=2**-23 if dtype == torch.float32 else 2**-52)


def test_both_ways_of_storing_a_norm() -> None:
    """What one version stores as the weight, another stores as its distance from 1."""
    theirs = reference()
    ours = ours_of(theirs, torch.float64)
    other: How = How() if isinstance(theirs.gamma, Shifted) else Shifted(1.0)
    stored = dict(publish(ours, reference_rules(ours, other)))
    again = Palm(TINY).double()
    fill(again, tensors(stored), reference_rules(again, other))
    difference = 1.0 if isinstance(other, How) and not isinstance(other, Shifted) else -1.0
    torch.testing.assert_close(
        stored["norm.gamma"], theirs.norm.gamma.detach().double() + difference, rtol=0, atol=1e-15
    )
    ids = random_ids(97, 5, 11)
    same(again.eval()(ids), ours(ids))


def test_gradients() -> None:
    theirs = reference().double()
    for block in theirs.layers:
        block.fn.rotary_emb.inv_freq = block.fn.rotary_emb.inv_freq.float()
    ours = ours_of(theirs, torch.float64)
    ids = random_ids(97, 5, 61)
    ours(ids).square().mean().backward()
    theirs(ids).square().mean().backward()
    parameters = dict(theirs.named_parameters())
    gradients = dict(publish(Gradients(ours), reference_rules(ours, How())))  # type: ignore[arg-type]
    assert set(gradients) == {name for name, p in parameters.items() if p.grad is not None}
    for name, gradient in gradients.items():
        same(gradient, parameters[name].grad)


def test_decoding() -> None:
    ours = ours_of(reference(), torch.float64)
    decodes(ours, random_ids(97, 5, 61))
    real = torch.ones(5, 40, dtype=torch.bool)
    real[1:, :3] = False
    ids = random_ids(97, 5, 40)
    same(ours(ids, mask=real)[1:, 3:], ours(ids[1:, 3:]))
    cached_is_uncached(ours, ids, [40])


def test_dropout() -> None:
    theirs = reference(attn_dropout=0.2, ff_dropout=0.3)
    config = PalmConfig(97, 61, 44, 3, 5, 14, 88, logit_scale=1.0, dropout=0.3, attention_dropout=0.2)
    ours = ours_of(theirs, torch.float32, config)
    assert set(dropout_places(ours).values()) == {0.2, 0.3}
    replace(ours, r".*\.kernel", lambda kernel: Explicit(kernel.scale, kernel.dropout))  # type: ignore[arg-type]
    ids = random_ids(97, 5, 13)
    for model in (ours, theirs):
        model.train()
    torch.manual_seed(0)
    expected = theirs(ids)
    torch.manual_seed(0)
    same(ours(ids), expected)


def test_initialization_and_the_scale_of_the_logits() -> None:
    torch.manual_seed(0)
    d_model, d_ff, heads, d_k = 256, 1024, 5, 32
    config = PalmConfig(1009, 61, d_model, 2, heads, d_k, d_ff, logit_scale=d_model**-0.5)
    model = Palm(config)
    stds = {
        "embed.weight": 1.0,
        r".*\.(q|k|v|gate|up)\.weight": d_model**-0.5,
        r".*\.out\.weight": (heads * d_k) ** -0.5,
        r".*\.down\.weight": d_ff**-0.5,
    }
    begins(model, stds, {r".*norm\.weight": 1.0})
    ids = random_ids(1009, 7, 61)
    with torch.no_grad():
        has_std(model.embed(ids), 1.0)
        logits, hidden = model(ids), model.hidden(ids)
    same(logits, hidden @ model.embed.weight.T / 16)
    # Variance 1 for tokens that are not in the text. Those that are have more, since embedding and head are one matrix
    # and the stream still holds their vectors; so the first loss is above ln V. 400,000 numbers from 256 dimensions:
    # one standard error is about 1/√(2 · 256) = 4 %.
    absent = torch.ones(1009, dtype=torch.bool)
    absent[ids.flatten()] = False
    assert float(logits[..., absent].std()) == pytest.approx(1.0, abs=0.1)


def test_save_and_load(tmp_path: Path) -> None:
    model = ours_of(reference(), torch.float32)
    ids = random_ids(97, 5, 11)
    saved_and_loaded(FAMILY, model, lambda m: m(ids))
    to_files(FAMILY, model, tmp_path)
    assert torch.equal(from_files(FAMILY, tmp_path)(ids), model(ids))
    assert FAMILY.settings(model)["model_type"] == "glassformer-palm"


def test_one_key_value_head_and_no_bias() -> None:
    model = Palm(TINY)
    assert model.stack[0].parallel.attention.k.weight.shape == (14, 44)
    assert not [name for name, _ in model.named_parameters() if name.endswith("bias")]
