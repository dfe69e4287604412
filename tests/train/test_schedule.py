"""The schedules against tables written out by hand, against nanoGPT's and the paper's formulas, and the library's."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.train.schedule import (
    WSD,
    Constant,
    Cosine,
    InverseSquareRoot,
    Linear,
    Vaswani,
    cosine,
    linear,
    root,
    set_lr,
)

ROOT_HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("schedule", "table"),
    [
        (Constant(), [1, 1, 1]),
        (Constant(3), [1 / 4, 2 / 4, 3 / 4, 1, 1]),
        (Linear(5), [1, 4 / 5, 3 / 5, 2 / 5, 1 / 5, 0, 0]),
        (Linear(6, 2, 0.5), [1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 1 / 2, 1 / 2]),
        (Cosine(4), [1, (1 + ROOT_HALF) / 2, 1 / 2, (1 - ROOT_HALF) / 2, 0, 0]),
        (Cosine(5, 1, 0.2), [1 / 2, 1, 0.2 + 0.4 * (1 + ROOT_HALF), 0.6, 0.2 + 0.4 * (1 - ROOT_HALF), 0.2]),
        (WSD(7, 1, 4), [1 / 2, 1, 1, 1, 3 / 4, 2 / 4, 1 / 4, 0, 0]),
        (WSD(6, 0, 4, shape=root), [1, 1, 1, 1 / 2, 1 - ROOT_HALF, 1 - math.sqrt(0.75), 0]),
        (WSD(6, 0, 4, 0.1, cosine), [1, 1, 1, 0.1 + 0.45 * (1 + ROOT_HALF), 0.55, 0.1 + 0.45 * (1 - ROOT_HALF), 0.1]),
        (InverseSquareRoot(3), [1 / 4, 2 / 4, 3 / 4, 1, math.sqrt(4 / 5), math.sqrt(4 / 6)]),
        (InverseSquareRoot(0), [1, ROOT_HALF, math.sqrt(1 / 3), 1 / 2]),
        (Vaswani(4, 4), [1 / 16, 2 / 16, 3 / 16, 1 / 4, 1 / math.sqrt(20), 1 / math.sqrt(24)]),
    ],
    ids=str,
)
def test_table(schedule, table):
    assert [schedule(step) for step in range(len(table))] == pytest.approx(
        table, abs=1e-15
    )  # float64: order of rounding


def test_equals_nanogpt_s_character_configuration():
    """lr 1e-3 to 1e-4, 100 steps of warm-up, 2000 in all, as its ``get_lr`` computes it."""

    def get_lr(it):
        if it < 100:
            return 1e-3 * (it + 1) / 101
        return 1e-4 + 0.5 * (1 + math.cos(math.pi * (it - 100) / 1900)) * (1e-3 - 1e-4)

    ours = Cosine(2000, warmup=100, floor=0.1)
    assert [1e-3 * ours(step) for step in range(2000)] == pytest.approx([get_lr(it) for it in range(2000)], rel=1e-12)


def test_the_paper_s_schedule_is_the_inverse_square_root_at_its_peak():
    """Equation 3 with the peak at step 4000 (counted from 1), so 3999 steps lie below it."""
    factor, peak = InverseSquareRoot(3999), (512 * 4000) ** -0.5
    assert [Vaswani(512)(step) for step in range(0, 100_000, 997)] == pytest.approx(
        [peak * factor(step) for step in range(0, 100_000, 997)], rel=1e-12
    )


@pytest.mark.reference
@given(warmup=st.integers(0, 13), decay=st.integers(1, 17), stable=st.integers(0, 11), floor=st.floats(0, 1))
def test_equals_the_reference_library_one_step_on(warmup, decay, stable, floor):
    """It counts from a step at rate 0, which ours leave out: our step is its next, in a run one step longer."""
    library = pytest.importorskip("transformers.optimization")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    steps, warm = warmup + stable + decay, warmup + 1
    pairs = [
        (Constant(warmup), library.get_constant_schedule_with_warmup(optimizer, warm)),
        (InverseSquareRoot(warmup), library.get_inverse_sqrt_schedule(optimizer, warm)),
        (Linear(steps, warmup), library.get_linear_schedule_with_warmup(optimizer, warm, steps + 1)),
        (Cosine(steps, warmup), library.get_cosine_schedule_with_warmup(optimizer, warm, steps + 1)),
        (
            Cosine(steps, warmup, floor),
            library.get_cosine_with_min_lr_schedule_with_warmup(optimizer, warm, steps + 1, min_lr_rate=floor),
        ),
    ]
    for ours, theirs in pairs:
        wanted = [theirs.lr_lambdas[0](step + 1) for step in range(steps + 1)]  # later, its cosine rises again
        assert [ours(step) for step in range(steps + 1)] == pytest.approx(wanted, abs=1e-12), ours  # rounding
    for shape, name in ((linear, "linear"), (root, "1-sqrt"), (cosine, "cosine")):
        theirs = library.get_wsd_schedule(
            optimizer, warm, decay, num_stable_steps=stable, decay_type=name, min_lr_ratio=floor
        )
        ours = WSD(steps, warmup, decay, floor, shape)
        wanted = [theirs.lr_lambdas[0](step + 1) for step in range(warmup, steps + 3)]  # its warm-up starts at floor
        assert [ours(step) for step in range(warmup, steps + 3)] == pytest.approx(wanted, abs=1e-12), ours


@given(
    steps=st.integers(1, 1000), warmup=st.integers(0, 1000), floor=st.floats(0, 1), share=st.floats(0, 1),
    shape=st.sampled_from([linear, root, cosine]),
)  # fmt: skip
def test_what_holds_for_all_that_end(steps, warmup, floor, share, shape):
    warmup = min(warmup, steps - 1)
    decay = max(1, int(share * (steps - warmup)))
    for schedule in (
        Linear(steps, warmup, floor),
        Cosine(steps, warmup, floor),
        WSD(steps, warmup, decay, floor, shape),
    ):
        values = [schedule(step) for step in range(steps + 2)]
        assert all(0 < value <= 1 for value in values[:steps])  # no step is wasted
        assert values[warmup] == 1 and values[:warmup] == sorted(values[:warmup])
        assert values[warmup:] == sorted(values[warmup:], reverse=True)
        assert values[steps:] == [floor, floor]


def test_a_schedule_is_a_value():
    assert Cosine(7, 2) == Cosine(7, 2, 0.0) != Linear(7, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Cosine(7).steps = 9


def test_set_lr_scales_every_group_from_its_own_peak():
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1)], "lr": 0.3}, {"params": [torch.zeros(1)], "lr": 5.0}])
    for factor in (0.5, 0.25, 1.0):
        set_lr(optimizer, factor)
        assert [group["lr"] for group in optimizer.param_groups] == [0.3 * factor, 5.0 * factor]


def test_the_peak_is_saved_with_the_groups():
    first, second = (torch.optim.SGD([torch.zeros(1)], lr=lr) for lr in (0.3, 7.0))
    set_lr(first, 0.5)
    second.load_state_dict(first.state_dict())
    set_lr(second, 0.1)
    assert second.param_groups[0]["lr"] == 0.3 * 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(-1), "warmup must be at least 0, not -1."),
        (lambda: InverseSquareRoot(-2), "warmup must be at least 0, not -2."),
        (lambda: Vaswani(0), "d_model must be at least 1, not 0."),
        (lambda: Vaswani(8, 0), "warmup must be at least 1, not 0."),
        (lambda: WSD(9, 3, 0), "decay must be at least 1, not 0."),
        (lambda: WSD(9, 3, 7), "steps (9) must be at least warmup (3) + decay (7)."),
        (lambda: Linear(5, 5), "steps (5) must be at least warmup (5) + decay (1)."),
        (lambda: Cosine(5, 2, 1.5), "floor must be from 0 to 1, not 1.5."),
        (lambda: Cosine(5, 2, float("nan")), "floor must be from 0 to 1, not nan."),
    ],
)
def test_a_bad_value_is_named(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == message
