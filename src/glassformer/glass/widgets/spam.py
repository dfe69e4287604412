"""A network 3-2-1 that reads an e-mail: three counted features, two hidden units, one probability.

With ``x`` = exclamation marks, money words, words that ask for something: ``h = activation(x w1 + b1)``,
``z = h · w2 + b2`` and ``p = sigmoid(z)``; the verdict is spam where ``p ≥ ½``. Taught in ``mlp_intro``, section 5.
"""

import re
from collections.abc import Callable, Collection
from typing import Any, ClassVar, Final

import numpy as np
import traitlets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glassformer.glass.style import FAINT, INK, PAPER, SERIES, svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure, finite, labeled, one_of

ACTIVATIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-np.clip(z, -700, 700))),
    "relu": lambda z: np.maximum(z, 0),
}
SHAPES: Final[dict[str, tuple[tuple[int, ...], str]]] = {
    "w1": ((3, 2), "3 rows of 2 finite numbers"),
    "b1": ((2,), "2 finite numbers"),
    "w2": ((2,), "2 finite numbers"),
    "b2": ((), "a finite number"),
}
MONEY: Final = ("free", "prize", "cash", "money", "win", "won", "winner", "offer", "cheap", "discount")
ASK: Final = ("click", "call", "claim", "reply", "send", "buy", "order", "open")
EMAILS: Final = (
    ("FREE prize!!! Claim it now, the offer ends today!", 1),
    ("You won cash!! Click and claim your money!", 1),
    ("Your account is locked. Click to open it.", 1),
    ("Are you free for lunch on Friday? Anna", 0),
    ("Happy birthday, Grandma!!! See you on Sunday!", 0),
    ("Minutes of the meeting are attached. Please reply by Monday.", 0),
)
_WORD: Final = re.compile(r"[a-z']+", re.I | re.A)


def features(text: str, money: Collection[str], ask: Collection[str]) -> list[float]:
    """What the network reads of an e-mail: its exclamation marks, its words in ``money`` and its words in ``ask``.

    A word is a run of letters a to z and apostrophes, as long as it goes; capitals do not matter.
    """
    words = [word.lower() for word in _WORD.findall(text)]
    return [float(text.count("!")), float(sum(w in money for w in words)), float(sum(w in ask for w in words))]


