"""A recurrent network read through time: one cell, one word after another, and where its hidden state goes.

The cell is ``hₜ = tanh(xₜ W_xh + hₜ₋₁ W_hh + b)`` for row vectors of two numbers, with ``h₀ = 0``. Taught in
``rnn_intro``, section 7.
"""

import re
from typing import Any, ClassVar, Final

import numpy as np
import traitlets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassformer.glass.style import FAINT, INK, PAPER, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure, finite

MOST: Final = 12
"""How many words of a sentence are read."""


def split(sentence: str) -> list[str]:
    """The words of ``sentence`` in lower case, without what stands around them, such as commas and quotes."""
    words = (re.sub(r"^[\W_]+|[\W_]+$", "", word) for word in sentence.lower().split())
    return [word for word in words if word]


class Recurrent(InteractiveFigure):
    """A plain recurrent network with two hidden units, stepped through a sentence.

    - ``x``: the vector of each known word, ``{word: [2 numbers]}``; ``words``: the known words, as a rule all of them;
    - ``w_xh``, ``w_hh``, ``b``: the cell's weights, ``[from][to]``, and its bias;
    - ``sentence``: what is read; words that are not known are named and skipped, and at most 12 are read;
    - ``step``: how many words have been read so far; a sentence that is shorter counts as read to its end.

    Raises ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "recurrent"
    alt: ClassVar[str] = (
        "One recurrent cell drawn once for each word of a sentence, left to right, with its hidden state; the "
        "calculation of one step with its numbers; and a plane in which the hidden state moves from word to word."
    )

    x = traitlets.Dict(default_value={"cat": [0.5, 0.2], "sat": [0.1, 0.9], "here": [0.8, 0.3]}).tag(sync=True)
    words = traitlets.List(trait=traitlets.Unicode()).tag(sync=True)
    w_xh = traitlets.List(trait=traitlets.List(), default_value=[[0.3, 0.7], [0.4, 0.2]]).tag(sync=True)
    w_hh = traitlets.List(trait=traitlets.List(), default_value=[[0.1, 0.5], [0.6, 0.3]]).tag(sync=True)
    b = traitlets.List(default_value=[0.1, 0.2]).tag(sync=True)
    sentence = traitlets.Unicode("cat sat here").tag(sync=True)
    step = traitlets.Int(1).tag(sync=True)

    @traitlets.default("words")
    def _words(self) -> list[str]:
        return list(self.x)

    @traitlets.validate("x")
    def _check_x(self, proposal: Any) -> dict[str, Any]:
        for word in proposal.value:
            if not isinstance(word, str) or split(word) != [word]:
                raise traitlets.TraitError(f"x must have one lower-case word as each key, not {word!r}.")
        return {word: finite(f"x[{word!r}]", x, (2,), "2 finite numbers") for word, x in proposal.value.items()}

    @traitlets.validate("words")
    def _check_words(self, proposal: Any) -> list[str]:
        for word in proposal.value:
            if word not in self.x:
                raise traitlets.TraitError(f"words must have a vector in x each; {word!r} has none.")
        return list(proposal.value)

    @traitlets.validate("w_xh", "w_hh")
    def _check_weights(self, proposal: Any) -> Any:
        return finite(proposal.trait.name, proposal.value, (2, 2), "2 rows of 2 finite numbers")

    @traitlets.validate("b")
    def _check_b(self, proposal: Any) -> Any:
        return finite("b", proposal.value, (2,), "2 finite numbers")

    @traitlets.validate("step")
    def _check_step(self, proposal: Any) -> int:
        if not 0 <= proposal.value <= MOST:
            raise traitlets.TraitError(f"step must be from 0 to {MOST}, not {proposal.value!r}.")
        return int(proposal.value)

    def read(self) -> list[str]:
        """The words that are read: the known ones, 12 at most."""
        return [word for word in split(self.sentence) if word in self.words][:MOST]

    def hidden(self) -> NDArray[np.float64]:
        """The hidden state before the first word and after each word, ``[words + 1, 2]``."""
        w_xh, w_hh, b = (np.array(value, dtype=float) for value in (self.w_xh, self.w_hh, self.b))
        states = [np.zeros(2)]
        for word in self.read():
            states.append(np.tanh(np.array(self.x[word], dtype=float) @ w_xh + states[-1] @ w_hh + b))
        return np.array(states)

    def still(self) -> str:
        """The hidden state after each word, as a list and as a way through the plane, as SVG with the page's colors."""
        with rc_context():
            use_style()
            figure = Figure(figsize=(7.2, 3.8))
            listed, plane = figure.subplots(1, 2)
            self._draw_list(listed)
            self._draw_plane(plane)
            return svg(figure)

    def _draw_list(self, ax: Axes) -> None:
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.set_axis_off()
        ax.set_title("The hidden state after each word")
        words, now = self.read(), min(self.step, len(self.read()))
        for t, (word, (one, two)) in enumerate(zip(["(start)", *words], self.hidden(), strict=True)):
            y, weight = 0.94 - 0.074 * t, "bold" if t == now else "normal"
            ax.text(0.0, y, f"{t}", va="center", fontsize=9.5, fontweight=weight)
            ax.text(0.1, y, word.replace("$", r"\$"), va="center", fontsize=9.5, fontweight=weight)
            ax.text(0.52, y, f"({one:.4f}, {two:.4f})", va="center", fontsize=9.5, fontweight=weight)

    def _draw_plane(self, ax: Axes) -> None:
        h, now = self.hidden(), min(self.step, len(self.read()))
        ax.axhline(0, color=FAINT, linewidth=1, zorder=0.5)
        ax.axvline(0, color=FAINT, linewidth=1, zorder=0.5)
        for t in range(len(h) - 1):
            how = {"arrowstyle": "-|>", "color": SERIES[0], "lw": 1.5, "alpha": 1.0 if t < now else 0.35}
            ax.annotate("", h[t + 1], h[t], arrowprops=how)
        ax.plot(*h.T, "o", color=PAPER, markeredgecolor=INK, markersize=5, zorder=3)
        ax.plot(*h[now], "o", color=SERIES[1], markersize=9, zorder=4)
        ax.set(xlim=(-1, 1), ylim=(-1, 1), xlabel="unit 1", ylabel="unit 2", box_aspect=1)
        ax.set(xticks=np.linspace(-1, 1, 5), yticks=np.linspace(-1, 1, 5))
        ax.set_title("Its way through the plane")
