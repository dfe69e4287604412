"""Answers in code to the exercises on attention: wrong ones by how a mistake's sentence begins, and right ones."""

ATTENTION = "def attention(q, k, v):\n    seq, d_k = q.shape[-2:]\n    "
FUTURE = "    future = torch.ones(seq, seq, dtype=torch.bool).triu(1)\n"
DIVIDED = "scores = q @ k.mT / d_k**0.5\n"
SOFT = "    return scores.masked_fill(future, float('-inf')).softmax(-1) @ v"
SPLIT = "def split(x, heads):\n    b, t, w = x.shape\n    return "
SCORE = "def induction_score(weights, period):\n    t = torch.arange(period, 2 * period)\n    return "

WRONG: dict[str, dict[str, str]] = {
    "attention.scaled-dot-product": {
        "The scores are not divided": ATTENTION + "scores = q @ k.mT\n" + FUTURE + SOFT,
        "You divided by d_k,": ATTENTION + "scores = q @ k.mT / d_k\n" + FUTURE + SOFT,
        "You divided by √d_v": ATTENTION + "scores = q @ k.mT / v.shape[-1]**0.5\n" + FUTURE + SOFT,
        "There is no mask": ATTENTION + DIVIDED + "    return scores.softmax(-1) @ v",
        "The mask is the wrong way round": ATTENTION
        + DIVIDED
        + "    future = torch.ones(seq, seq, dtype=torch.bool).tril(-1)\n"
        + SOFT,
        "Masked scores were set to 0": ATTENTION
        + DIVIDED
        + "    return (scores * torch.ones(seq, seq, dtype=scores.dtype).tril()).softmax(-1) @ v",
        "Softmax runs over queries": ATTENTION + DIVIDED + FUTURE + SOFT.replace("softmax(-1)", "softmax(-2)"),
        "The mask hides the token itself": ATTENTION + DIVIDED + FUTURE.replace("triu(1)", "triu()") + SOFT,
        "The mask came after softmax": ATTENTION + DIVIDED + "    return scores.softmax(-1).tril() @ v",
    },
    "attention.split-heads": {
        "The shape is right": SPLIT + "x.view(b, heads, t, w // heads)",
        "The transpose is missing": SPLIT + "x.view(b, t, heads, w // heads)",
        "Each head took every": SPLIT + "x.view(b, t, w // heads, heads).permute(0, 3, 1, 2)",
        "Too many axes": SPLIT + "x.view(b, t, heads, w // heads).transpose(1, 2).mT",
    },
    "attention.induction-score": {
        "That is the earlier occurrence itself": SCORE + "weights[:, t, t - period].mean(-1)",
        "That is the token before the earlier": SCORE + "weights[:, t, t - period - 1].mean(-1)",
        "Queries and keys are swapped": SCORE + "weights[:, t - period + 1, t].mean(-1)",
        "The sum is not averaged": SCORE + "weights[:, t, t - period + 1].sum(-1)",
        "You divided by all tokens": SCORE + "weights[:, t, t - period + 1].sum(-1) / (2 * period)",
        "That is the average over heads": SCORE + "weights[:, t, t - period + 1].mean(0)",
        "That reads from the token just before": SCORE + "weights[:, t, t - 1].mean(-1)",
    },
}

RIGHT: dict[str, list[str]] = {
    "attention.scaled-dot-product": [
        "def attention(q, k, v):\n    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)",
        "def attention(q, k, v):\n    out = torch.empty_like(v)\n    for t in range(q.shape[2]):\n"
        "        w = torch.einsum('bhk,bhsk->bhs', q[:, :, t], k[:, :, :t + 1]) / q.shape[-1] ** 0.5\n"
        "        out[:, :, t] = torch.einsum('bhs,bhsv->bhv', w.softmax(-1), v[:, :, :t + 1])\n    return out",
    ],
    "attention.split-heads": [
        SPLIT + "torch.stack(x.chunk(heads, -1), 1)",
        SPLIT + "x.reshape(b, t, heads, w // heads).permute(0, 2, 1, 3)",
    ],
    "attention.induction-score": [
        SCORE + "weights.diagonal(1 - period, 1, 2)[:, 1:].mean(-1)",
        "def induction_score(weights, period):\n    total = 0\n    for t in range(period, 2 * period):\n"
        "        total = total + weights[:, t, t - period + 1]\n    return total / period",
    ],
}
