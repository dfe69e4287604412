"""Answers in code to the exercises on tokens: wrong ones by how a mistake's sentence begins, and right ones."""

STEP = "def bpe_step(words, times):\n    counts = {}\n"
COUNT = (
    "    for word, n in zip(words, times):\n        p = word.split()\n        for pair in zip(p, p[1:]):\n"
    "            counts[pair] = counts.get(pair, 0) + n\n"
)
BEST = "    best = min(counts, key=lambda pair: (-counts[pair], pair))\n"
JOIN = (
    "    out = []\n    for word in words:\n        p, new, i = word.split(), [], 0\n        while i < len(p):\n"
    "            if i + 1 < len(p) and (p[i], p[i + 1]) == best:\n                new.append(p[i] + p[i + 1])\n"
    "                i += 2\n            else:\n                new.append(p[i])\n                i += 1\n"
    "        out.append(' '.join(new))\n    return out\n"
)
ONE_BY_ONE = (
    "    pieces = list(word)\n    for a, b in merges:\n        i = 0\n        while i < len(pieces) - 1:\n"
    "            if pieces[i] == a and pieces[i + 1] == b:\n                pieces[i:i + 2] = [a + b]\n         "
    "   i += 1\n"
    "    return pieces\n"
)
ENCODE = "def encode(word, merges):\n"
CUT = "def best_cut(word, scores):\n"
ALL = (
    "    def ways(rest):\n        if not rest:\n            return [[]]\n"
    "        return [[rest[:e]] + w for e in range(1, len(rest) + 1) if rest[:e] in scores for w in ways(rest[e:])]\n"
)

WRONG: dict[str, dict[str, str]] = {
    "tokens.train-step": {
        "Each word counts once": STEP + COUNT.replace("+ n", "+ 1") + BEST + JOIN,
        "A pair that stands twice": STEP + COUNT.replace("zip(p, p[1:])", "set(zip(p, p[1:]))") + BEST + JOIN,
        "After a merge the second": STEP + COUNT + BEST + JOIN.replace("i += 2", "i += 1"),
        "Only the first place": STEP + COUNT + BEST + JOIN.replace(
            "                i += 2\n", "                new += p[i + 2:]\n                break\n"
        ),
        "Of pairs that are equally frequent you take the last": STEP
        + COUNT
        + "    best = sorted(counts, key=lambda pair: (counts[pair], pair))[-1]\n"
        + JOIN,
        "Of pairs that are equally frequent you take the one": STEP + COUNT + "    best = max(counts, "
        "key=counts.get)\n" + JOIN,
        "That joins the rarest": STEP + COUNT + BEST.replace("-counts", "counts") + JOIN,
        "Replacing in the text": STEP
        + COUNT
        + BEST
        + "    return [word.replace(' '.join(best), ''.join(best)) for word in words]",
    },
    "tokens.encode": {
        "You merge whatever fits": ENCODE + "    pieces = list(word)\n    i = 0\n    while i < len(pieces) - 1:\n"
        "        if (pieces[i], pieces[i + 1]) in merges:\n            pieces[i:i + 2] = [pieces[i] + pieces[i + 1]]\n"
        "            i = 0\n        else:\n            i += 1\n    return pieces",
        "The merges run from the last": ENCODE + "    pieces = list(word)\n    while True:\n"
        "        found = [p for p in reversed(merges) if p in list(zip(pieces, pieces[1:]))]\n"
        "        if not found:\n            return pieces\n        i = 0\n        while i < len(pieces) - 1:\n"
        "            if (pieces[i], pieces[i + 1]) == found[0]:\n"
        "                pieces[i:i + 2] = [pieces[i] + pieces[i + 1]]\n            i += 1",
        "You take the longest": ENCODE + "    known = [a + b for a, b in merges]\n    pieces = []\n    while word:\n"
        "        n = max([len(k) for k in known if word.startswith(k)] + [1])\n        pieces.append(word[:n])\n"
        "        word = word[n:]\n    return pieces",
        "After a merge the second": ENCODE + "    pieces = list(word)\n    for a, b in merges:\n        new = []\n"
        "        skip = 0\n        for i, p in enumerate(pieces):\n"
        "            if pieces[i:i + 2] == [a, b]:\n                new.append(a + b)\n            else:\n"
        "                new.append(p)\n        pieces = new\n    return pieces",
        "Each merge is done once": ENCODE + "    pieces = list(word)\n    for a, b in merges:\n"
        "        for i in range(len(pieces) - 1):\n            if pieces[i] == a and pieces[i + 1] == b:\n"
        "                pieces[i:i + 2] = [a + b]\n                break\n    return pieces",
        "You stop after the first": ENCODE + "    pieces = list(word)\n    for a, b in merges:\n        i = 0\n"
        "        while i < len(pieces) - 1:\n            if pieces[i] == a and pieces[i + 1] == b:\n"
        "                pieces[i:i + 2] = [a + b]\n            i += 1\n        if len(pieces) < len(word):\n"
        "            break\n    return pieces",
    },
    "tokens.viterbi": {
        "You take the longest": CUT + "    out = []\n    while word:\n        n = len(word)\n"
        "        while word[:n] not in scores:\n            n -= 1\n        out.append(word[:n])\n        word "
        "= word[n:]\n"
        "    return out",
        "That is the cut with the lowest": CUT + ALL + "    return min(ways(word), key=lambda w: sum(scores[p] "
        "for p in w))",
        "You average": CUT + ALL + "    return max(ways(word), key=lambda w: sum(scores[p] for p in w) / len(w))",
        "That is the cut with the fewest": CUT
        + ALL
        + "    return min(ways(word), key=lambda w: (len(w), -sum(scores[p] for p in w)))",
        "At each place": CUT + "    out = []\n    while word:\n        best = None\n        for e in range(1, "
        "len(word) + 1):\n"
        "            p = word[:e]\n            if p in scores and (best is None or scores[p] > scores[best]):\n"
        "                best = p\n        out.append(best)\n        word = word[len(best):]\n    return out",
    },
}  # fmt: skip

