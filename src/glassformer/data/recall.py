"""The recall task: one of 8 symbols, then T blanks; the symbol must be named at the end.

Nothing that comes after the symbol says what it was. A model that answers right has kept it for T steps, and guessing
is right once in 8 times.
"""

import torch
from torch import Tensor

SYMBOLS = 8
"""How many symbols there are. The blank is one more token, so a vector of the input has 9 numbers."""


def recall(blanks: int) -> tuple[Tensor, Tensor]:
    """All there is of the task: the 8 sequences ``[8, blanks + 1, 9]``, one-hot, and their answers ``[8]``.

    Sequence s begins with symbol s; all its other tokens are blanks, number 8. As no sequence is left out, a training
    step on all of them follows the exact gradient, and chance enters by the initial weights alone.

    Raises ``ValueError`` if ``blanks`` is below 1. Used in ``rnn_intro``, sections 9 and 10.

    >>> inputs, answers = recall(2)
    >>> inputs.argmax(-1)[3].tolist(), int(answers[3])
    ([3, 8, 8], 3)
    """
    if blanks < 1:
        raise ValueError(f"blanks must be at least 1, not {blanks}.")
    answers = torch.arange(SYMBOLS)
    ids = torch.full((SYMBOLS, blanks + 1), SYMBOLS)
    ids[:, 0] = answers
    return torch.nn.functional.one_hot(ids, SYMBOLS + 1).float(), answers
