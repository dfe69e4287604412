"""Figures that judge a classifier: how much it catches at which cost, and whether its probabilities can be believed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from glassformer.glass.style import FAINT, LINES, describe, use_style


def roc(alarms: Sequence[float], caught: Mapping[str, Sequence[float]], most: float = 1.0) -> Figure:
    """The share that is caught against the share of false alarms, up to ``most``, a curve for each name."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(5.2, 3.2))
    for style, (name, up) in zip(LINES, caught.items(), strict=False):
        axes.plot(np.asarray(alarms), np.asarray(up), label=name, linestyle=style)
    axes.set(xlabel="share of false alarms", ylabel="share that is caught", xlim=(0, most), ylim=(None, 1.01))
    axes.legend(loc="lower right")
    return describe(figure, f"ROC curves up to {most:.0%} false alarms, one for each of: {', '.join(caught)}.")


def reliability(bins: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """How often it was so against what was said; each bin is (number, sum of probabilities, number that was so)."""
    import matplotlib.pyplot as plt

    use_style()
    figure, axes = plt.subplots(figsize=(4.2, 3.6))
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
    for style, marker, (name, of) in zip(LINES, "os^D", bins.items(), strict=False):
        kept = np.array([b for b in of if b[0]], dtype=float)
        axes.plot(kept[:, 1] / kept[:, 0], kept[:, 2] / kept[:, 0], marker=marker, linestyle=style, label=name)
    axes.set(xlabel="probability that was said", ylabel="share that was so", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")
    return describe(figure, f"Reliability curves beside the diagonal, one for each of: {', '.join(bins)}.")
