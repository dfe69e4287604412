"""Draws what ``experiments/alignment.py`` has recorded: how many sums are right, and a reward model that is outwitted.

    python experiments/figures/alignment.py

Writes ``build/alignment.svg``. ``make experiments`` runs it.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from glassformer.data import recorded
from glassformer.glass.style import FAINT, INK, SERIES, svg, use_style

RESULTS = Path(__file__).parents[2] / "build"
BARS = {
    "fine_tuned": "fine-tuned",
    "ppo": "PPO, reward model",
    "ppo_rule": "PPO, rule",
    "dpo": "DPO",
    "grpo": "GRPO, rule",
    "ppo_without_kl": "PPO, no KL price",
    "dpo_low_beta": "DPO, low β",
}


def shares(axes: Axes, told: dict[str, Any]) -> None:
    """The share of right answers for each method: the mean, and a point for each seed."""
    found = [{"fine_tuned": told["fine_tuned"], **told["after"]}[name]["sampled"] for name in BARS]
    colors = [INK, *[SERIES[0]] * 4, *[SERIES[1]] * 2]
    places = range(len(BARS))
    axes.barh(places, [each["mean"] for each in found], color=colors, alpha=0.75, height=0.62)
    for place, each in zip(places, found, strict=True):
        axes.plot(each["seeds"], [place] * len(each["seeds"]), "o", color=INK, markersize=3)
    axes.axvline(told["fine_tuned"]["sampled"]["mean"], color=INK, linewidth=1, linestyle=":")
    axes.set_yticks(places, BARS.values())
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of sums answered right", title="Three ways to be aligned, and two to fail")


def outwitted(axes: Axes, told: dict[str, Any]) -> None:
    """PPO without a price for leaving the reference: the score of the reward model, and the share of right answers."""
    curve = told["curve_ppo_without_kl"]
    steps = [point["step"] for point in curve]
    for name, label, color in (("score", "reward model's score", SERIES[2]), ("sampled", "share right", SERIES[1])):
        mean = [point[name]["mean"] for point in curve]
        low, high = ([m + sign * point[name]["sd"] for m, point in zip(mean, curve, strict=True)] for sign in (-1, 1))
        axes.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(steps, mean, "o-", color=color, label=label, markersize=4)
    axes.set(xlabel="rounds of PPO", title="A reward model is outwitted", xlim=(0, steps[-1]))
    axes.grid(axis="y", color=FAINT)
    axes.legend()


def main() -> None:
    """Draw both, side by side."""
    told = recorded("alignment")
    use_style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.4), width_ratios=(1.25, 1))
    shares(left, told)
    outwitted(right, told)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "alignment.svg"
    path.write_text(svg(figure) + "\n", "utf-8")
    print(path)


if __name__ == "__main__":
    main()
