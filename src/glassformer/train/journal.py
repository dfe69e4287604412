"""What a run says of itself: a progress bar, a log of one JSON line at a time, TensorBoard if it is installed."""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

LOG: Final = "log.jsonl"


class Journal:
    """Writes down how a run goes.

    Args:
        folder: where ``log.jsonl`` is; ``None`` in processes that say nothing.
        steps: how many steps there are.
        tokens: how many tokens a step learns from.
        every: how many steps lie between two lines of the log.
        start: the step that the run goes on from; lines of later steps, which are now done again, are taken off.
        bar: whether to show the progress.
    """

    def __init__(
        self, folder: Path | None, steps: int, tokens: int, every: int = 10, start: int = 0, bar: bool = True
    ) -> None:
        self.every, self.tokens, self.steps = every, tokens, steps
        self.recent: list[dict[str, float]] = []
        self.validation: dict[str, float] = {}
        self._file = self._board = None
        self._seconds = 0.0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            kept = [line for line in read(folder) if line["step"] <= start]
            self._seconds = max((line["seconds"] for line in kept if "seconds" in line), default=0.0)
            self.validation = next((line for line in reversed(kept) if "validation_loss" in line), {})
            temporary = folder / f".{LOG}"
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
            temporary.replace(folder / LOG)
            self._file = (folder / LOG).open("a", encoding="utf-8")
            self._board = _tensorboard(folder, start)
        self._bar = tqdm(
            total=steps, initial=start, unit="step", disable=not bar or folder is None, dynamic_ncols=True, delay=0.01
        )
        self._began = time.perf_counter()

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """A step is done."""
        self.recent = [*self.recent[-49:], dict(metrics)]
        self._bar.update()
        if step % self.every and step != self.steps:
            return
        now = time.perf_counter()
        self._seconds += now - self._began
        self._began = now
        self._line({"step": step, **metrics, "seconds": self._seconds})
        rate = self._bar.format_dict["rate"] or 0.0
        said = {"loss": f"{metrics.get('loss', math.nan):.3f}", "tokens/s": f"{rate * self.tokens:,.0f}"}
        if "validation_loss" in self.validation:
            said["validation"] = f"{self.validation['validation_loss']:.3f}"
        self._bar.set_postfix(said, refresh=False)

    def validated(self, step: int, metrics: Mapping[str, float]) -> None:
        """A validation is done. The time it took does not count as training."""
        self._began = time.perf_counter()
        self.validation = {f"validation_{name}": value for name, value in metrics.items()}
        self._line({"step": step, **self.validation})

    def say(self, sentence: str) -> None:
        """Tell the reader something without spoiling the bar."""
        if self._file is not None:
            self._bar.write(sentence)

    def close(self) -> None:
        """The run is over."""
        self._bar.close()
        for one in (self._file, self._board):
            if one is not None:
                one.close()

    def diagnosis(self, step: int, error: Exception) -> str:
        """One sentence or two: at which step the numbers broke, and why, as far as the steps before show it."""
        norms = [one["gradient_norm"] for one in self.recent if "gradient_norm" in one]
        if not norms:
            cause = "Nothing was learned yet: the weights it began with, or the data, hold numbers that are not finite."
        elif norms[-1] > 5 * sorted(norms)[len(norms) // 2]:
            cause = (
                f"The gradient had grown from {sorted(norms)[len(norms) // 2]:.3g} to {norms[-1]:.3g} before: "
                "the learning rate is probably too high. Lower optimizer.lr, or warm up longer."
            )
        else:
            cause = (
                "The gradient had not grown before, so it came at once: suspect this step's rows, or a learning rate "
                "that is far too high for the first steps."
            )
        return f"Step {step}: {error}. {cause} The weights of the last checkpoint are kept."

    def _line(self, entry: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
        if self._board is not None:
            for name, value in entry.items():
                if name != "step":
                    self._board.add_scalar(name, value, entry["step"])


def read(folder: Path) -> list[dict[str, float]]:
    """The lines of a run's log; a line that was cut off is left out."""
    lines = []
    path = folder / LOG
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def _tensorboard(folder: Path, start: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1)