RIGHT: dict[str, list[str]] = {
    "tokens.train-step": [
        STEP + COUNT + BEST + JOIN,
        "from collections import Counter\n\ndef bpe_step(words, times):\n    c = Counter()\n"
        "    for w, n in zip(words, times):\n        p = w.split()\n        for i in range(len(p) - 1):\n"
        "            c[p[i], p[i + 1]] += n\n    top = max(c.values())\n    a, b = sorted(k for k in c if c[k] "
        "== top)[0]\n"
        "    result = []\n    for w in words:\n        p = w.split()\n        i = 0\n        while i < len(p) - 1:\n"
        "            if p[i] == a and p[i + 1] == b:\n                p[i:i + 2] = [a + b]\n            i += 1\n"
        "        result.append(' '.join(p))\n    return result",
    ],
    "tokens.encode": [
        ENCODE + ONE_BY_ONE,
        ENCODE + "    rank = {tuple(m): i for i, m in enumerate(merges)}\n    p = list(word)\n    while len(p) > 1:\n"
        "        best = min(range(len(p) - 1), key=lambda i: rank.get((p[i], p[i + 1]), 1e9))\n"
        "        if (p[best], p[best + 1]) not in rank:\n            break\n"
        "        p[best:best + 2] = [p[best] + p[best + 1]]\n    return p",
    ],
    "tokens.viterbi": [
        CUT + ALL + "    return max(ways(word), key=lambda w: sum(scores[p] for p in w))",
        CUT + "    best = [(0.0, [])]\n    for end in range(1, len(word) + 1):\n"
        "        best.append(max((best[s][0] + scores[word[s:end]], best[s][1] + [word[s:end]])\n"
        "                        for s in range(end) if word[s:end] in scores and best[s]))\n    return best[-1][1]",
    ],
}
