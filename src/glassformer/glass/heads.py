"""What heads do: scores over attention weights that find heads of a known kind.

Each score lies between 0 and 1 and is the share of attention that goes where that kind of head looks.
Legend: T tokens, H heads, N layers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from glassformer.glass.trace import trace

Score = Callable[[Tensor, Tensor], Tensor]


def _checked(weights_HTT: Tensor, least: int) -> int:
    size = weights_HTT.shape[-1]
    if weights_HTT.ndim != 3 or weights_HTT.shape[-2] != size or size < least:
        raise ValueError(
            f"weights must be [H, T, T] with at least {least} tokens, but their shape is {list(weights_HTT.shape)}."
        )
    return size


def previous_token(weights_HTT: Tensor) -> Tensor:
    """How much each head reads from the token before: the mean of ``weights[h, t, t − 1]`` over t ≥ 1, ``[H]``.

    Raises ``ValueError`` unless the weights are ``[H, T, T]`` with two tokens or more.
    Source: Elhage et al. (2021), on previous-token heads. Taught in ``transformers``, section 9.
    """
    _checked(weights_HTT, 2)
    return weights_HTT.diagonal(-1, 1, 2).mean(-1)


def first_token(weights_HTT: Tensor) -> Tensor:
    """How much each head reads from the first token: the mean of ``weights[h, t, 0]`` over t ≥ 1, ``[H]``.

    The first token itself is left out, since under a causal mask it can read from nothing else. Raises ``ValueError``
    unless the weights are ``[H, T, T]`` with two tokens or more.
    Source: Xiao et al. (2023), section 3.1, attention sinks. Taught in ``transformers``, section 9.
    """
    _checked(weights_HTT, 2)
    return weights_HTT[:, 1:, 0].mean(-1)


def after_earlier(ids_T: Tensor) -> Tensor:
    """Where an induction head looks, ``[T, T]``: true at (t, s) if token s − 1 is the same as token t and s ≤ t.

    Such an s is the token that came next when the current token occurred before.
    """
    same = ids_T[:, None] == ids_T[None, :]
    found = torch.zeros_like(same)
    found[:, 1:] = same[:, :-1]
    return found.tril()


def induction(weights_HTT: Tensor, ids_T: Tensor) -> Tensor:
    """How much each head reads from what followed the current token earlier, ``[H]``: the prefix-matching score.

    For each token that occurred before, the weights on the tokens right after its earlier occurrences are added up; the
    score is the mean of that over those tokens. On random tokens that are repeated once it is the mean of
    ``weights[h, t, t − period + 1]`` over the second half.

    Args:
        weights_HTT: the attention weights of a layer.
        ids_T: the tokens.

    Raises ``ValueError`` if the sizes do not fit or no token occurs twice.
    Source: Olsson et al. (2022), definition of induction heads. Taught in ``transformers``, section 9.
    """
    size = _checked(weights_HTT, 2)
    if ids_T.shape != (size,):
        raise ValueError(f"ids must be [{size}], as the weights are, not {list(ids_T.shape)}.")
    target = after_earlier(ids_T.to(weights_HTT.device))
    asks = target.any(1)
    if not asks.any():
        raise ValueError("ids must hold a token that occurs twice: induction heads look for an earlier occurrence.")
    return (weights_HTT * target).sum(-1)[:, asks].mean(-1)


def repeated(count: int, period: int, vocab: int, seed: int, lowest: int = 0) -> Tensor:
    """Random tokens, each row read twice: ``[count, 2 · period]``, from ``lowest`` up to below ``vocab``.

    No token stands twice in a half. Raises ``ValueError`` if there are not as many tokens as a half needs.
    """
    if not 1 <= period <= vocab - lowest:
        raise ValueError(f"period must lie in 1 to vocab - lowest ({vocab - lowest}), not {period}.")
    draw = torch.Generator().manual_seed(seed)
    half = torch.stack([torch.randperm(vocab - lowest, generator=draw)[:period] + lowest for _ in range(count)])
    return torch.cat([half, half], 1)


def score_heads(model: Any, rows: Tensor, scores: Mapping[str, Score]) -> dict[str, Tensor]:
    """For each score the table of all heads, ``[N, H]``, averaged over ``rows``, ``[rows, T]``.

    ``scores`` maps a name to a function of the weights ``[H, T, T]`` and the tokens ``[T]``. The model runs once a row.
    """
    tables: dict[str, list[Tensor]] = {name: [] for name in scores}
    for ids_T in rows:
        found = trace(model, ids_T, taps="stack.*kernel.weights")
        layers = [found.attention(layer) for layer in range(found.layers())]
        for name, score in scores.items():
            tables[name].append(torch.stack([score(weights, ids_T) for weights in layers]))
    return {name: torch.stack(table).mean(0) for name, table in tables.items()}


def best(table_NH: Tensor, count: int) -> list[tuple[int, int]]:
    """The ``count`` heads of the highest scores as (layer, head), best first."""
    order = table_NH.flatten().topk(count).indices.tolist()
    return [divmod(i, table_NH.shape[1]) for i in order]


def by_layer(heads: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """(layer, head) pairs as ``ablate_heads`` wants them: for each layer its heads."""
    chosen: dict[int, list[int]] = {}
    for layer, head in heads:
        chosen.setdefault(layer, []).append(head)
    return chosen
