"""Denoising: each way of spoiling a text keeps what it must keep; the loss is the reference library's for BART."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.bart import Bart, BartConfig
from glassformer.objectives import denoising, seq2seq
from glassformer.objectives.denoising import delete, infill, mask_tokens, permute, rotate
from tests.objectives.adding import adds_up

MASK, STOP = 99, 7
TEXT = st.lists(st.integers(1, 50), min_size=2, max_size=60)
SEED = st.integers(0, 10**6)


def chance(seed):
    return torch.Generator().manual_seed(seed)


def spoiled(way, ids, generator):
    return way(torch.tensor(ids), generator).tolist()


def inside(short, long):
    """Whether ``short`` is ``long`` with some left out."""
    rest = iter(long)
    return all(token in rest for token in short)


@given(TEXT, SEED, st.floats(0, 0.9))
def test_deletion_leaves_tokens_out_and_keeps_the_order(ids, seed, share):
    found = spoiled(delete(share), ids, chance(seed))
    assert inside(found, ids) and len(found) == max(1, len(ids) - round(len(ids) * share))


@given(TEXT, SEED, st.floats(0, 0.9))
def test_masks_stand_where_the_tokens_stood(ids, seed, share):
    found = spoiled(mask_tokens(MASK, share), ids, chance(seed))
    assert len(found) == len(ids) and found.count(MASK) == round(len(ids) * share)
    assert all(new in (old, MASK) for new, old in zip(found, ids, strict=True))


@given(TEXT, SEED, st.floats(0, 0.9), st.floats(0.2, 9))
def test_infilling_takes_its_share_and_keeps_the_rest_in_order(ids, seed, share, mean):
    found = spoiled(infill(MASK, share, mean), ids, chance(seed))
    kept = [token for token in found if token != MASK]
    assert inside(kept, ids) and len(kept) == len(ids) - round(len(ids) * share)
    assert len(found) <= len(ids) + 8


def test_spans_are_as_long_as_poisson_says():
    lengths = []
    generator = chance(3)
    for _ in range(300):
        ids = list(range(1, 1001))
        found = [0, *spoiled(infill(0, 0.3, 3.0, inserted=1000), ids, generator), 1001]
        # Between two kept tokens n masks stand for what is missing there: exact where n is 1.
        places = [place for place, token in enumerate(found) if token == 0 and place]
        for place in places:
            if found[place - 1] != 0 and found[place + 1] != 0:
                lengths.append(found[place + 1] - found[place - 1] - 1)
    assert sum(lengths) / len(lengths) == pytest.approx(3.0, abs=0.06)
    assert sum(length == 0 for length in lengths) / len(lengths) == pytest.approx(2.718281828**-3, abs=0.01)


@given(st.lists(st.integers(1, STOP + 3), min_size=1, max_size=60), SEED, st.booleans())
def test_sentences_change_places_whole(ids, seed, finished):
    ids = [*ids, STOP] if finished else ids
    found = spoiled(permute({STOP}), ids, chance(seed))

    def sentences(row):
        text = [[]]
        for token in row:
            text[-1].append(token)
            if token == STOP:
                text.append([])
        return sorted(sentence for sentence in text if sentence)

    assert sorted(found) == sorted(ids)
    if ids[-1] == STOP:  # an unfinished sentence joins what comes after it
        assert sentences(found) == sentences(ids)
    assert spoiled(permute([]), ids, chance(seed)) == ids, "without an end there is one sentence"


@given(TEXT, SEED)
def test_a_rotated_text_goes_round(ids, seed):
    found = spoiled(rotate(), ids, chance(seed))
    assert any(found == ids[first:] + ids[:first] for first in range(len(ids)))


def test_every_order_and_every_rotation_comes():
    generator = chance(5)
    orders = {tuple(spoiled(permute({STOP}), [1, 7, 2, 7, 3, 7], generator)) for _ in range(200)}
    assert len(orders) == 6
    assert len({tuple(spoiled(rotate(), [1, 2, 3, 4, 5], generator)) for _ in range(200)}) == 5


def test_ways_are_taken_one_after_the_other_and_the_target_is_whole():
    ids = torch.randint(1, 50, (5, 31), generator=chance(2))
    batch = denoising.batch(ids, chance(3), ways=[permute({STOP}), infill(MASK)], eos=2, start=2, pad=0, length=31 + 9)
    assert torch.equal(batch["targets"][:, :-1], ids) and (batch["targets"][:, -1] == 2).all()
    assert batch["source"].shape == (5, 40) and (batch["source"][batch["source_real"]] != 0).all()
    again = denoising.batch(ids, chance(3), ways=[permute({STOP}), infill(MASK)], eos=2, start=2, pad=0, length=31 + 9)
    assert torch.equal(batch["source"], again["source"])


@given(TEXT, SEED, st.floats(0, 0.9), st.floats(0.2, 9), st.integers(0, 3))
def test_lengths_are_drawn_from_poisson_until_there_are_enough(ids, seed, share, mean, zeros):
    total = round(len(ids) * share)
    lengths = denoising._lengths(total, mean, zeros, chance(seed)).tolist()
    assert sum(lengths) == total and lengths.count(0) <= zeros and (not lengths or lengths[-1] > 0)
    drawn = iter(torch.poisson(torch.full((total,), mean), generator=chance(seed)).long().tolist())
    plainly, left, seen = [], total, 0
    for length in drawn:
        seen += length == 0
        if left and (length or seen <= zeros):
            plainly.append(min(length, left))
            left -= plainly[-1]
    assert lengths[: len(plainly)] == plainly  # further ones are drawn where these did not suffice


def test_parts_add_up_with_their_gradients():
    torch.manual_seed(3)
    sizes = {"heads": 2, "encoder_heads": 2, "d_ff": 24, "encoder_d_ff": 24, "max_positions": 23}
    model = Bart(BartConfig(vocab=103, d_model=16, layers=1, encoder_layers=1, **sizes))
    texts = [range(3, 3 + length) for length in (5, 17, 2, 11, 3, 13, 7)]
    batches = [
        denoising.batch(torch.tensor([list(text)]), chance(3), ways=[infill(MASK)], eos=2, start=2, pad=1)
        for text in texts
    ]
    batch = seq2seq.batch(
        *([one[name][0].tolist() for one in batches] for name in ("source", "targets")), start=2, pad=1
    )
    adds_up(model, seq2seq.loss, batch, 3, "real")


@pytest.mark.parametrize("way", [delete, lambda share: infill(MASK, share), lambda share: mask_tokens(MASK, share)])
@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_is_none_is_said(way, share):
    with pytest.raises(ValueError, match=f"share must be from 0 to below 1, not {share}"):
        way(share)


def test_a_mean_of_hardly_more_than_0_is_said():
    with pytest.raises(ValueError, match=r"mean must be at least 0.1, .*, not 0.01"):
        infill(MASK, 0.3, 0.01)


def test_the_loss_is_the_reference_librarys(tmp_path):
    transformers = pytest.importorskip(
        "transformers", reason="needs the reference library: pip install 'glassformer[reference]'"
    )
    from glassformer.hub import save

    torch.manual_seed(3)
    config = BartConfig(
        vocab=103, d_model=16, layers=2, encoder_layers=2, heads=2, encoder_heads=2, d_ff=24, encoder_d_ff=24
    )
    model = Bart(config).eval()
    save(model, tmp_path)
    reference = transformers.BartForConditionalGeneration.from_pretrained(tmp_path).eval()
    ids = torch.randint(3, 50, (3, 11), generator=chance(2))
    batch = denoising.batch(ids, chance(3), ways=[infill(MASK)], eos=2, start=2, pad=1)
    theirs = reference(
        input_ids=batch["source"],
        attention_mask=batch["source_real"].long(),
        decoder_input_ids=batch["ids"],
        labels=batch["targets"].where(batch["real"], torch.tensor(-100)),
    ).loss
    assert seq2seq.loss(model, batch)[0].item() == pytest.approx(theirs.item(), rel=1e-5)
