"""A deep averaging network: word vectors, averaged, then a multi-layer perceptron.

Legend: B batch, T words of a text, D d_model.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from glassformer.models.mlp import MLP


class DeepAveraging(nn.Module):
    """A deep averaging network: ``logits = MLP(mean of the vectors of the text's words)``.

    Args:
        vocab: how many numbers a word can have, padding included.
        d_model: the length of a word's vector.
        hidden: the widths of the MLP's hidden layers; empty for none.
        classes: how many answers there are.
        drop_words: the share of words that is left out at random while training, a new choice each time.

    Shapes: ``ids`` is ``[B, T]``, int64, where 0 is padding and counts for nothing; the output is ``[B, classes]``. A
    text without a word gives what the MLP makes of the zero vector.

    Vectors start normally distributed with standard deviation 0.1, the MLP as ``nn.Linear`` does.

    Raises ``ValueError`` if a size is not positive, or ``drop_words`` is not from 0 up to but not including 1.

    Source: Iyyer, Manjunatha, Boyd-Graber and Daumé III (2015). Taught in ``nn_intro``, section 5.7.
    """

    def __init__(self, vocab: int, d_model: int, hidden: Sequence[int], classes: int, drop_words: float = 0.0) -> None:
        super().__init__()
        if vocab < 1:
            raise ValueError(f"vocab must be positive, not {vocab}.")
        if not 0 <= drop_words < 1:
            raise ValueError(f"drop_words must be from 0 up to but not including 1, not {drop_words}.")
        self.mlp = MLP([d_model, *hidden, classes])
        self.embed = nn.Embedding(vocab, d_model, padding_idx=0)
        nn.init.normal_(self.embed.weight, std=0.1)
        with torch.no_grad():
            self.embed.weight[0] = 0
        self.drop_words = drop_words

    def average(self, ids: Tensor) -> Tensor:
        """The mean vector of each text's words, ``[B, D]``."""
        if self.training and self.drop_words:
            ids = ids.masked_fill(torch.rand(ids.shape, device=ids.device) < self.drop_words, 0)
        words = (ids != 0).sum(-1, keepdim=True).clamp(min=1)  # a text without a word: 0 / 1
        mean: Tensor = self.embed(ids).sum(-2) / words
        return mean

    def forward(self, ids: Tensor) -> Tensor:
        """The logits of each text."""
        logits: Tensor = self.mlp(self.average(ids))
        return logits
