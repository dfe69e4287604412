"""Mamba against its reference, and what is its own: a state that does not grow, a stream in float32."""

import math

import pytest
import torch

from glassformer.checkpoint.families.mamba import FAMILY
from glassformer.checkpoint.rules import fill, publish, tensors
from glassformer.models.mamba import Mamba, MambaConfig
from tests.models.checks import has_std, same_gradients
from tests.models.parity import converted, round_trip, same, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: python tools/env.py reference")

TINY = MambaConfig(97, 19, 3, 38, 7, 4, 5)


def reference(**changes: object) -> "tf.MambaForCausalLM":
    torch.manual_seed(0)
    sizes = {"vocab_size": 97, "hidden_size": 19, "num_hidden_layers": 3, "state_size": 7, "time_step_rank": 5}
    special = {"bos_token_id": 1, "eos_token_id": 2}
    model = tf.MambaForCausalLM(tf.MambaConfig(**(sizes | special | changes))).eval()
    spread(model)
    return model


def wide(theirs: torch.nn.Module) -> torch.nn.Module:
    """The reference in float64, where its norm would drop to float32, its stream too."""
    for module in theirs.double().modules():
        if type(module).__name__ == "MambaRMSNorm":
            eps = module.variance_epsilon
            module.forward = lambda x, m=module, eps=eps: m.weight * x * torch.rsqrt(x.square().mean(-1, True) + eps)
        if type(module).__name__ == "MambaBlock":
            module.residual_in_fp32 = False
    return theirs


def ids(tokens: int = 61) -> torch.Tensor:
    return torch.randint(3, 97, (3, tokens), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("changes", [{}, {"use_bias": True}, {"tie_word_embeddings": False}])
def test_parity_in_float32(changes: dict[str, object]) -> None:
    theirs = reference(**changes)
    ours = converted(FAMILY, theirs)
    same(ours(ids()), theirs(ids()).logits)
    round_trip(FAMILY, ours, theirs)


def test_left_pads_as_the_reference() -> None:
    theirs = reference()
    ours = converted(FAMILY, theirs)
    mask = torch.ones(3, 61, dtype=torch.bool)
    mask[0, :17] = mask[2, :3] = False
    same(ours(ids(), mask=mask)[mask], theirs(ids(), attention_mask=mask.long()).logits[mask])
    same(ours(ids(), mask=mask)[0, 17:], ours(ids()[:1, 17:])[0])


def test_gradients_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "float", lambda x: x)  # the reference's mixer drops to float32 here and there
    theirs = wide(reference())
    ours = converted(FAMILY, theirs, torch.float64)
    out, expected = ours(ids(23)), theirs(ids(23)).logits
    same(out, expected)
    weights = torch.randn(out.shape, dtype=torch.float64)
    (out * weights).sum().backward()
    (expected * weights).sum().backward()
    same_gradients(FAMILY, ours, theirs)


def test_nothing_comes_from_the_future() -> None:
    torch.manual_seed(0)
    model = Mamba(TINY).double()
    embedded = model.embed(ids(11)).detach().requires_grad_()
    model.embed.register_forward_hook(lambda *_: embedded)
    model(ids(11))[:, 4].sum().backward()
    assert embedded.grad is not None
    assert (embedded.grad[:, 5:] == 0).all() and (embedded.grad[:, :5].abs().sum((0, 2)) > 0).all()


def test_the_state_does_not_grow() -> None:
    model = Mamba(TINY)
    entries = [model.new_state(2, room).entries[0] for room in (1, 10_000)]
    assert entries[0].h.shape == entries[1].h.shape == (2, 38, 7)
    assert entries[0].conv.shape == entries[1].conv.shape == (2, 38, 3)


def test_the_stream_stays_in_float32() -> None:
    torch.manual_seed(0)
    model = Mamba(TINY).bfloat16().eval()
    seen = []
    model.stack[1].mixer.stream.register_forward_hook(lambda _m, _i, out: seen.append(out.dtype))
    assert model(ids(7)).dtype == torch.bfloat16 and seen == [torch.float32]


def test_bfloat16_is_the_reference_within_its_rounding() -> None:
    theirs = reference().bfloat16()
    ours = converted(FAMILY, theirs, torch.bfloat16)
    out, expected = ours(ids(23)).float(), theirs(ids(23)).logits.float()
    # a bfloat16 has 8 bits: 2⁻⁸ for each of the few roundings that the two do in other places
    assert (out - expected).abs().max() <= 2.0**-5 * expected.abs().max()


def test_initialization() -> None:
    torch.manual_seed(0)
    model = Mamba(MambaConfig(vocab=509, d_model=128, layers=4, d_inner=256, dt_rank=8))
    has_std(model.embed.weight, 0.02)
    has_std(model.stack[3].mixer.part.out_proj.weight, 1 / math.sqrt(3 * 256 * 4))  # uniform within 1/√d_in, over √N
    assert torch.allclose(-torch.exp(model.stack[0].mixer.part.A_log[7]), -torch.arange(1.0, 17))
    loss = torch.nn.functional.cross_entropy(model(ids(50))[:, :-1].flatten(0, 1), ids(50)[:, 1:].flatten())
    assert abs(float(loss) - math.log(509)) < 0.05


def test_the_first_releases_names() -> None:
    torch.manual_seed(0)
    model = Mamba(TINY)
    held = dict(publish(model, FAMILY.rules(model)))
    held["backbone.embedding.weight"] = held.pop("backbone.embeddings.weight")
    again = Mamba(TINY)
    fill(again, tensors(held), FAMILY.rules(again), skip=FAMILY.skip, prefixes=FAMILY.prefixes)
    assert torch.equal(again(ids(5)), model(ids(5)))


def test_an_inner_width_that_files_cannot_say() -> None:
    with pytest.raises(ValueError, match=r"d_inner \(41\) must be a multiple of d_model \(19\)"):
        FAMILY.settings(Mamba(MambaConfig(97, 19, 1, 41, 7, 4, 5)))
