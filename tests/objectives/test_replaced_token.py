"""Replaced-token detection: what is shared, what gradients reach, and the loss written out."""

import math

import pytest
import torch

from glassformer.models.electra import Electra, ElectraConfig, ElectraPair
from glassformer.objectives import replaced_token
from tests.objectives.adding import adds_up

VOCAB, MASK = 53, 53
CONFIG = ElectraConfig(
    vocab=54, max_positions=19, d_embed=12, d_model=16, layers=2, heads=4, d_ff=24, dropout=0.0, attention_dropout=0.0
)


@pytest.fixture
def pair():
    torch.manual_seed(5)
    return ElectraPair(CONFIG)


@pytest.fixture
def batch():
    chance = torch.Generator().manual_seed(7)
    ids = torch.randint(VOCAB, (7, 17), generator=chance)
    return replaced_token.batch(ids, chance, mask=MASK, share=0.3)


def test_embeddings_are_shared_and_the_generator_is_smaller(pair):
    generator, discriminator = pair.generator, pair.discriminator
    assert generator.embed.weight is discriminator.embed.weight is generator.head.decoder.weight
    assert generator.positions.weight is discriminator.positions.weight
    assert generator.types.weight is discriminator.types.weight
    assert generator.config.d_model == 8 and generator.config.heads == 2 and generator.config.d_ff == 12
    assert isinstance(discriminator, Electra)
    names = [name for name, _ in pair.named_parameters()]
    assert len(names) == len(set(names)) and sum("embed.weight" in name for name in names) == 1


def test_every_chosen_token_becomes_the_mask(batch):
    assert torch.equal(batch["ids"] == MASK, batch["masked"])


def test_the_published_weight_is_50():
    assert replaced_token.WEIGHT == 50.0


def test_the_same_seed_draws_the_same_guesses(pair, batch):
    """The loop seeds PyTorch's own generator at every step."""
    values = []
    for seed in (4, 4, 5):
        torch.manual_seed(seed)
        values.append(replaced_token.loss(pair, batch)[0].item())
    assert values[0] == values[1] != values[2]


def test_the_loss_is_the_sum_written_out(pair, batch):
    torch.manual_seed(11)
    value, metrics = replaced_token.loss(pair, batch)
    torch.manual_seed(11)
    logits = pair.generator(batch["ids"])
    shown, replaced = replaced_token.corrupt(logits.detach(), batch)
    log_probs = logits.log_softmax(-1)
    filled = -log_probs.gather(-1, batch["targets"][..., None]).squeeze(-1)[batch["masked"]].mean()
    said = pair.discriminator(shown)
    told = -(torch.where(replaced, torch.sigmoid(said), 1 - torch.sigmoid(said))).log().mean()
    assert value.item() == pytest.approx((filled + 50 * told).item(), rel=1e-5)
    assert metrics["masked_loss"].item() == pytest.approx(filled.item(), rel=1e-5)
    assert metrics["replaced_loss"].item() == pytest.approx(told.item(), rel=1e-5)


def test_it_begins_at_ln_2_for_what_was_replaced(pair, batch):
    torch.nn.init.zeros_(pair.discriminator.head.out.weight)
    assert replaced_token.loss(pair, batch)[1]["replaced_loss"].item() == pytest.approx(math.log(2), rel=1e-6)


def test_a_right_guess_counts_as_original(batch):
    sure = torch.nn.functional.one_hot(batch["targets"], 54).float() * 1e4
    shown, replaced = replaced_token.corrupt(sure, batch)
    assert torch.equal(shown, batch["targets"]) and not replaced.any()


def test_guesses_follow_the_generators_softmax():
    odds = torch.tensor([0.1, 0.6, 0.3])
    batch = {"masked": torch.ones(1, 20_000, dtype=torch.bool), "targets": torch.zeros(1, 20_000, dtype=torch.long)}
    torch.manual_seed(1)
    shown, replaced = replaced_token.corrupt(odds.log().expand(1, 20_000, 3), batch)
    shares = torch.bincount(shown.flatten(), minlength=3) / 20_000
    assert torch.allclose(shares, odds, atol=4 * (0.25 / 20_000) ** 0.5)  # four standard deviations
    assert replaced.float().mean().item() == pytest.approx(0.9, abs=0.01)


def test_the_discriminator_does_not_teach_the_generator(pair, batch):
    torch.manual_seed(2)
    value, _ = replaced_token.loss(pair, batch, weight=1e6)
    value.backward()
    shared = {id(weight) for weight in pair.discriminator.parameters()}
    own = {name: weight for name, weight in pair.generator.named_parameters() if id(weight) not in shared}
    assert len(own) == len(list(pair.generator.parameters())) - 3
    found = {name: weight.grad.clone() for name, weight in own.items()}
    pair.zero_grad()
    torch.manual_seed(2)
    replaced_token.loss(pair, batch, weight=0.0)[0].backward()
    for name, weight in own.items():
        assert torch.equal(found[name], weight.grad), name


def test_parts_add_up(pair, batch, monkeypatch):
    """With the likeliest guesses instead of drawn ones: chance draws anew in each part."""

    def likeliest(logits_BTV, batch):
        shown = torch.where(batch["masked"], logits_BTV.argmax(-1), batch["targets"])
        return shown, shown != batch["targets"]

    monkeypatch.setattr(replaced_token, "corrupt", likeliest)
    adds_up(pair, replaced_token.loss, batch, 3, "masked")
