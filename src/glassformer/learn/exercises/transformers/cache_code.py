"""Exercises of the page on the key-value cache: those in code."""

import random
from typing import TYPE_CHECKING, Any

from glassformer.learn.exercise import Code
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor


def _prompt(rng: random.Random) -> "tuple[Tensor, ...]":
    """Two to four new tokens of width 5 behind five to seven old ones, d_k = 7, d_v = 3, room for 13 tokens."""
    new, past = rng.randint(2, 4), rng.randint(5, 7)
    return normal(rng, (new, 5), (13, 5), (5, 7), (5, 7), (5, 3), (past, 7), (past, 3))


def _step(
    x: Any, places: Any, w_q: Any, w_k: Any, w_v: Any, past_k: Any, past_v: Any, *,
    first: Any = None, shift: int = 0, square: bool = False, alone: bool = False, over: bool = False,
    before: bool = False, scale: float = 0.5, masked: bool = True, mute: float = float("-inf"),
) -> Any:  # fmt: skip
    """The step; the keywords make one mistake each."""
    import torch

    new, past = len(x), len(past_k)
    first = past if first is None else first
    x = x + places[first : first + new]
    k, v = x @ w_k, x @ w_v
    if over:  # written over the first ones
        k, v = torch.cat((k, past_k[new:])), torch.cat((v, past_v[new:]))
    elif before:
        k, v = torch.cat((k, past_k)), torch.cat((v, past_v))
    elif not alone:
        k, v = torch.cat((past_k, k)), torch.cat((past_v, v))
    scores = x @ w_q @ k.T / w_k.shape[1] ** scale
    if masked:
        diagonal = 0 if square or alone else len(k) - new
        hidden = ~torch.ones(new, len(k), dtype=torch.bool).tril(diagonal + shift)
        scores = scores.masked_fill(hidden, mute)
    return scores.softmax(-1) @ v


step = Code(
    id="cache.step",
    teaches="transformers/10-kv-cache#how-does-a-step-with-a-cache-work",
    function="step",
    reference=_step,
    inputs=_prompt,
    mistakes={
        "The positions begin at 0 again. The first new token stands behind the cache, at position P = len(past_k).": (
            lambda *given: _step(*given, first=0)
        ),
        "The mask begins at the upper left, as if nothing were cached. Query i has slot P + i, and sees up to there.": (
            lambda *given: _step(*given, square=True)
        ),
        "There is no mask. One new token needs none, but several see each other's future.": (
            lambda *given: _step(*given, masked=False)
        ),
        "The cache is not used: the new tokens see only each other. Put past_k and past_v in front.": (
            lambda *given: _step(*given, alone=True)
        ),
        "The cache is overwritten: the new keys and values took the first slots. They belong behind the old ones.": (
            lambda *given: _step(*given, over=True)
        ),
        "The new keys and values stand in front of the old ones. The mask hides the wrong ones. They belong behind.": (
            lambda *given: _step(*given, before=True)
        ),
        "The mask is off by one: a new token does not see itself.": lambda *given: _step(*given, shift=-1),
        "The mask is off by one: a new token sees the one after it, too.": lambda *given: _step(*given, shift=1),
        "The scores are not divided by √d_k.": lambda *given: _step(*given, scale=0.0),
        "You divided by d_k, not by its root.": lambda *given: _step(*given, scale=1.0),
        "Masked scores were set to 0, so they still get weight e⁰; they must be −∞.": (
            lambda *given: _step(*given, mute=0.0)
        ),
        "The positions are missing: places[P], places[P + 1], … are added to x.": (
            lambda x, places, *rest: _step(x, 0 * places, *rest)
        ),
        "Every new token got the vector of the same position. They stand at P, P + 1, …": (
            lambda x, places, w_q, w_k, w_v, past_k, past_v: _step(
                x, places[len(past_k)].expand_as(places), w_q, w_k, w_v, past_k, past_v
            )
        ),
        "That is what the last token reads. One row for each of the new tokens is wanted.": (
            lambda *given: _step(*given)[-1]
        ),
    },
    given=("torch",),
    axes=("token", "entry"),
)  # fmt: skip


def _sizes(rng: random.Random) -> tuple[Any, ...]:
    """Sizes of a small model, a text and a batch; a window that is wider than the text, narrower, or missing."""
    kv_heads, tokens = rng.choice((2, 3)), rng.randint(40, 90)
    heads = kv_heads * rng.choice((2, 4))
    window = rng.choice((None, tokens - rng.randint(1, 30), tokens - rng.randint(1, 30), tokens + rng.randint(1, 30)))
    return (
        rng.choice((5, 7)),
        heads,
        kv_heads,
        rng.choice((11, 13)),
        tokens,
        rng.choice((3, 6)),
        rng.choice((2, 4)),
        window,
    )


def _bytes(
    layers: int, heads: int, kv_heads: int, d_k: int, tokens: int, batch: int, size: int, window: int | None
) -> int:
    """Two for keys and values, and every token that is kept."""
    return 2 * layers * kv_heads * d_k * (tokens if window is None else min(tokens, window)) * batch * size


cache_bytes = Code(
    id="cache.bytes",
    teaches="transformers/10-kv-cache#how-much-memory-does-it-take",
    function="cache_bytes",
    reference=_bytes,
    inputs=_sizes,
    mistakes={
        "That is for keys alone. The values take as much again.": lambda *given: _bytes(*given) // 2,
        "You counted the query heads. Keys and values have kv_heads heads.": (
            lambda layers, heads, kv_heads, *rest: _bytes(layers, heads, heads, *rest)
        ),
        "You counted query heads for the keys. Keys and values both have kv_heads heads.": (
            lambda layers, heads, kv_heads, *rest: (
                _bytes(layers, heads, heads, *rest) + _bytes(layers, heads, kv_heads, *rest)
            )
            // 2
        ),
        "That is for one layer. Each layer has a cache of its own.": lambda layers, *rest: _bytes(1, *rest),
        "That is for one text. Each text of the batch has a cache of its own.": (
            lambda layers, heads, kv_heads, d_k, tokens, batch, size, window: _bytes(
                layers, heads, kv_heads, d_k, tokens, 1, size, window
            )
        ),
        "The heads are missing: each of the kv_heads has keys and values of its own.": (
            lambda layers, heads, kv_heads, *rest: _bytes(layers, heads, 1, *rest)
        ),
        "The width of a head is missing: a key is d_k numbers.": (
            lambda layers, heads, kv_heads, d_k, *rest: _bytes(layers, heads, kv_heads, 1, *rest)
        ),
        "That is how many numbers there are. Each takes size bytes.": (
            lambda layers, heads, kv_heads, d_k, tokens, batch, size, window: _bytes(
                layers, heads, kv_heads, d_k, tokens, batch, 1, window
            )
        ),
        "Those are bits. Bytes are asked for.": lambda *given: 8 * _bytes(*given),
        "The window is left out: what no query can see any more is thrown away.": (
            lambda layers, heads, kv_heads, d_k, tokens, batch, size, window: _bytes(
                layers, heads, kv_heads, d_k, tokens, batch, size, None
            )
        ),
        "A text that is shorter than the window fills only as much as it has tokens: take the smaller of the two.": (
            lambda layers, heads, kv_heads, d_k, tokens, batch, size, window: _bytes(
                layers, heads, kv_heads, d_k, window or tokens, batch, size, None
            )
        ),
        "The tokens count once. Their square is the number of scores, which are not kept.": (
            lambda *given: _bytes(*given) * (given[4] if given[7] is None else min(given[4], given[7]))
        ),
    },
)  # fmt: skip