class Spam(InteractiveFigure):
    """A trained network of two hidden units at work on an e-mail that the reader chooses and edits.

    - ``weights``: ``{"w1": 3 rows of 2, "b1": 2 numbers, "w2": 2 numbers, "b2": a number}``, ``[from][to]``; they have
      no default, since they come from training;
    - ``activation``: of the hidden units, ``"tanh"``, ``"sigmoid"`` or ``"relu"``;
    - ``money``, ``ask``: the words that are counted, in lower case;
    - ``emails``: those to choose from, ``{"text": str, "label": 0 or 1}``; ``selected`` is the index of the chosen one
      and ``text`` is what is read, at first the chosen one's text.

    Raises ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "spam"
    alt: ClassVar[str] = (
        "A network in three columns: the features of an e-mail, two hidden units and the output, joined by lines whose "
        "width is what each sends on; under it the probability of spam as a bar."
    )

    weights = traitlets.Dict().tag(sync=True)
    activation = traitlets.Unicode("tanh").tag(sync=True)
    money = traitlets.List(trait=traitlets.Unicode(), default_value=list(MONEY)).tag(sync=True)
    ask = traitlets.List(trait=traitlets.Unicode(), default_value=list(ASK)).tag(sync=True)
    emails = traitlets.List(trait=traitlets.Dict()).tag(sync=True)
    selected = traitlets.Int(0).tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)

    @traitlets.default("weights")
    def _weights(self) -> dict[str, Any]:
        raise traitlets.TraitError("weights must be given: w1, b1, w2 and b2 of a trained network.")

    @traitlets.default("emails")
    def _emails(self) -> list[dict[str, Any]]:
        return [{"text": text, "label": label} for text, label in EMAILS]

    @traitlets.default("text")
    def _text(self) -> str:
        return str(self.emails[self.selected]["text"])

    @traitlets.validate("weights")
    def _check_weights(self, proposal: Any) -> dict[str, Any]:
        if set(proposal.value) != set(SHAPES):
            raise traitlets.TraitError(
                f"weights must have w1, b1, w2 and b2, not {', '.join(map(str, proposal.value))}."
            )
        return {
            name: finite(f"weights[{name!r}]", proposal.value[name], shape, rule)
            for name, (shape, rule) in SHAPES.items()
        }

    @traitlets.validate("activation")
    def _check_activation(self, proposal: Any) -> str:
        return one_of("activation", proposal.value, ACTIVATIONS)

    @traitlets.validate("money", "ask")
    def _check_words(self, proposal: Any) -> list[str]:
        for word in proposal.value:
            if not re.fullmatch(r"[a-z']+", word):
                rule = "words of the letters a to z and apostrophes"
                raise traitlets.TraitError(f"{proposal.trait.name} must hold {rule}, not {word!r}.")
        return list(proposal.value)

    @traitlets.validate("emails")
    def _check_emails(self, proposal: Any) -> list[dict[str, Any]]:
        if not proposal.value:
            raise traitlets.TraitError(f"emails must hold at least one e-mail, not {proposal.value!r}.")
        labels = [labeled(f"emails[{i}]", email, ("text", "label")) for i, email in enumerate(proposal.value)]
        return [{"text": str(e["text"]), "label": label} for e, label in zip(proposal.value, labels, strict=True)]

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int:
        if not 0 <= proposal.value < len(self.emails):
            rule = f"an index of the {len(self.emails)} emails"
            raise traitlets.TraitError(f"selected must be {rule}, not {proposal.value!r}.")
        return int(proposal.value)

    def forward(self) -> tuple[np.ndarray, np.ndarray, float]:
        """The features, the hidden values and the probability of spam."""
        w1, b1, w2, b2 = (np.array(self.weights[name], dtype=float) for name in SHAPES)
        x = np.array(features(self.text, self.money, self.ask))
        h = ACTIVATIONS[self.activation](x @ w1 + b1)
        return x, h, float(ACTIVATIONS["sigmoid"](h @ w2 + b2))

    def still(self) -> str:
        """The network with its values for the present text, and the probability, as SVG with the page's colors."""
        with rc_context():
            use_style()
            figure = Figure(figsize=(6.4, 4.6))
            ax, bar = figure.subplots(2, 1, height_ratios=[6, 1])
            self._draw_network(ax)
            p = self.forward()[2]
            bar.barh(0, p, height=1, color=SERIES[int(p >= 0.5)])
            bar.axvline(0.5, color=INK, linewidth=1.5)
            bar.set(xlim=(0, 1), ylim=(-0.5, 0.5), yticks=[])
            bar.set_title(f"The probability of spam: {p:.2f}, {'spam' if p >= 0.5 else 'not spam'}")
            return svg(figure)

    def _draw_network(self, ax: Axes) -> None:
        x, h, p = self.forward()
        places: list[list[tuple[float, float]]] = [[(0, 2), (0, 1), (0, 0)], [(1, 1.6), (1, 0.4)], [(2, 1)]]
        sent: list[np.ndarray] = [x[:, None] * self.weights["w1"], (h * self.weights["w2"])[:, None]]
        for before, after, values in zip(places, places[1:], sent, strict=False):
            for (x0, y0), row in zip(before, values, strict=True):
                for (x1, y1), value in zip(after, row, strict=True):
                    color = FAINT if value == 0 else SERIES[int(value > 0)]
                    ax.plot([x0, x1], [y0, y1], color=color, linewidth=min(9.0, 0.8 + 1.6 * abs(value)), zorder=1)
        names = [["! marks", "money words", "requests"], ["hidden 1", "hidden 2"], ["p"]]
        shown: list[np.ndarray] = [x, h, np.array([p])]
        for column, values, words in zip(places, shown, names, strict=True):
            for (left, up), value, name in zip(column, values, words, strict=True):
                ax.plot(left, up, "o", color=PAPER, markeredgecolor=INK, markeredgewidth=1.5, markersize=36, zorder=2)
                ax.text(left, up, f"{value:.4g}" if column is places[0] else f"{value:.2f}", ha="center", va="center")
                ax.text(left, up - 0.42, name, ha="center", va="center", fontsize=9)
        ax.set(xlim=(-0.45, 2.3), ylim=(-0.6, 2.4))
        ax.set_axis_off()
        ax.set_title("What each value sends on: orange raises, teal lowers")
