"""Masked tokens: which are chosen and what becomes of them; counts and the loss are the reference library's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.bert import Bert, BertConfig
from glassformer.objectives import masked
from tests.objectives.adding import adds_up

VOCAB, MASK = 101, 101


def made(rows=7, tokens=13, seed=1, **more):
    chance = torch.Generator().manual_seed(seed)
    ids = torch.randint(VOCAB, (rows, tokens), generator=chance)
    return ids, masked.batch(ids, chance, mask=MASK, vocab=VOCAB, **more)


@given(st.integers(1, 9), st.integers(1, 20), st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 0.5))
def test_what_is_not_chosen_is_shown_as_it_is(rows, tokens, seed, share, masks):
    ids, batch = made(rows, tokens, seed, share=share, masks=masks)
    chosen = batch["masked"]
    assert torch.equal(batch["targets"], ids)
    assert torch.equal(batch["ids"][~chosen], ids[~chosen])
    assert batch["real"].all()
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


def reference_tokenizer(transformers):
    from tokenizers import Tokenizer, models

    core = Tokenizer(models.WordLevel({f"t{n}": n for n in range(VOCAB)} | {"[MASK]": MASK, "[PAD]": 102}, "t0"))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, mask_token="[MASK]", pad_token="[PAD]")


def test_the_reference_chooses_as_often():
    """The reference's collator draws with NumPy and PyTorch in its own order, so counts are compared, not places."""
    transformers = pytest.importorskip(
        "transformers", reason="needs the reference library: pip install 'glassformer[reference]'"
    )
    ids, ours = made(300, 200)
    torch.manual_seed(2)
    collator = transformers.DataCollatorForLanguageModeling(reference_tokenizer(transformers), mlm_probability=0.15)
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


@given(st.integers(1, 9), st.integers(1, 20), st.integers(0, 10**6), st.floats(0, 1), st.booleans())
def test_a_word_is_chosen_whole_or_not_at_all(rows, tokens, seed, share, closed):
    chance = torch.Generator().manual_seed(seed)
    words = (torch.rand(rows, tokens, generator=chance) < 0.4).long().cumsum(1)
    special = (words == 0) & closed
    _, batch = made(rows, tokens, seed, share=share, words=words, special=special)
    for row, word in zip(batch["masked"], words, strict=True):
        assert all(len(row[word == number].unique()) == 1 for number in word.unique())
    assert not (batch["masked"] & special).any()


def test_words_are_chosen_as_often_as_by_the_reference():
    """The reference finds words where the offsets of two tokens leave a gap; here a word of n tokens is n letters."""
    transformers = pytest.importorskip(
        "transformers", reason="needs the reference library: pip install 'glassformer[reference]'"
    )
    begins = torch.rand(300, 97, generator=torch.Generator().manual_seed(4)) < 0.4
    begins[:, 0] = True
    words = begins.long().cumsum(1) - 1
    ids, batch = made(300, 97, words=words)
    starts = torch.arange(97) + words  # a blank before each word
    torch.manual_seed(2)
    collator = transformers.DataCollatorForLanguageModeling(
        reference_tokenizer(transformers), whole_word_mask=True, mask_replace_prob=1, random_replace_prob=0
    )
    theirs = collator(
        [
            {"input_ids": row, "offset_mapping": torch.stack([start, start + 1], 1), "special_tokens_mask": [0] * 97}
            for row, start in zip(ids, starts, strict=True)
        ]
    )
    number = int(begins.sum())
    for chosen in (batch["masked"], theirs["labels"] != -100):
        assert torch.equal(chosen, (chosen & begins).gather(1, first_of(words))), "words are whole"
        share = float((chosen & begins).sum()) / number
        assert share == pytest.approx(0.15, abs=4 * (0.15 * 0.85 / number) ** 0.5)  # four standard deviations


def first_of(words):
    """The place of the first token of the word of each token."""
    return torch.searchsorted(words, words)


def test_short_rows_are_masked_no_more_often_than_long_ones():
    """A row may have no mask: the reference does not see to it either, and its place counts as none in the average."""
    _, batch = made(5003, 3)
    assert batch["masked"].float().mean().item() == pytest.approx(0.15, abs=4 * (0.15 * 0.85 / 15009) ** 0.5)
    assert not batch["masked"].any(1).all()


def test_it_is_masked_anew_each_time():
    assert not torch.equal(made(seed=1)[1]["masked"], made(seed=2)[1]["masked"])


@pytest.mark.parametrize(
    "more, sentence",
    [
        ({"share": 1.5}, "share must be from 0 to 1, not 1.5"),
        ({"masks": 0.8, "swaps": 0.3}, "masks \\+ swaps must be from 0 to 1, not 1.1"),
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
    adds_up(model, masked.loss, made(5)[1], 3, "masked")


def test_a_part_without_any_mask_adds_nothing(model):
    batch = made(5)[1]
    batch["masked"][2:] = False
    adds_up(model, masked.loss, batch, 3, "masked")
