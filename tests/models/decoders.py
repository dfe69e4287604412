"""What the tests of all decoders share: the reference in double, its files, and the checks that hold for each."""

import re
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glassformer.checkpoint.family import Family
from glassformer.checkpoint.files import Weights
from glassformer.checkpoint.rules import fill, publish
from glassformer.checkpoint.writing import write
from glassformer.models.surgery import replace
from glassformer.parts.kernel import Explicit
from tests.models.checks import cached_is_uncached, has_std, sees_no_future
from tests.models.parity import same

LAYERS = re.compile(r"\d+")


def random_ids(vocab: int, batch: int, tokens: int, seed: int = 1) -> Tensor:
    return torch.randint(0, vocab, (batch, tokens), generator=torch.Generator().manual_seed(seed))


def _rms(self: Any, x: Tensor) -> Tensor:
    return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.variance_epsilon))


def _gemma(self: Any, x: Tensor) -> Tensor:
    return (1 + self.weight) * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps))


def _router(self: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    logits = x.reshape(-1, self.hidden_dim) @ self.weight.T
    chosen, index = logits.softmax(-1).topk(self.top_k, -1)
    return logits, chosen / chosen.sum(-1, keepdim=True), index


def double(reference: Any) -> Any:
    """The reference in float64, where it would fall back to float32: in RMSNorm, Gemma's scale, Mixtral's router.

    Its eager attention does so too, so it must have been made with ``attn_implementation="sdpa"``.
    """
    reference.double()
    for module in reference.modules():
        name = type(module).__name__
        if name == "GemmaRMSNorm":
            module.forward = types.MethodType(_gemma, module)
        elif name.endswith("RMSNorm"):
            module.forward = types.MethodType(_rms, module)
        elif name.endswith("TopKRouter"):
            module.forward = types.MethodType(_router, module)
        elif name == "GemmaTextScaledWordEmbedding":
            module.embed_scale = torch.tensor(module.scalar_embed_scale, dtype=torch.float64)
    return reference


def from_files(family: Family, folder: Path, dtype: torch.dtype | None = None) -> Any:
    """Our model from a folder with ``config.json`` and safetensors."""
    with Weights.open(folder) as weights:
        with torch.device("meta"):
            model = family.build(family.config(weights.config), weights.config)
        fill(model, weights, family.rules(model), skip=family.skip, prefixes=family.prefixes, dtype=dtype)
    return model.eval()


def to_files(family: Family, model: Any, folder: Path) -> None:
    """Our model as such a folder."""
    write(folder, publish(model, family.rules(model)), family.settings(model))


def files_both_ways(family: Family, theirs: Any, folder: Path, **loading: Any) -> Any:
    """The reference's files load here with every number, and ours there; names and numbers are the same. ``loading`` is
    for its ``from_pretrained``.
    """
    theirs.save_pretrained(folder / "theirs")
    ours = from_files(family, folder / "theirs")
    to_files(family, ours, folder / "ours")
    with Weights.open(folder / "theirs") as a, Weights.open(folder / "ours") as b:
        assert a.names() == b.names()
        assert all(torch.equal(a.tensor(name), b.tensor(name)) for name in a.names())
    loaded = type(theirs).from_pretrained(folder / "ours", **loading).eval()
    ids = random_ids(ours.config.vocab, 2, 11)
    assert torch.equal(loaded(ids).logits, theirs(ids).logits)
    again = from_files(family, folder / "ours")
    assert again.config == ours.config
    assert torch.equal(again(ids), ours(ids))
    return ours


def left_padded(ours: Any, theirs: Any, ids: Tensor, pads: int) -> None:
    """With pads on the left the numbers are the reference's, and those of the text alone."""
    real = torch.ones(ids.shape[0], ids.shape[1] + pads, dtype=torch.bool)
    real[1:, :pads] = False  # the first row has real tokens there
    padded = torch.cat([random_ids(ours.config.vocab, ids.shape[0], pads, seed=2), ids], 1)
    positions = (real.long().cumsum(1) - 1).clamp(min=0)
    expected = theirs(padded, attention_mask=real.long(), position_ids=positions).logits
    given = ours(padded, mask=real)
    same(given[real], expected[real])
    same(given[1:, pads:], ours(ids[1:]))
    cached_is_uncached(ours, ids, [1] * ids.shape[1])


def cached_with_pads(ours: Any, ids: Tensor, pads: int) -> None:
    """Pads on the left change nothing when the text comes in chunks."""
    real = torch.arange(ids.shape[1]) >= torch.arange(ids.shape[0])[:, None].clamp(max=pads)
    whole = ours(ids, mask=real)
    state = ours.new_state(*ids.shape)
    cuts = [pads + 2, 3, 1, ids.shape[1] - pads - 6]
    parts = [
        ours(part, mask=mask, state=state) for part, mask in zip(ids.split(cuts, 1), real.split(cuts, 1), strict=True)
    ]
    same(torch.cat(parts, 1)[real], whole[real])


def decodes(ours: Any, ids: Tensor) -> None:
    """Cached equals uncached, in uneven chunks and with pads; nothing comes from the future."""
    cached_is_uncached(ours, ids, [5, 1, 2, ids.shape[1] - 8])
    cached_with_pads(ours, ids, 3)
    sees_no_future(ours, ids[:, :11])


def drops_the_same(ours: Any, theirs: Any, ids: Tensor) -> None:
    """In training and from one seed both drop the same numbers, so dropout stands in the same places with the same
    shares. Both compute attention explicitly, since a fused kernel draws its numbers otherwise.
    """
    replace(ours, r".*\.kernel", lambda kernel: Explicit(kernel.scale, kernel.dropout))  # type: ignore[arg-type]
    ours.train()
    theirs.train()
    torch.manual_seed(0)
    expected = theirs(ids).logits
    torch.manual_seed(0)
    same(ours(ids), expected)
    torch.manual_seed(1)
    assert float((ours(ids) - expected).detach().abs().max()) > 1e-3  # other numbers were dropped
    ours.eval()
    theirs.eval()
    assert torch.equal(ours(ids), ours(ids))


def begins(model: nn.Module, stds: Mapping[str, float], constants: Mapping[str, float]) -> None:
    """Every parameter begins as said: with a standard deviation and a mean of 0, or as one number. Within 5 sampling
    errors, which is ``std / √n`` for the mean.
    """
    for name, parameter in model.named_parameters():
        (key,) = [k for k in (*stds, *constants) if re.fullmatch(k, name)] or [None]
        assert key is not None, name
        if key in constants:
            assert bool((parameter == constants[key]).all()), name
        else:
            has_std(parameter, stds[key])
            assert abs(float(parameter.detach().double().mean())) < 5 * stds[key] * parameter.numel() ** -0.5, name


def first_loss(model: Any, excess: float, within: float) -> None:
    """The cross entropy of random tokens is ``ln V`` plus half the variance of the logits, which is ``excess``."""
    vocab = model.config.vocab
    ids, targets = random_ids(vocab, 7, 101), random_ids(vocab, 7, 101, seed=2)
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model.eval()(ids).flatten(0, 1), targets.flatten())
    assert abs(float(loss) - torch.tensor(float(vocab)).log() - excess) < within, float(loss)


def count(build: Callable[[Any], nn.Module], config: Any) -> int:
    """The number of parameters, a tied one once, without memory for any."""
    with torch.device("meta"):
        return sum(p.numel() for p in build(config).parameters())
