"""Pairs of sentences: half of them spoiled, laid out as BERT wants them, with the reference library's loss."""

import pytest
import torch

from glassformer.models.bert import Bert, BertConfig
from glassformer.models.heads import MaskedHead, PretrainingHead
from glassformer.objectives import sentence_pair
from glassformer.objectives.sentence_pair import Pair, pairs
from tests.objectives.adding import adds_up

CLS, SEP, PAD, MASK = 90, 91, 92, 93
DOCUMENTS = [[[d * 11 + s] * (1 + s % 3) for s in range(7)] for d in range(5)]


def chance(seed):
    return torch.Generator().manual_seed(seed)


def made(given, length=17, share=0.3):
    return sentence_pair.batch(
        given, chance(2), cls=CLS, sep=SEP, pad=PAD, mask=MASK, vocab=90, length=length, share=share
    )


def test_any_other_document_and_any_of_its_sentences_may_come():
    found = [pair for seed in range(200) for pair in pairs([*DOCUMENTS, []], chance(seed), "next") if pair.label]
    came = torch.zeros(5, 35)
    for first, second, _ in found:
        came[first[0] // 11, second[0] // 11 * 7 + second[0] % 11] += 1
    for number in range(5):
        own = slice(number * 7, number * 7 + 7)
        assert came[number, own].sum() == 0
        others = torch.cat([came[number, : own.start], came[number, own.stop :]])
        # Evenly among 28, some 600 draws: five standard deviations of a share, for the largest of 140 differences.
        assert (others / others.sum() - 1 / 28).abs().max() < 5 * (1 / 28 / others.sum()) ** 0.5


def test_half_of_the_pairs_do_not_follow_and_come_from_another_document():
    found = [pair for seed in range(100) for pair in pairs(DOCUMENTS, chance(seed), "next")]
    assert len(found) == 100 * 5 * 6
    assert sum(pair.label for pair in found) / len(found) == pytest.approx(0.5, abs=4 * 0.5 / len(found) ** 0.5)
    for first, second, label in found:
        if label == 0:
            assert second[0] == first[0] + 1
        else:
            assert second[0] // 11 != first[0] // 11


def test_swapped_pairs_are_the_same_two_sentences():
    for first, second, label in pairs(DOCUMENTS, chance(1), "order"):
        assert second[0] - first[0] == (1 if label == 0 else -1)


def test_the_layout():
    batch = made([Pair([1, 2], [3, 4, 5], 1)], length=11, share=0.0)
    shown = batch["targets"][0].tolist()
    assert shown == [CLS, 1, 2, SEP, 3, 4, 5, SEP, PAD, PAD, PAD]
    assert batch["types"][0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0]
    assert batch["real"][0].tolist() == [True] * 8 + [False] * 3
    assert batch["label"].tolist() == [1] and not batch["masked"].any()


def test_the_longer_sentence_gives_way():
    batch = made([Pair(range(1, 10), [20, 21], 0)], length=10, share=0.0)
    assert batch["targets"][0].tolist() == [CLS, 1, 2, 3, 4, 5, SEP, 20, 21, SEP]


def test_marks_and_pads_are_never_masked():
    batch = made(pairs(DOCUMENTS, chance(3), "order"), share=1.0)
    assert torch.equal(batch["masked"], ~torch.isin(batch["targets"], torch.tensor([CLS, SEP, PAD])))


def test_the_loss_is_the_reference_librarys(tmp_path):
    transformers = pytest.importorskip(
        "transformers", reason="needs the reference library: pip install 'glassformer[reference]'"
    )
    from glassformer.hub import save

    torch.manual_seed(3)
    config = BertConfig(vocab=97, d_model=16, layers=2, heads=2, d_ff=24, max_positions=17, dropout=0.0)
    head = PretrainingHead(16, MaskedHead(16, 97, config.activation(), config.eps))
    model = Bert(config, head).eval()
    save(model, tmp_path)
    reference = transformers.BertForPreTraining.from_pretrained(tmp_path).eval()
    batch = made(pairs(DOCUMENTS, chance(3), "next"))
    theirs = reference(
        input_ids=batch["ids"],
        token_type_ids=batch["types"],
        attention_mask=batch["real"].long(),
        labels=batch["targets"].where(batch["masked"], torch.tensor(-100)),
        next_sentence_label=batch["label"],
    ).loss
    value, metrics = sentence_pair.loss(model, batch)
    assert value.item() == pytest.approx(theirs.item(), rel=1e-5)
    assert value.item() == pytest.approx((metrics["masked_loss"] + metrics["pair_loss"]).item(), rel=1e-6)


def test_parts_add_up_with_their_gradients():
    torch.manual_seed(3)
    config = BertConfig(vocab=97, d_model=16, layers=1, heads=2, d_ff=24, max_positions=17, dropout=0.0)
    model = Bert(config, PretrainingHead(16, MaskedHead(16, 97, config.activation(), config.eps)))
    adds_up(model, sentence_pair.loss, made(pairs(DOCUMENTS, chance(3), "next")[:11]), 3, "masked")


def test_rows_that_are_too_short_are_said():
    with pytest.raises(ValueError, match=r"length must be at least 5, .*, not 4"):
        made([Pair([1], [2], 0)], length=4)


def test_documents_without_pairs_are_said():
    with pytest.raises(ValueError, match="at least 2 that are not empty"):
        pairs([[[1], [2]]], chance(1), "next")
    with pytest.raises(ValueError, match="one with at least 2 sentences"):
        pairs([[[1]], [[2]]], chance(1), "order")
