"""Section 9: attention by hand, in code, with masks and heads."""

import math
import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz, Words
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

_PAGE: Final = "transformers/09-attention"
_ROOT: Final = math.sqrt(3)


def _share(difference: float) -> float:
    return 1 / (1 + math.exp(-difference))


by_hand = Number(
    id="attention.by-hand",
    teaches=f"{_PAGE}#worked-by-hand",
    answer=_share(1 / _ROOT),
    tolerance=0.008,
    mistakes={
        "The scores are not divided by √3.": _share(1),
        "You divided by 3, the width itself, not by its root.": _share(1 / 3),
        "That is the weight of key 2.": 1 - _share(1 / _ROOT),
        "You divided by √2, the width of the values. The sum runs over the 3 numbers of a key.": (
            _share(1 / math.sqrt(2))
        ),
        "That is the score shared out as it is, 3 of 5. Softmax takes powers of e first.": 0.6,
        "That is the scaled score. Softmax over both scores is still to come.": 3 / _ROOT,
    },
)  # fmt: skip

why_root = Quiz(
    id="attention.why-root",
    teaches=f"{_PAGE}#why-divide-by-the-root-of-the-width",
    options=(
        Option(
            "The weights must add up to 1.",
            False,
            "Softmax sees to that, whatever the scores are.",
        ),
        Option(
            "Scores of twice as many terms are typically √2 times as large; divided by the root they stay as they are, "
            "and softmax stays as soft.",
            True,
            "The variance of the sum is d_k, so its typical size is √d_k. Undivided, softmax gets sharp by accident "
            "and passes almost no gradient.",
        ),
        Option(
            "Scores of twice as many terms are typically twice as large, so one divides by d_k.",
            False,
            "That would be so if all terms had the same sign. Random terms partly cancel: the sum grows with the root.",
        ),
        Option(
            "It makes the multiplication cheaper.",
            False,
            "It is one multiplication more for each score.",
        ),
    ),
)

masks = Quiz(
    id="attention.masks",
    teaches=f"{_PAGE}#who-may-see-whom",
    options=(
        Option("Keys 0, 1, 2, 3.", True, "Itself and what came before. All of them are real tokens."),
        Option(
            "Keys 0, 1, 2.",
            False,
            "The diagonal stays visible: a token may read from itself. What it must not see is the next one.",
        ),
        Option(
            "Keys 0 to 4, all that is real.",
            False,
            "Key 4 is the next token, the one to be predicted. The padding mask alone allows it, the causal one does "
            "not.",
        ),
        Option(
            "Key 4 and the padding behind it.",
            False,
            "That is the mask the wrong way round: exactly what must be hidden.",
        ),
    ),
)


def _heads(rng: random.Random) -> "tuple[Tensor, ...]":
    q, k, v = normal(rng, (2, 3, 5, 7), (2, 3, 5, 7), (2, 3, 5, 11))
    return 2 * q, k, v


def _attention(
    q: Any, k: Any, v: Any, *, scale: float | None = None, hidden: Any = None, fill: float = -math.inf, axis: int = -1
) -> Any:
    """Causal attention; the keywords make one mistake each."""
    import torch

    seq, d_k = q.shape[-2:]
    scores = q @ k.mT * (d_k**-0.5 if scale is None else scale)
    future = torch.ones(seq, seq, dtype=torch.bool).triu(1) if hidden is None else hidden(seq)
    return scores.masked_fill(future, fill).softmax(axis) @ v


def _ones(seq: int) -> Any:
    import torch

    return torch.ones(seq, seq, dtype=torch.bool)


def _late(q: Any, k: Any, v: Any) -> Any:
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
    return weights.masked_fill(_ones(q.shape[-2]).triu(1), 0.0) @ v


scaled_dot_product = Code(
    id="attention.scaled-dot-product",
    teaches=f"{_PAGE}#who-may-see-whom",
    function="attention",
    reference=_attention,
    inputs=_heads,
    mistakes={
        "The scores are not divided by √d_k.": lambda q, k, v: _attention(q, k, v, scale=1.0),
        "You divided by d_k, not by its square root.": lambda q, k, v: _attention(q, k, v, scale=1 / q.shape[-1]),
        "You divided by √d_v: the sum runs over d_k terms.": (
            lambda q, k, v: _attention(q, k, v, scale=v.shape[-1] ** -0.5)
        ),
        "There is no mask: each token sees the future.": (
            lambda q, k, v: _attention(q, k, v, hidden=lambda seq: ~_ones(seq))
        ),
        "The mask is the wrong way round: each token sees the future, not the past.": (
            lambda q, k, v: _attention(q, k, v, hidden=lambda seq: _ones(seq).tril(-1))
        ),
        "Masked scores were set to 0, so they still get weight e⁰; they must be −∞.": (
            lambda q, k, v: _attention(q, k, v, fill=0.0)
        ),
        "Softmax runs over queries (columns, not rows, sum to 1): use the last axis.": (
            lambda q, k, v: _attention(q, k, v, axis=-2)
        ),
        "The mask hides the token itself as well: the diagonal must stay visible.": (
            lambda q, k, v: _attention(q, k, v, hidden=lambda seq: _ones(seq).triu(0))
        ),
        "The mask came after softmax: hidden tokens were counted in the sum, and the rows do not add up to 1.": _late,
    },
    given=("torch",),
    axes=("batch", "head", "query", "number"),
)  # fmt: skip


def _rows(rng: random.Random) -> "tuple[Tensor, int]":
    heads = rng.choice((3, 7))
    return normal(rng, (2, 5, heads * 11))[0], heads


