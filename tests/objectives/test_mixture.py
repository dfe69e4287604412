"""Mixture of denoisers: the published seven, one shape for all batches, and the text put together again."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.objectives import mixture
from glassformer.objectives.mixture import PUBLISHED, Denoiser
from tests.objectives.test_span_corruption import EOS, SENTINELS, together

MODES = {"R": 301, "S": 302, "X": 303}


def made(rows, tokens, seed, **more):
    chance = torch.Generator().manual_seed(seed)
    ids = torch.randint(2, 99, (rows, tokens), generator=chance)
    return ids, mixture.batch(ids, chance, modes=MODES, sentinels=SENTINELS, eos=EOS, **more)


@given(st.integers(1, 6), st.integers(2, 130), st.integers(0, 10**6))
def test_every_text_can_be_put_together_again(rows, tokens, seed):
    ids, batch = made(rows, tokens, seed)
    for text, source, keep, target, real in zip(
        ids, batch["source"], batch["source_real"], batch["targets"], batch["real"], strict=True
    ):
        assert source[0] in MODES.values()
        assert together(source[keep].tolist()[1:], target[real].tolist()) == text.tolist()


@given(st.integers(2, 130), st.integers(0, 10**6), st.integers(0, 10**6))
def test_all_batches_have_one_shape(tokens, one, other):
    shapes = [{name: tensor.shape for name, tensor in made(5, tokens, seed)[1].items()} for seed in (one, other)]
    assert shapes[0] == shapes[1]


def test_each_denoiser_cuts_its_share_and_all_come_as_often():
    chance = torch.Generator().manual_seed(3)
    for one in PUBLISHED:
        cut = [sum(end - first for first, end in one.spans(512, chance)) for _ in range(400)]
        assert sum(cut) / 400 / 512 == pytest.approx(one.share, abs=0.015)
    modes = [int(row[0]) for seed in range(60) for row in made(70, 20, seed)[1]["source"]]
    for mode, share in {"R": 2 / 7, "S": 1 / 7, "X": 4 / 7}.items():
        assert modes.count(MODES[mode]) / len(modes) == pytest.approx(share, abs=4 * (0.25 / len(modes)) ** 0.5)


def test_the_sequential_one_cuts_the_end_off_in_one_piece():
    chance = torch.Generator().manual_seed(3)
    cut = [Denoiser("S", 0.25).spans(40, chance) for _ in range(99)]
    assert all(len(one) == 1 and one[0][1] == 40 and 20 <= one[0][0] < 40 for one in cut)


def test_weights_choose():
    _, batch = made(30, 20, 1, weights=[0, 0, 1, 0, 0, 0, 0])
    assert (batch["source"][:, 0] == MODES["S"]).all()


@pytest.mark.parametrize(
    "more, sentence",
    [({"weights": [1.0]}, "weights must be 7, one for each denoiser, not 1")],
)
def test_what_does_not_fit_is_said(more, sentence):
    with pytest.raises(ValueError, match=sentence):
        made(3, 20, 1, **more)
    with pytest.raises(ValueError, match="modes must have a token for 'S'"):
        mixture.batch(
            torch.zeros(1, 9, dtype=torch.long),
            torch.Generator(),
            modes={"R": 1, "X": 2},
            sentinels=SENTINELS,
            eos=EOS,
        )
