"""Heads: what is made of an encoder's hidden states. Each is called as ``head(hidden, real)``.

Legend: B batch, T tokens, D d_model, E d_embed, C labels.
"""

from typing import NamedTuple

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from glassformer.parts.norm import LayerNorm


class Hidden(nn.Module):
    """The hidden states as they are, ``[B, T, D]``.

    Args:
        pooler: kept beside them, since published encoders bring its weights; call ``model.head.pooler(hidden)``.

    Taught in ``transformers``, section 8.
    """

    def __init__(self, pooler: nn.Module | None = None) -> None:
        super().__init__()
        self.pooler = pooler

    def forward(self, hidden_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """``hidden`` itself."""
        return hidden_BTD


class Pooler(nn.Module):
    """One vector for the whole text, from the first token: ``tanh(dense(hidden[:, 0]))``, ``[B, D]``.

    Source: Devlin et al. (2019), section 3, the vector C; the dense layer is the released code's.
    Taught in ``transformers``, section 8.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.dense = nn.Linear(d_model, d_model)

    def forward(self, hidden_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """The vector of the text."""
        pooled_BD: Tensor = self.dense(hidden_BTD[:, 0]).tanh()
        return pooled_BD


class MeanPooling(nn.Module):
    """A sentence embedding: the mean of the real tokens' hidden states, brought to length 1. ``[B, D]``.

    ``e = m / |m|`` with ``m = Σ real · hidden / Σ real``. A text without a real token becomes 0.

    Source: Reimers and Gurevych (2019), section 3. Taught in ``transformers``, section 8.
    """

    def forward(self, hidden_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """The embeddings of the texts, each of length 1."""
        if real_BT is None:
            return F.normalize(hidden_BTD.mean(1), dim=-1)
        summed_BD = hidden_BTD.masked_fill(~real_BT[..., None], 0.0).sum(1)
        return F.normalize(summed_BD / real_BT.sum(1, keepdim=True).clamp(min=1), dim=-1)


class MaskedHead(nn.Module):
    """Which token stands here? ``decoder(norm(f(dense(hidden))))``, logits ``[B, T, vocab]``.

    The decoder's weight is the embedding: declare ``("head.decoder.weight", "embed.weight")`` as tied.

    Args:
        d_model, vocab: the widths D and V.
        activation: the bend f.
        eps: that of the LayerNorm.
        d_embed: the width E of the embedding, where it is not D, as in ELECTRA's generator.

    Source: Devlin et al. (2019), section 3.1, task 1; the layers are the released code's.
    Taught in ``transformers``, section 8.
    """

    def __init__(
        self, d_model: int, vocab: int, activation: nn.Module, eps: float = 1e-12, d_embed: int | None = None
    ) -> None:
        super().__init__()
        self.dense = nn.Linear(d_model, d_embed or d_model)
        self.activation = activation
        self.norm = LayerNorm(d_embed or d_model, eps)
        self.decoder = nn.Linear(d_embed or d_model, vocab)

    def forward(self, hidden_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """The logits of every token of the vocabulary at every place."""
        logits: Tensor = self.decoder(self.norm(self.activation(self.dense(hidden_BTD))))
        return logits


class Pretraining(NamedTuple):
    """What BERT is trained on: logits of the masked tokens ``[B, T, vocab]``, and of *is next* (0) or *is not* (1)
    ``[B, 2]``.
    """

    tokens: Tensor
    following: Tensor


class PretrainingHead(nn.Module):
    """BERT's two tasks at once: masked tokens, and whether the second sentence follows the first.

    Args:
        d_model: the width D.
        masked: the head for the masked tokens, whose decoder is tied as ``("head.masked.decoder.weight",
            "embed.weight")``.

    Source: Devlin et al. (2019), section 3.1. Taught in ``transformers``, section 8.
    """

    def __init__(self, d_model: int, masked: MaskedHead) -> None:
        super().__init__()
        self.masked = masked
        self.pooler = Pooler(d_model)
        self.out = nn.Linear(d_model, 2)

    def forward(self, hidden_BTD: Tensor, real_BT: Tensor | None = None) -> Pretraining:
        """The logits of both tasks."""
        return Pretraining(self.masked(hidden_BTD), self.out(self.pooler(hidden_BTD)))


class SequenceClassifier(nn.Module):
    """A label for the whole text, from its first token: ``out(f(dense(hidden[:, 0])))``, logits ``[B, C]``.

    Args:
        d_model, labels: the widths D and C.
        activation: the bend f: tanh in BERT and RoBERTa, GELU in ELECTRA, ReLU in DistilBERT.
        dropout: the share that is dropped before ``out`` in training.
        first_dropout: the share that is dropped before ``dense``; RoBERTa and ELECTRA drop there too.

    Source: Devlin et al. (2019), section 4.1. Taught in ``transformers``, section 8.
    """

    def __init__(
        self, d_model: int, labels: int, activation: nn.Module, dropout: float = 0.1, first_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.first_dropout = nn.Dropout(first_dropout)
        self.dense = nn.Linear(d_model, d_model)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(d_model, labels)

    def forward(self, hidden_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """The logits of the labels."""
        inner_BD = self.activation(self.dense(self.first_dropout(hidden_BTD[:, 0])))
        logits_BC: Tensor = self.out(self.dropout(inner_BD))
        return logits_BC


class TokenClassifier(nn.Module):
    """A label for every token, such as the kind of name it belongs to: ``out(dropout(hidden))``, logits ``[B, T, C]``.

    Source: Devlin et al. (2019), section 5.3. Taught in ``transformers``, section 8.
    """

    def __init__(self, d_model: int, labels: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(d_model, labels)

    def forward(self, hidden_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """The logits of the labels of every token."""
        logits_BTC: Tensor = self.out(self.dropout(hidden_BTD))
        return logits_BTC


class ReplacedToken(nn.Module):
    """Was this token replaced? ``out(f(dense(hidden)))``: one logit a token, ``[B, T]``, positive for *replaced*.

    Source: Clark et al. (2020), section 2; the dense layer is the released code's. Taught in ``transformers``,
    section 8.
    """

    def __init__(self, d_model: int, activation: nn.Module) -> None:
        super().__init__()
        self.dense = nn.Linear(d_model, d_model)
        self.activation = activation
        self.out = nn.Linear(d_model, 1)

    def forward(self, hidden_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """The logit of *replaced* for every token."""
        logits_BT: Tensor = self.out(self.activation(self.dense(hidden_BTD))).squeeze(-1)
        return logits_BT


class Score(nn.Module):
    """One number after every token, ``out(hidden)``, ``[B, T]``: how good the text is up to there.

    It makes a decoder into a reward model, whose score of a text is that after its last token, and into PPO's critic.
    It starts at 0, so that all texts have equal scores.

    Source: Ouyang et al. (2022), section 3.5, RM. Taught in ``transformers``, section 13.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.out = nn.Linear(d_model, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, hidden_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """The score after each token."""
        scores_BT: Tensor = self.out(hidden_BTD).squeeze(-1)
        return scores_BT
