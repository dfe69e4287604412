"""Answers in code to the exercises on generation: wrong ones by how a mistake's sentence begins, and right ones."""

TOP_P = "def top_p(probabilities, p):\n"
SORTED = TOP_P + "    s, order = probabilities.sort(descending=True)\n"
BACK = "    out = torch.zeros_like(probabilities)\n    out[order] = s\n"
JUDGE = (
    "def judge(guess, p, q, u):\n    rows = torch.arange(len(guess))\n    ratio = p[rows, guess] / q[rows, guess]\n"
    "    one = torch.zeros_like(p)\n    one[rows, guess] = 1\n"
    "    rest = (p - q).clamp(min=0)\n    rest = rest / rest.sum(1, keepdim=True)\n"
)
END = "    return torch.where((u < ratio)[:, None], one, rest)"

WRONG: dict[str, dict[str, str]] = {
    "generation.top-p": {
        "The token that crosses": SORTED + "    s[s.cumsum(0) >= p] = 0\n" + BACK + "    return out / out.sum()",
        "The sorted order": SORTED + "    s[s.cumsum(0) - s >= p] = 0\n    return s / s.sum()",
        "What is left": SORTED + "    s[s.cumsum(0) - s >= p] = 0\n" + BACK + "    return out",
        "You began with": TOP_P + "    s, order = probabilities.sort()\n    s[s.cumsum(0) - s >= p] = 0\n"
        + BACK + "    return out / out.sum()",
        "That keeps tokens": TOP_P + "    kept = torch.where(probabilities >= p, probabilities, 0.0)\n"
        "    return kept / kept.sum()",
        "That is min-p": TOP_P + "    k = torch.where(probabilities >= p * probabilities.max(), probabilities, 0.0)\n"
        "    return k / k.sum()",
        "The tokens were added": TOP_P + "    kept = probabilities.clone()\n"
        "    kept[probabilities.cumsum(0) - probabilities >= p] = 0\n    return kept / kept.sum()",
        "Softmax was": SORTED + "    s[s.cumsum(0) - s >= p] = float('-inf')\n" + BACK + "    return out.softmax(0)",
        "The tail": SORTED + "    s[s.cumsum(0) - s < p] = 0\n" + BACK + "    return out / out.sum()",
    },
    "generation.speculative-step": {
        "What is missing": JUDGE + "    rest = (p - q).clamp(min=0)\n" + END,
        "After a rejection you draw": JUDGE + "    rest = p\n" + END,
        "The rest is": JUDGE + "    rest = (q - p).clamp(min=0)\n    rest = rest / rest.sum(1, keepdim=True)\n" + END,
        "After a rejection the size": JUDGE + "    rest = (p - q).abs()\n    rest = rest / rest.sum(1, keepdim=True)\n"
        + END,
        "The ratio": JUDGE + "    ratio = 1 / ratio\n" + END,
        "Every guess": JUDGE + "    return torch.where((ratio >= 1)[:, None], one, rest)",
        "The guess is accepted": JUDGE + "    ratio = p[rows, guess]\n" + END,
        "Accepted and": JUDGE + "    return torch.where((u < ratio)[:, None], rest, one) if False else "
        "torch.where((u > ratio)[:, None], one, rest)",
        "Where the guess": JUDGE + "    one = p\n" + END,
        "After a rejection the draft": JUDGE + "    rest = q\n" + END,
    },
}  # fmt: skip

RIGHT: dict[str, list[str]] = {
    "generation.top-p": [
        SORTED + "    s[s.cumsum(0) - s >= p] = 0\n" + BACK + "    return out / out.sum()",
        TOP_P + "    out, total = torch.zeros_like(probabilities), 0.0\n"
        "    for i in probabilities.argsort(descending=True):\n        out[i] = probabilities[i]\n"
        "        total += probabilities[i]\n        if total >= p:\n            break\n    return out / total",
    ],
    "generation.speculative-step": [
        JUDGE + END,
        "def judge(guess, p, q, u):\n    out = []\n    for x, a, b, chance in zip(guess, p, q, u):\n"
        "        if chance * b[x] < a[x]:\n            out.append(torch.eye(len(a), dtype=a.dtype)[x])\n"
        "        else:\n            rest = torch.relu(a - b)\n            out.append(rest / rest.sum())\n"
        "    return torch.stack(out)",
    ],
}
