"""Answers in code to the exercises on the cache: wrong ones by the first words for their mistake, and right ones."""

STEP = "def step(x, places, w_q, w_k, w_v, past_k, past_v):\n    T, P = len(x), len(past_k)\n    "
PLACED = STEP + "x = x + places[P:P + T]\n    "
KV = "k = torch.cat([past_k, x @ w_k])\n    v = torch.cat([past_v, x @ w_v])\n    "
SCORES = "scores = (x @ w_q) @ k.T / k.shape[1] ** 0.5\n    "
MASK = "scores = scores.masked_fill(torch.ones(T, P + T).triu(P + 1).bool(), float('-inf'))\n    "
READ = "return torch.softmax(scores, -1) @ v"
BYTES = (
    "def cache_bytes(layers, heads, kv_heads, d_k, tokens, batch, size, window):\n"
    "    kept = tokens if window is None else min(tokens, window)\n    return "
)


def _masked(mask: str) -> str:
    return PLACED + KV + SCORES + f"scores = scores.masked_fill({mask}, float('-inf'))\n    " + READ


WRONG: dict[str, dict[str, str]] = {
    "cache.step": {
        "The positions begin at 0": STEP + "x = x + places[:T]\n    " + KV + SCORES + MASK + READ,
        "The mask begins at the upper left": _masked("torch.ones(T, P + T).triu(1).bool()"),
        "There is no mask": PLACED + KV + SCORES + READ,
        "The cache is not used": PLACED
        + "k, v = x @ w_k, x @ w_v\n    "
        + SCORES
        + "scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), float('-inf'))\n    "
        + READ,
        "The cache is overwritten": PLACED
        + "k, v = past_k.clone(), past_v.clone()\n    k[:T] = x @ w_k\n    v[:T] = x @ w_v\n    "
        + SCORES
        + "scores = scores.masked_fill(torch.ones(T, P).triu(P - T + 1).bool(), float('-inf'))\n    "
        + READ,
        "The new keys and values stand in front": PLACED
        + "k = torch.cat([x @ w_k, past_k])\n    v = torch.cat([x @ w_v, past_v])\n    "
        + SCORES
        + MASK
        + READ,
        "The mask is off by one: a new token does not": _masked("torch.ones(T, P + T).triu(P).bool()"),
        "The mask is off by one: a new token sees": _masked("torch.ones(T, P + T).triu(P + 2).bool()"),
        "The scores are not divided": PLACED + KV + "scores = (x @ w_q) @ k.T\n    " + MASK + READ,
        "You divided by d_k": PLACED + KV + "scores = (x @ w_q) @ k.T / k.shape[1]\n    " + MASK + READ,
        "Masked scores were set to 0": PLACED
        + KV
        + SCORES
        + "scores = scores * torch.ones(T, P + T).tril(P)\n    "
        + READ,
        "The positions are missing": STEP + KV + SCORES + MASK + READ,
        "Every new token got": STEP + "x = x + places[P]\n    " + KV + SCORES + MASK + READ,
        "That is what the last token": PLACED + KV + SCORES + MASK + "return (torch.softmax(scores, -1) @ v)[-1]",
    },
    "cache.bytes": {
        "That is for keys alone": BYTES + "layers * kv_heads * d_k * kept * batch * size",
        "You counted the query heads": BYTES + "2 * layers * heads * d_k * kept * batch * size",
        "You counted query heads for the keys": BYTES + "layers * (heads + kv_heads) * d_k * kept * batch * size",
        "That is for one layer": BYTES + "2 * kv_heads * d_k * kept * batch * size",
        "That is for one text": BYTES + "2 * layers * kv_heads * d_k * kept * size",
        "The heads are missing": BYTES + "2 * layers * d_k * kept * batch * size",
        "The width of a head": BYTES + "2 * layers * kv_heads * kept * batch * size",
        "That is how many numbers": BYTES + "2 * layers * kv_heads * d_k * kept * batch",
        "Those are bits": BYTES + "2 * layers * kv_heads * d_k * kept * batch * size * 8",
        "The window is left out": BYTES + "2 * layers * kv_heads * d_k * tokens * batch * size",
        "A text that is shorter": BYTES + "2 * layers * kv_heads * d_k * (window or tokens) * batch * size",
        "The tokens count once": BYTES + "2 * layers * kv_heads * d_k * kept * kept * batch * size",
    },
}

RIGHT: dict[str, list[str]] = {
    "cache.step": [
        PLACED + KV + SCORES + MASK + READ,
        STEP
        + "rows = []\n    for i in range(T):\n        y = x[i] + places[P + i]\n"
        + "        past_k = torch.vstack((past_k, y @ w_k))\n        past_v = torch.vstack((past_v, y @ w_v))\n"
        + "        scores = past_k @ (y @ w_q) / w_k.shape[1] ** 0.5\n        rows.append(scores.softmax(0) @ past_v)\n"
        + "    return torch.stack(rows)",
        PLACED
        + KV
        + "mask = torch.arange(P + T) <= torch.arange(P, P + T)[:, None]\n"
        + "    return torch.nn.functional.scaled_dot_product_attention(x @ w_q, k, v, attn_mask=mask)",
    ],
    "cache.bytes": [
        BYTES + "2 * layers * kv_heads * d_k * kept * batch * size",
        "def cache_bytes(layers, heads, kv_heads, d_k, tokens, batch, size, window):\n    if window is not None:\n"
        "        tokens = min(window, tokens)\n    key = kv_heads * d_k * size\n"
        "    return (key + key) * layers * tokens * batch",
    ],
}
