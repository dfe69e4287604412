"""The settings of the rotation: read in both forms, written in both, nothing lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.checkpoint.rope import rope, rope_settings
from glassformer.parts.rotary_scaling import Dynamic, Linear, Llama3, LongRope, Scaling, Unscaled, Yarn

number = st.floats(1.0, 64.0)
count = st.integers(1, 4096)
SCALINGS: st.SearchStrategy[Scaling] = st.one_of(
    st.just(Unscaled()),
    st.builds(Linear, number),
    st.builds(Dynamic, number, st.just(2048)),
    st.builds(Llama3, number, number, st.floats(65.0, 99.0), count),
    st.builds(
        Yarn, number, count, number, number, st.none() | number, st.none() | number, st.none() | number, st.booleans()
    ),
    st.builds(LongRope, st.tuples(number, number), st.tuples(number, number), count, number, st.none() | number),
)


@given(SCALINGS, st.floats(2.0, 1e7), st.sampled_from([1.0, 0.25]))
def test_what_is_written_is_read(scaling: Scaling, base: float, partial: float) -> None:
    settings = rope_settings(base, scaling, 2048, partial) | {"max_position_embeddings": 2048}
    older = {name: value for name, value in settings.items() if name != "rope_parameters"}
    newer = {name: settings[name] for name in ("rope_parameters", "max_position_embeddings")}
    for form in (settings, older, newer):
        assert rope(form, partial=partial) == (base, scaling)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (10000.0, Unscaled())),
        ({"rope_scaling": None, "rope_parameters": None}, (10000.0, Unscaled())),
        ({"rope_theta": 500.0}, (500.0, Unscaled())),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, (10000.0, Linear(2.0))),
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, (10000.0, Dynamic(2.0, 512))),
        (
            {"rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 128}},
            (10000.0, Yarn(4.0, 128)),
        ),
        (
            {
                "original_max_position_embeddings": 128,
                "rope_scaling": {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [2.0]},
            },
            (10000.0, LongRope((1.0,), (2.0,), 128, 4.0)),
        ),
    ],
)
def test_what_files_leave_out(settings: dict[str, Any], expected: tuple[float, Scaling]) -> None:
    assert rope(settings | {"max_position_embeddings": 512}) == expected


def test_a_dynamic_scaling_of_another_length_cannot_be_written() -> None:
    with pytest.raises(
        ValueError, match=r"original_positions \(512\) of a dynamic scaling must be max_positions \(2048\)"
    ):
        rope_settings(10000.0, Dynamic(2.0, 512), 2048)


def test_a_scaling_without_a_name_cannot_be_written() -> None:
    class Other(Unscaled.__base__):  # type: ignore[misc,name-defined]
        def frequencies(self, *_: object) -> None: ...

    with pytest.raises(ValueError, match=r"scaling must be one that config\.json has a name for"):
        rope_settings(10000.0, Other(), 2048)
