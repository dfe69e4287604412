"""A curriculum on the length of rows.

Legend: B rows, T tokens.
"""

from collections.abc import Callable

from torch import Tensor

from glassformer.train.data.source import Source


class Growing(Source):
    """A source whose rows are cut into shorter ones, as short as ``length(step)`` says: short texts first.

    A step learns from as many tokens as it would with whole rows: of ``batch`` rows of ``context`` it makes
    ``batch · context / length(step)`` rows, which share only their border, so that each token is predicted once.

    Args:
        source: where the rows come from.
        length: ``length(step)``, a divisor of the source's context; a function of the step alone.

    Source: Press, Smith and Lewis (2021), Shortformer, section 3. Taught in ``transformers``, section 13.
    """

    def __init__(self, source: Source, length: Callable[[int], int]) -> None:
        self.source, self.length, self.context = source, length, source.context

    def rows(self, step: int, batch: int) -> Tensor:
        """The rows of a step, ``[batch · context / length, length + 1]``. Raises ``ValueError`` for no divisor."""
        return self._cut(self.source.rows(step, batch), step)

    def texts(self, step: int, batch: int) -> tuple[Tensor, Tensor]:
        """The same, and the number of each token's document."""
        ids, texts = self.source.texts(step, batch)
        return self._cut(ids, step), self._cut(texts, step)

    def _cut(self, rows_BT: Tensor, step: int) -> Tensor:
        length = self.length(step)
        if length < 1 or self.context % length:
            raise ValueError(f"length({step}) must divide context ({self.context}), not be {length}.")
        return rows_BT.unfold(1, length + 1, length).flatten(0, 1)
