"""Temperature, top-k, top-p and min-p on real next-token distributions: what survives, what is left to chance.

The distributions are SmolLM2's after five beginnings, ``experiments/distributions.py``. Taught in ``transformers``,
section 12.
"""

from typing import Any, ClassVar, Final

import traitlets
from matplotlib import rc_context
from matplotlib.figure import Figure

from glassformer.data import recorded
from glassformer.glass.distributions import MOST, TEMPERATURES
from glassformer.glass.style import FAINT, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure, one_of

LIMITS: Final = {"top_k": (1, MOST + 1), "top_p": (0.05, 1.0), "min_p": (0.0, 0.5)}
SHOWN: Final = 12


class Sampling(InteractiveFigure):
    """One of the stored ``distributions``, that after ``prompt``, and the rules of ``generate.sampling.Sampling``.

    ``temperature`` is from 0.1 to 2 in tenths; ``top_k`` 41, ``top_p`` 1 and ``min_p`` 0 leave a rule out. Raises
    ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "sampling"
    alt: ClassVar[str] = (
        "Bars for the most likely next tokens of a real model after a beginning, before and after temperature, top-k, "
        "top-p and min-p; tokens that are cut off have no filled bar."
    )

    distributions = traitlets.List().tag(sync=True)
    prompt = traitlets.Unicode().tag(sync=True)
    temperature = traitlets.Float(1.0).tag(sync=True)
    top_k = traitlets.Int(MOST + 1).tag(sync=True)
    top_p = traitlets.Float(1.0).tag(sync=True)
    min_p = traitlets.Float(0.0).tag(sync=True)

    def __init__(self, **state: Any) -> None:
        state.setdefault("distributions", recorded("distributions")["distributions"])
        state.setdefault("prompt", state["distributions"][0]["prompt"])
        super().__init__(**state)

    @traitlets.validate("prompt")
    def _check_prompt(self, proposal: Any) -> str:
        return one_of("prompt", proposal.value, [each["prompt"] for each in self.distributions])

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        value = round(proposal.value, 6)
        if value not in TEMPERATURES:
            raise traitlets.TraitError(f"temperature must be 0.1, 0.2, … 2.0, not {proposal.value!r}.")
        return float(value)

    @traitlets.validate("top_k", "top_p", "min_p")
    def _check_limit(self, proposal: Any) -> Any:
        low, high = LIMITS[proposal.trait.name]
        if not low <= proposal.value <= high:
            raise traitlets.TraitError(f"{proposal.trait.name} must be from {low} to {high}, not {proposal.value!r}.")
        return proposal.value

    def probabilities(self) -> list[float]:
        """The probabilities of the 40 tokens and of the rest, after temperature, before any cut."""
        import torch

        one = next(each for each in self.distributions if each["prompt"] == self.prompt)
        logs = torch.tensor(one["logs"], dtype=torch.float64) / self.temperature
        rest = torch.tensor([one["rest"][TEMPERATURES.index(self.temperature)]], dtype=torch.float64)
        return list(torch.cat((logs, rest)).softmax(0).tolist())

    def still(self) -> str:
        """The twelve most likely tokens after temperature, as SVG with the page's colors; cut ones are gray."""
        one = next(each for each in self.distributions if each["prompt"] == self.prompt)
        before, total, kept = self.probabilities(), 0.0, []
        for rank, p in enumerate(before[:SHOWN]):
            kept.append(rank < self.top_k and (total < self.top_p or not rank) and p >= self.min_p * before[0])
            total += p
        with rc_context():
            use_style()
            figure = Figure(figsize=(7.2, 3.8))
            ax = figure.subplots()
            ax.barh(range(SHOWN), before[:SHOWN], color=[SERIES[0] if keep else FAINT for keep in kept])
            ax.set_yticks(range(SHOWN), [repr(token)[1:-1].replace("$", r"\$") for token in one["tokens"][:SHOWN]])
            ax.invert_yaxis()
            ax.set(xlabel="probability after temperature")
            ax.set_title(f"temperature {self.temperature:g}")
            return svg(figure)
