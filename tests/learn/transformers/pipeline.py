"""Answers in code to the exercises on pipeline: wrong ones by how a mistake's sentence begins, and right ones."""

_HEAD = "def count(vocab, d_model, layers, heads, kv_heads, d_k, d_ff, tied):\n"


def _answer(attention: str = "2 * heads * d_k + 2 * kv_heads * d_k", rest: str = "3 * d_ff + 2", **more: str) -> str:
    tables, last = more.get("tables", "vocab if tied else 2 * vocab"), more.get("last", "d_model")
    layer = f"    layer = d_model * ({attention} + {rest})\n"
    return f"{_HEAD}{layer}    return ({tables}) * d_model + layers * layer + {last}"


WRONG: dict[str, dict[str, str]] = {
    "pipeline.count": {
        "The tied head": _answer(tables="2 * vocab"),
        "The head is missing": _answer(tables="vocab"),
        "Keys and values": _answer(attention="4 * heads * d_k"),
        "The feed-forward network": _answer(rest="2 * d_ff + 2"),
        "The norms of the layers": _answer(rest="3 * d_ff"),
        "Each layer has two norms": _answer(rest="3 * d_ff + 1"),
        "The last norm": _answer(last="0"),
    }
}

RIGHT: dict[str, list[str]] = {
    "pipeline.count": [
        _answer(),
        _HEAD
        + "    q = o = d_model * heads * d_k\n    k = v = d_model * kv_heads * d_k\n"
        + "    total = vocab * d_model + d_model\n    for _ in range(layers):\n"
        + "        total += q + k + v + o + 3 * d_model * d_ff + 2 * d_model\n"
        + "    return total if tied else total + vocab * d_model",
    ]
}