split_heads = Code(
    id="attention.split-heads",
    teaches=f"{_PAGE}#many-heads",
    function="split",
    reference=lambda x, heads: x.view(*x.shape[:2], heads, -1).transpose(1, 2),
    inputs=_rows,
    mistakes={
        "The shape is right, but a view straight to it mixes the tokens: cut the last axis in two, then transpose.": (
            lambda x, heads: x.reshape(len(x), heads, x.shape[1], -1)
        ),
        "The transpose is missing: that is [batch, seq, heads, d_k]. Swap the axes of seq and heads.": (
            lambda x, heads: x.view(*x.shape[:2], heads, -1)
        ),
        "Each head took every heads-th number. Head 0 has the first d_k of them side by side.": (
            lambda x, heads: x.view(*x.shape[:2], -1, heads).permute(0, 3, 1, 2)
        ),
        "Too many axes were swapped: that is [batch, heads, d_k, seq].": (
            lambda x, heads: x.view(*x.shape[:2], heads, -1).permute(0, 2, 3, 1)
        ),
    },
    given=("torch",),
    axes=("batch", "head", "token", "number"),
)

shapes = Number(
    id="attention.shapes",
    teaches=f"{_PAGE}#many-heads",
    answer=9 * 13 * 13,
    tolerance=0.5,
    mistakes={
        "That is with 3 heads. Keys are shared, but each of the 9 query heads has weights of its own.": 3 * 13 * 13,
        "That is one head. There are 9.": 13 * 13,
        "A weight stands for each pair of a query and a key: 13 · 13, not 13.": 9 * 13,
        "Those are the visible ones of a causal mask. Hidden ones are asked for, too.": 9 * 13 * 14 / 2,
        "Query and key heads do not multiply: each query head is paired with one key head.": 27 * 13 * 13,
        "d_k does not count: each dot product gives one number.": 9 * 13 * 13 * 64,
    },
)


def _weights(rng: random.Random) -> "tuple[Tensor, int]":
    period = rng.randint(4, 7)
    return normal(rng, (3, 2 * period, 2 * period))[0].softmax(-1), period


def _score(weights: Any, period: int, *, offset: int = 1, low: int = 1, axis: int = -1, turn: bool = False) -> Any:
    import torch

    t = torch.arange(low * period, 2 * period)
    s = t - period + offset
    return (weights[:, s, t] if turn else weights[:, t, s]).mean(axis)


induction_score = Code(
    id="attention.induction-score",
    teaches=f"{_PAGE}#heads-in-the-running-sentence",
    function="induction_score",
    reference=_score,
    inputs=_weights,
    mistakes={
        "That is the earlier occurrence itself, t − period. An induction head reads the token after it.": (
            lambda weights, period: _score(weights, period, offset=0)
        ),
        "That is the token before the earlier occurrence. An induction head reads the one after it.": (
            lambda weights, period: _score(weights, period, offset=-1)
        ),
        "Queries and keys are swapped: rows read, columns are read.": (
            lambda weights, period: _score(weights, period, turn=True)
        ),
        "The sum is not averaged over the tokens of the second half.": (
            lambda weights, period: _score(weights, period) * period
        ),
        "You divided by all tokens. Only those of the second half were seen before.": (
            lambda weights, period: _score(weights, period) / 2
        ),
        "That is the average over heads. One number for each head is wanted.": (
            lambda weights, period: _score(weights, period, axis=0)
        ),
        "That reads from the token just before: a previous-token head.": (
            lambda weights, period: weights.diagonal(-1, 1, 2)[:, period - 1 :].mean(-1)
        ),
    },
    given=("torch",),
    axes=("head",),
)

_THERE, _OFF, _ZERO, _RANDOM = 2.90, 10.37, 11.75, 3.33  # nats, as the page prints them
_GUESS = math.log(49_152)
_GAIN = _GUESS - _THERE

ablation = Number(
    id="attention.ablation",
    teaches=f"{_PAGE}#switched-off",
    answer=100 * (_OFF - _THERE) / _GAIN,
    tolerance=0.4,  # the losses are read to two decimals
    unit="%",
    mistakes={
        "You divided by the loss of guessing. The gain is what guessing costs minus what the whole model costs.": (
            100 * (_OFF - _THERE) / _GUESS
        ),
        "That is the ratio of two losses. Subtract from both what the whole model costs.": 100 * _OFF / _GUESS,
        "You read the line with zeros. The question is about the average.": 100 * (_ZERO - _THERE) / _GAIN,
        "You read the line of the random heads.": 100 * (_RANDOM - _THERE) / _GAIN,
        "You began at the loss without random heads, not at that of the whole model.": 100 * (_OFF - _RANDOM) / _GAIN,
    },
)

in_words = Words(
    id="attention.in-words",
    teaches=f"{_PAGE}#what-attention-weights-do-not-tell",
    model=(
        "A token asks with a query, and every token that it may see offers a key. The better the two match, the larger "
        "its share, and softmax makes the shares add up to 1. The token then takes the values of the others, mixed "
        "with these shares. So it can read directly from any place, however far away, in one step. A recurrent network "
        "must carry everything through one state of fixed size, word after word. And since no token waits for another, "
        "all of them are computed at once."
    ),
    points=(
        "A query is compared with keys, and the match gives a share to each token.",
        "What is taken is a mixture of values, by these shares, which add up to 1.",
        "Any two tokens are one step apart, without a state of fixed size between them.",
        "All tokens can be computed at once.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (
    by_hand, why_root, masks, scaled_dot_product, split_heads, shapes, induction_score, ablation, in_words,
)  # fmt: skip
