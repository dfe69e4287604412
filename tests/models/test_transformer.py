"""The 2017 transformer against PyTorch's own layers."""

import pytest
import torch
from torch import nn

from glassformer.models.transformer import Transformer, TransformerConfig
from tests.models.checks import cached_is_uncached, dropout_places, drops_in_training_only, has_std, sees_no_future
from tests.models.parity import same, spread

TINY = TransformerConfig(97, 30, 2, 3, 5, 53, dropout=0.0, attention_bias=True)
PAIRS = {
    "feedforward.part.up": "linear1",
    "feedforward.part.down": "linear2",
    "attention.norm": "norm1",
    "attention.part.out": "self_attn.out_proj",
}


def layers(model: Transformer, dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    """PyTorch's encoder and decoder, with the weights of ``model``."""
    c = model.config
    given = {"dropout": 0.0, "batch_first": True, "layer_norm_eps": c.eps, "dtype": dtype}
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(c.d_model, c.heads, c.d_ff, **given), c.encoder_layers, enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(c.d_model, c.heads, c.d_ff, **given), c.layers)
    for theirs, ours, cross in ((encoder, model.encoder.stack, False), (decoder, model.stack, True)):
        names = PAIRS | {"feedforward.norm": "norm3" if cross else "norm2"}
        if cross:
            names |= {"cross.norm": "norm2", "cross.part.out": "multihead_attn.out_proj"}
        for layer, mine in zip(theirs.layers, ours, strict=True):
            for our, their in names.items():
                layer.get_submodule(their).load_state_dict(mine.get_submodule(our).state_dict())
            for our, their in (("attention", "self_attn"), ("cross", "multihead_attn"))[: 1 + cross]:
                part, other = mine.get_submodule(our).part, layer.get_submodule(their)
                with torch.no_grad():
                    other.in_proj_weight.copy_(torch.cat([part.q.weight, part.k.weight, part.v.weight]))
                    other.in_proj_bias.copy_(torch.cat([part.q.bias, part.k.bias, part.v.bias]))
    return encoder.eval(), decoder.eval()


def model(dtype: torch.dtype = torch.float32) -> Transformer:
    made = Transformer(TINY).to(dtype).eval()
    spread(made)
    return made


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    source = torch.randint(0, 97, (3, 41), generator=generator)
    real = torch.arange(41) < torch.tensor([41, 23, 2])[:, None]
    return source, real, torch.randint(0, 97, (3, 37), generator=generator)


def sinusoids(tokens: int, d: int) -> torch.Tensor:
    """The paper's formula, one number at a time, in float32 as the part has it."""
    table = [
        [[torch.sin, torch.cos][i % 2](torch.tensor(t / 10000 ** (i // 2 * 2 / d))) for i in range(d)]
        for t in range(tokens)
    ]
    return torch.tensor(table)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity_with_pytorchs_layers(dtype: torch.dtype) -> None:
    ours = model(dtype)
    encoder, decoder = layers(ours, dtype)
    source, real, target = inputs()

    def embedded(ids: torch.Tensor) -> torch.Tensor:
        return ours.embed(ids) * 30**0.5 + ours.positions(torch.arange(ids.shape[1]))

    # The part's own table, so that float64 is compared to 1e-9; its numbers are checked below.
    same(ours.positions(torch.arange(41)), sinusoids(41, 30))
    read = encoder(embedded(source), src_key_padding_mask=~real)
    memory = ours.encode(source, real)
    same(memory.hidden[real], read[real])
    ahead = torch.ones(37, 37, dtype=torch.bool).triu(1)
    hidden = decoder(embedded(target), read, tgt_mask=ahead, memory_key_padding_mask=~real)
    same(ours(target, memory=memory), hidden @ ours.embed.weight.T)


def test_gradients() -> None:
    ours = model(torch.float64)
    encoder, decoder = layers(ours, torch.float64)
    source, real, target = inputs()
    ours(target, memory=ours.encode(source, real)).square().sum().backward()
    embed = ours.embed.weight.detach().requires_grad_()
    x, y = (embed[ids] * 30**0.5 + ours.positions(torch.arange(ids.shape[1])) for ids in (source, target))
    ahead = torch.ones(37, 37, dtype=torch.bool).triu(1)
    read = encoder(x, src_key_padding_mask=~real)
    hidden = decoder(y, read, tgt_mask=ahead, memory_key_padding_mask=~real)
    (hidden @ embed.T).square().sum().backward()
    same(ours.embed.weight.grad, embed.grad)
    for theirs, mine in ((encoder, ours.encoder.stack), (decoder, ours.stack)):
        for layer, own in zip(theirs.layers, mine, strict=True):
            part = own.attention.part
            same(
                torch.cat([part.q.weight.grad, part.k.weight.grad, part.v.weight.grad]),
                layer.self_attn.in_proj_weight.grad,
            )
            same(own.feedforward.part.down.weight.grad, layer.linear2.weight.grad)
            same(own.attention.norm.bias.grad, layer.norm1.bias.grad)
    same(ours.stack[2].cross.part.out.weight.grad, decoder.layers[2].multihead_attn.out_proj.weight.grad)


def test_cached_is_uncached_and_sees_no_future() -> None:
    ours = model()
    source, real, target = inputs()
    memory = ours.encode(source, real)
    cached_is_uncached(ours, target, [1, 17, 1, 18], memory=memory)
    sees_no_future(ours, target[:, :23], memory=memory)


def test_pads_change_nothing() -> None:
    ours = model()
    source, _, target = inputs()
    alone = ours(target, memory=ours.encode(source))
    pads = torch.zeros(3, 7, dtype=torch.long)
    real = (torch.arange(48) >= 7).expand(3, -1)
    same(ours(target, memory=ours.encode(torch.cat([pads, source], 1), real)), alone)
    real = (torch.arange(44) >= 7).expand(3, -1)
    same(ours(torch.cat([pads, target], 1), memory=ours.encode(source), mask=real)[:, 7:], alone)


def test_half_precision_stays_half() -> None:
    ours = model().to(torch.bfloat16)
    source, _, target = inputs()
    assert ours(target, memory=ours.encode(source)).dtype == torch.bfloat16


def test_initialization() -> None:
    made = Transformer(TransformerConfig(499, 128, 2, 2, 4, 383))
    for name, parameter in made.named_parameters():
        if name == "embed.weight":
            has_std(parameter, 128**-0.5)
        elif parameter.ndim == 2:
            has_std(parameter, (2 / sum(parameter.shape)) ** 0.5)
            assert float(parameter.detach().abs().max()) <= (6 / sum(parameter.shape)) ** 0.5
        else:
            assert torch.equal(parameter, torch.full_like(parameter, float("norm.weight" in name))), name
    assert made.head.weight is made.embed.weight


def test_dropout() -> None:
    made = Transformer(TransformerConfig(97, 30, 2, 3, 5, 53, dropout=0.3, attention_dropout=0.2))
    side = {
        "dropout": 0.3,
        "stack.*.attention.dropout": 0.3,
        "stack.*.attention.part.kernel": 0.2,
        "stack.*.feedforward.dropout": 0.3,
    }
    cross = {"stack.*.cross.dropout": 0.3, "stack.*.cross.part.kernel": 0.2}
    assert dropout_places(made) == side | cross | {"encoder." + name: share for name, share in side.items()}
    source, _, target = inputs()
    drops_in_training_only(made, lambda: made(target, memory=made.encode(source)))
