"""Answers in code to the exercises on stack: wrong ones by how a mistake's sentence begins, and right ones."""

PARTS = (
    "import torch\nimport torch.nn.functional as F\n\n"
    "def norm(x):\n    return F.layer_norm(x, x.shape[-1:])\n\n"
    "def attention(x, A):\n    return A @ x\n\n"
    "def feedforward(x, W):\n    return torch.relu(x @ W)\n\n"
    "def block(x, A, W):\n    "
)

WRONG: dict[str, dict[str, str]] = {
    "stack.pre-norm-block": {
        "The norm stands after each addition": PARTS
        + "x = norm(x + attention(x, A))\n    return norm(x + feedforward(x, W))",
        "You add to norm(x)": PARTS
        + "x = norm(x)\n    x = x + attention(x, A)\n    x = norm(x)\n    return x + feedforward(x, W)",
        "Both norms are missing": PARTS + "x = x + attention(x, A)\n    return x + feedforward(x, W)",
        "The norm in front of the attention": PARTS + "x = x + attention(x, A)\n    return x + feedforward(norm(x), W)",
        "The norm in front of the feed-forward": PARTS
        + "x = x + attention(norm(x), A)\n    return x + feedforward(x, W)",
        "Nothing is added around the attention": PARTS
        + "x = attention(norm(x), A)\n    return x + feedforward(norm(x), W)",
        "Nothing is added around the feed-forward": PARTS
        + "x = x + attention(norm(x), A)\n    return feedforward(norm(x), W)",
        "Nothing is added at all": PARTS + "x = attention(norm(x), A)\n    return feedforward(norm(x), W)",
        "Both parts read the first x": PARTS + "return x + attention(norm(x), A) + feedforward(norm(x), W)",
        "The feed-forward network comes first": PARTS
        + "x = x + feedforward(norm(x), W)\n    return x + attention(norm(x), A)",
        "The norm is around the answers": PARTS
        + "x = x + norm(attention(x, A))\n    return x + norm(feedforward(x, W))",
        "The second addition": PARTS + "h = x + attention(norm(x), A)\n    return x + feedforward(norm(h), W)",
        "The result is normalized once more": PARTS
        + "x = x + attention(norm(x), A)\n    return norm(x + feedforward(norm(x), W))",
    },
}

RIGHT: dict[str, list[str]] = {
    "stack.pre-norm-block": [
        PARTS + "for part, weight in ((attention, A), (feedforward, W)):\n        x = x + part(norm(x), "
        "weight)\n    return x",
        "import torch\n\ndef norm(x):\n    wide = x - x.mean(-1, keepdim=True)\n"
        "    return wide / (wide.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()\n\n"
        "def block(x, A, W):\n    h = A @ norm(x) + x\n    return (norm(h) @ W).clamp(min=0) + h",
    ]
}
