"""Exercises of the page on variants."""

import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number
from glassformer.learn.exercises.draw import normal
from glassformer.learn.exercises.transformers.briefs import BRIEFS, too_good

if TYPE_CHECKING:
    from torch import Tensor


def _slots(tokens: int) -> "tuple[Tensor, Tensor]":
    """Keys along a row, queries down a column."""
    import torch

    slots = torch.arange(tokens)
    return slots, slots[:, None]


def _prefix(prefix: int, tokens: int) -> Any:
    key, query = _slots(tokens)
    return (key <= query) | (key < prefix)


def _mask_of(rule: Any) -> Any:
    """A mask from a rule for ``key``, ``query`` and ``prefix``."""

    def make(prefix: int, tokens: int) -> Any:
        key, query = _slots(tokens)
        return rule(key, query, prefix) & (key > -1) & (query > -1)

    return make


prefix_mask = Code(
    id="variants.prefix-mask",
    teaches="transformers/08-variants#who-may-see-whom",
    function="prefix_mask",
    reference=_prefix,
    inputs=lambda rng: (rng.randint(3, 4), rng.randint(7, 9)),
    mistakes={
        "That is the causal mask: the tokens of the prefix see each other both ways.": _mask_of(lambda k, q, p: k <= q),
        "Everything is visible. After the prefix a token sees nothing of what comes "
        "later.": _mask_of(lambda k, q, p: k < 99),
        "The prefix is one token too long: it is made of the slots 0 to prefix − 1.": _mask_of(
            lambda k, q, p: (k <= q) | (k <= p)
        ),
        "The prefix is one token too short: it is made of the slots 0 to prefix − 1.": _mask_of(
            lambda k, q, p: (k <= q) | (k < p - 1)
        ),
        "The tokens of the prefix see the whole text, even what is still to be written. They see the "
        "prefix only.": _mask_of(
            lambda k, q, p: (k <= q) | (q < p)
        ),
        "The mask is turned: rows are queries, columns are keys.": _mask_of(lambda k, q, p: (q <= k) | (q < p)),
        "The mask is upside down: true is where the query may see the key.": _mask_of(
            lambda k, q, p: (k > q) & (k >= p)
        ),
        "A token after the prefix does not see itself. The diagonal must be visible.": _mask_of(
            lambda k, q, p: (k < q) | (k < p)
        ),
        "What comes after the prefix does not see it. It sees all of its past, and the prefix is past.": _mask_of(
            lambda k, q, p: ((k < p) & (q < p)) | ((k <= q) & (k >= p))
        ),
        "What comes after the prefix sees the prefix only. It sees its own part of the text as well, up "
        "to itself.": _mask_of(
            lambda k, q, p: k < p
        ),
        "The tokens of the prefix see nothing but the past, and the rest sees all: the two are swapped.": _mask_of(
            lambda k, q, p: (k <= q) | (q >= p)
        ),
        "The lower triangle of the future is visible, too: the triangle points the wrong way.": _mask_of(
            lambda k, q, p: (k >= q) | (k < p)
        ),
    },
    given=("torch",),
    axes=("query", "key"),
)  # fmt: skip


def _heads(rng: random.Random) -> "tuple[Tensor, ...]":
    """Six heads of queries for 5 tokens, two heads of keys for 7, each 3 wide."""
    return normal(rng, (6, 5, 3), (2, 7, 3))


def _scores(q: Any, k: Any, shared: Any = None, scale: float = 3**-0.5) -> Any:
    shared = shared or (lambda k: k.repeat_interleave(3, 0))
    return q @ shared(k).mT * scale


grouped_queries = Code(
    id="variants.grouped-queries",
    teaches="transformers/08-variants#fewer-keys-and-values",
    function="scores",
    reference=_scores,
    inputs=_heads,
    mistakes={
        "Neighboring heads share a head of keys: 0, 0, 0, 1, 1, 1. repeat gives 0, 1, 0, 1, 0, 1; use "
        "repeat_interleave.": (
            lambda q, k: _scores(q, k, lambda k: k.repeat(3, 1, 1))
        ),
        "All heads read the first head of keys. That is multi-query attention, with what is in the "
        "others thrown away.": (
            lambda q, k: _scores(q, k, lambda k: k[:1])
        ),
        "All heads read the mean of the heads of keys. Each group has its own.": (
            lambda q, k: _scores(q, k, lambda k: k.mean(0, keepdim=True))
        ),
        "The scores are not divided by √K.": lambda q, k: _scores(q, k, scale=1.0),
        "You divided by K, not by its root.": lambda q, k: _scores(q, k, scale=1 / 3),
        "You multiplied by √K. Divide.": lambda q, k: _scores(q, k, scale=3**0.5),
        "The scores are turned: a row for each query, a column for each key, [H, T, S].": (
            lambda q, k: _scores(q, k).mT
        ),
        "The groups are in the wrong order: the first heads read the first head of keys.": (
            lambda q, k: _scores(q, k.flip(0))
        ),
        "That is divided by the root of H. The sum of a score runs over the K entries of a head.": (
            lambda q, k: _scores(q, k, scale=6**-0.5)
        ),
        "There is one score for each group, not for each head: you added up the heads of a group.": (
            lambda q, k: _scores(q, k).unflatten(0, (2, 3)).sum(1)
        ),
        "Those are weights. The softmax comes after the scores.": lambda q, k: _scores(q, k).softmax(-1),
    },
    given=("torch",),
    axes=("head", "query", "key"),
)  # fmt: skip

_EXPERT: Final = 3 * 4096 * 14336 / 1e9
_ALL: Final = 91.8

active = Number(
    id="variants.active",
    teaches="transformers/08-variants#a-mixture-of-experts",
    answer=_ALL - 32 * 14 * _EXPERT,
    tolerance=0.15,
    mistakes={
        "You took an eighth of all parameters. The attention and the embedding are used by every token; "
        "only experts are left out.": (
            _ALL / 8
        ),
        "That is the experts alone. Attention, norms and embedding are active, too.": 32 * 2 * _EXPERT,
        "That is what is not used. Take it from 91.8.": 32 * 14 * _EXPERT,
        "You left out the experts of one layer. All 32 layers have them.": _ALL - 14 * _EXPERT,
        "An expert has three matrices, not two.": _ALL - 32 * 14 * _EXPERT * 2 / 3,
        "An expert has three matrices, not one.": _ALL - 32 * 14 * _EXPERT / 3,
        "Two experts are used: 14 of 16 are left out, not 15.": _ALL - 32 * 15 * _EXPERT,
        "All are in memory, but a token passes through two experts of each layer only.": _ALL,
        "There are 16 experts a layer here, not 8: 14 are left out.": _ALL - 32 * 6 * _EXPERT,
    },
)  # fmt: skip

EXERCISES: Final[tuple[Exercise, ...]] = (prefix_mask, grouped_queries, active, *BRIEFS, too_good)
