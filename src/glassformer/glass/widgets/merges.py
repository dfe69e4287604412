"""Byte-level BPE on the reader's text: with the first merges of a table, one merge after another.

Text is split by GPT-2's rule, and each word's bytes are merged by rank. Taught in ``transformers``, section 5.
"""

from typing import Any, ClassVar, Final

import traitlets
from matplotlib import rc_context

from glassformer.glass.figures.tokens import pieces
from glassformer.glass.style import svg, use_style
from glassformer.glass.widgets.base import InteractiveFigure
from glassformer.tokenize.bpe import BPE
from glassformer.tokenize.bytelevel import alphabet

MOST: Final = 300
"""How many characters of a text are read."""


class Merges(InteractiveFigure):
    """A text and its tokens under the first ``used`` merges of ``table``.

    - ``text``: what is split; at most its first 300 characters;
    - ``table``: the merges, each two ids ``[left, right]``. The ids 0 to 255 are the bytes in GPT-2's order; each merge
      makes the next id, unless one before has made the same bytes;
    - ``used``: how many merges of the table may be used.

    ``Merges.of`` makes one from a trained ``BPE``. Raises ``traitlets.TraitError`` for any other value.
    """

    module: ClassVar[str] = "merges"
    alt: ClassVar[str] = (
        "A text in a box and below it its tokens, each with its id. A slider says how many merges of a trained table "
        "may be used: with none, every byte is a token; with more, tokens grow to parts of words and whole words."
    )

    table = traitlets.List(trait=traitlets.List()).tag(sync=True)
    text = traitlets.Unicode("low lower lowest").tag(sync=True)
    used = traitlets.Int(0).tag(sync=True)

    @classmethod
    def of(cls, bpe: BPE, text: str, used: int | None = None) -> "Merges":
        """The figure for the merges of ``bpe``: all of them, or the first ``used``.

        Raises ``ValueError`` if its first ids are not the bytes in GPT-2's order, or its rule is not GPT-2's.
        """
        if bpe.rule != "gpt-2" or bpe.special or bpe.tokens[:256] != alphabet():
            raise ValueError(
                "bpe must be split by the rule 'gpt-2', and its first ids must be the bytes, none special."
            )
        table = [[bpe.ids[left], bpe.ids[right]] for left, right in bpe.merges]
        return cls(table=table, text=text, used=len(table) if used is None else used)

    @traitlets.validate("table")
    def _check_table(self, proposal: Any) -> list[list[int]]:
        tokens = list(alphabet())
        known = set(tokens)
        for rank, pair in enumerate(proposal.value):
            if len(pair) != 2 or not all(isinstance(i, int) and 0 <= i < len(tokens) for i in pair):
                raise traitlets.TraitError(
                    f"table must hold pairs of ids that exist by then, from 0 to {len(tokens) - 1}; "
                    f"number {rank} is {pair!r}."
                )
            if (made := tokens[pair[0]] + tokens[pair[1]]) not in known:
                known.add(made)
                tokens.append(made)
        return [list(pair) for pair in proposal.value]

    @traitlets.validate("used")
    def _check_used(self, proposal: Any) -> int:
        if not 0 <= proposal.value <= len(self.table):
            raise traitlets.TraitError(
                f"used must be from 0 to {len(self.table)}, the merges of table, not {proposal.value!r}."
            )
        return int(proposal.value)

    def bpe(self) -> BPE:
        """The library's tokenizer with the merges that may be used, and all the tokens of the table."""
        tokens = list(alphabet())
        known = set(tokens)
        merges = []
        for left, right in self.table:
            merges.append((tokens[left], tokens[right]))
            if (made := tokens[left] + tokens[right]) not in known:
                known.add(made)
                tokens.append(made)
        return BPE(tokens, merges[: self.used])

    def still(self) -> str:
        """The tokens with their ids, as SVG with the page's colors."""
        import matplotlib.pyplot as plt

        bpe = self.bpe()
        ids = bpe.encode(self.text[:MOST])
        with rc_context():
            use_style()
            name = f"{self.used} of {len(self.table)} merges: {len(ids)} tokens"
            figure = pieces({name: [(bpe.tokens[i], i) for i in ids]})
            drawn = svg(figure)
        plt.close(figure)  # else the cell would show it too
        return drawn
