"""Masked tokens: which are chosen and what becomes of them; counts and the loss are the reference library's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.bert import Bert, BertConfig
from glassformer.objectives import masked, parts
from glassformer.train.groups import adamw
from glassformer.train.step import Objective, train_step

VOCAB, MASK = 101, 101


def made(rows=7, tokens=13, seed=1, **more):
    chance = torch.Generator().manual_seed(seed)
    ids = torch.randint(VOCAB, (rows, tokens), generator=chance)
    return ids, masked.batch(ids, chance, mask=MASK, vocab=VOCAB, **more)


@given(st.integers(1, 9), st.integers(1, 20), st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 0.5))
def test_what_is_not_chosen_is_shown_as_it_is_and_every_row_has_a_chosen_one(rows, tokens, seed, share, masks):
    ids, batch = made(rows, tokens, seed, share=share, masks=masks)
    chosen = batch["masked"]
    assert torch.equal(batch["targets"], ids)
    assert torch.equal(batch["ids"][~chosen], ids[~chosen])
    assert chosen.any(1).all() and batch["real"].all()
    assert ((batch["ids"] < VOCAB) | (chosen & (batch["ids"] == MASK))).all()


def test_shares_are_the_published_ones():
    ids, batch = made(500, 400)
    chosen = batch["masked"]
    count = chosen.sum().item()
    shown, true = batch["ids"][chosen], ids[chosen]
    # Four standard deviations of a binomial share.
    assert count / ids.numel() == pytest.approx(0.15, abs=4 * (0.15 * 0.85 / ids.numel()) ** 0.5)
    near = 4 * (0.25 / count) ** 0.5
    assert (shown == MASK).float().mean().item() == pytest.approx(0.8, abs=near)
    assert ((shown != MASK) & (shown != true)).float().mean().item() == pytest.approx(0.1 * 100 / 101, abs=near)
    swapped = shown[(shown != MASK) & (shown != true)]
    assert torch.bincount(swapped, minlength=VOCAB).min() > 10, "any token may come"


def test_the_reference_chooses_as_often():
    """The reference's collator draws with NumPy and PyTorch in its own order, so counts are compared, not places."""
    transformers = pytest.importorskip(
        "transformers", reason="needs the reference library: pip install 'glassformer[reference]'"
    )
    from tokenizers import Tokenizer, models

    core = Tokenizer(models.WordLevel({f"t{n}": n for n in range(VOCAB)} | {"[MASK]": MASK, "[PAD]": 102}, "t0"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, mask_token="[MASK]", pad_token="[PAD]")
    ids, ours = made(300, 200)
    torch.manual_seed(2)
    collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    theirs = collator([{"input_ids": row} for row in ids])
    chosen = theirs["labels"] != -100
    for mine, other in [
        (ours["masked"].sum(), chosen.sum()),
        ((ours["ids"] == MASK).sum(), (theirs["input_ids"] == MASK).sum()),
        ((ours["ids"] != ids).sum(), (theirs["input_ids"] != ids).sum()),
    ]:
        assert abs(mine - other) < 6 * mine.item() ** 0.5  # the difference of two counts, four standard deviations


def test_special_tokens_are_never_chosen():
    special = torch.zeros(7, 13, dtype=torch.bool)
    special[:, [0, 5, 12]] = True
    _, batch = made(share=1.0, special=special)
    assert torch.equal(batch["masked"], ~special) and torch.equal(batch["real"], ~special)


def test_words_are_chosen_whole_and_as_often():
    chance = torch.Generator().manual_seed(4)
    words = (torch.rand(300, 97, generator=chance) < 0.4).long().cumsum(1)
    _, batch = made(300, 97, words=words)
    for row, word in zip(batch["masked"], words, strict=True):
        for number in word.unique():
            assert len(row[word == number].unique()) == 1
    counted = int(sum(len(word.unique()) for word in words))
    chosen = sum(len(word[row].unique()) for row, word in zip(batch["masked"], words, strict=True))
    assert chosen / counted == pytest.approx(0.15, abs=4 * (0.15 * 0.85 / counted) ** 0.5)


def test_it_is_masked_anew_each_time():
    assert not torch.equal(made(seed=1)[1]["masked"], made(seed=2)[1]["masked"])


@pytest.mark.parametrize(
    "more, sentence",
    [
        ({"share": 1.5}, "share must be from 0 to 1, not 1.5"),
        ({"masks": 0.8, "swaps": 0.3}, "masks \\+ swaps must be from 0 to 1, not 1.1"),
        ({"special": torch.ones(7, 13, dtype=torch.bool)}, "special must leave a token"),
    ],
)
def test_what_cannot_be_masked_is_said(more, sentence):
    with pytest.raises(ValueError, match=sentence):
        made(**more)


@pytest.fixture
def model():
    torch.manual_seed(3)
    return Bert(BertConfig(vocab=103, d_model=16, layers=2, heads=2, d_ff=24, max_positions=17, dropout=0.0))


def test_the_loss_is_the_reference_librarys(model, tmp_path):
    transformers = pytest.importorskip(
        "transformers", reason="needs the reference library: pip install 'glassformer[reference]'"
    )
    from glassformer.hub import save

    save(model, tmp_path)
    reference = transformers.BertForMaskedLM.from_pretrained(tmp_path)
    model.eval(), reference.eval()
    _, batch = made()
    labels = batch["targets"].where(batch["masked"], torch.tensor(-100))
    theirs = reference(input_ids=batch["ids"], labels=labels).loss
    assert masked.loss(model, batch)[0].item() == pytest.approx(theirs.item(), rel=1e-5)


def test_parts_with_different_numbers_of_masks_add_up(model):
    model.eval()
    _, batch = made(5)
    optimizer = adamw(model, lr=0.0)
    goal = Objective(model, masked.loss)
    whole = train_step(goal, [batch], optimizer)
    assert len(set(batch["masked"].sum(1).tolist())) > 1
    assert train_step(goal, parts(batch, 3), optimizer) == pytest.approx(whole, rel=1e-5)
