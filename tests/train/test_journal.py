"""What a run says of itself: the log, the diagnosis of a loss that broke, TensorBoard, the curve."""

import json

import pytest

from glassformer.train.journal import Journal, read
from glassformer.train.report import curve


def told(folder, norms, **more):
    journal = Journal(folder, 100, 12, every=1, bar=False, **more)
    for step, norm in enumerate(norms, start=1):
        journal.write(step, {"loss": 2.0 - step / 100, "gradient_norm": norm})
    return journal


def test_lines_after_the_checkpoint_are_taken_off_when_it_goes_on(tmp_path):
    told(tmp_path, [1.0] * 9).close()
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 10, "lo')  # cut off by a kill
    journal = told(tmp_path, [], start=6)
    journal.write(7, {"loss": 1.0})
    journal.close()
    assert [line["step"] for line in read(tmp_path)] == [1, 2, 3, 4, 5, 6, 7]
    seconds = [line["seconds"] for line in read(tmp_path)]
    assert seconds == sorted(seconds), "the time goes on where it was"


def test_only_every_so_many_steps_have_a_line_and_the_last(tmp_path):
    journal = Journal(tmp_path, 25, 12, every=10, bar=False)
    for step in range(1, 26):
        journal.write(step, {"loss": 1.0})
    journal.close()
    assert [line["step"] for line in read(tmp_path)] == [10, 20, 25]


@pytest.mark.parametrize(
    "norms, cause",
    [
        ([], "Nothing was learned yet"),
        ([1.0] * 20 + [30.0], "had grown from 1 to 30 before: the learning rate is probably too high"),
        ([1.0] * 20, "had not grown before, so it came at once"),
    ],
)
def test_the_cause_is_what_the_steps_before_show(tmp_path, norms, cause):
    said = told(tmp_path, norms).diagnosis(21, RuntimeError("loss is nan"))
    assert said.startswith("Step 21: loss is nan. ") and cause in said and said.endswith("checkpoint are kept.")


def test_a_process_that_says_nothing_writes_nothing(tmp_path):
    journal = told(None, [1.0])
    journal.validated(1, {"loss": 1.0})
    journal.close()
    assert journal.validation == {"validation_loss": 1.0} and list(tmp_path.iterdir()) == []


def test_tensorboard_gets_the_same(tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="needs TensorBoard: pip install 'glassformer[train]'",
    )
    journal = told(tmp_path, [1.0] * 5)
    journal.validated(5, {"loss": 1.5})
    journal.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(one.step, round(one.value, 3)) for one in events.Scalars("loss")] == [
        (line["step"], round(line["loss"], 3)) for line in read(tmp_path) if "loss" in line
    ]
    assert [one.value for one in events.Scalars("validation_loss")] == [1.5]


def test_the_curve_is_drawn_from_the_log(tmp_path):
    assert curve(tmp_path) is None
    (tmp_path / "log.jsonl").write_text(
        "".join(json.dumps({"step": step, "loss": 3 / step}) + "\n" for step in range(1, 9))
        + json.dumps({"step": 8, "validation_loss": 0.451})
        + "\n"
    )
    assert "validation" in curve(tmp_path).read_text("utf-8")
