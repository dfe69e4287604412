"""Answers in code to the exercises on variants: wrong ones by how a mistake's sentence begins, and right ones."""

MASK = "import torch\n\ndef prefix_mask(prefix, tokens):\n    s = torch.arange(tokens)\n    t = s[:, None]\n    "
SCORES = "import torch\n\ndef scores(q, k):\n    n = q.shape[0] // k.shape[0]\n    "
ROOT = " / q.shape[-1] ** 0.5"

WRONG: dict[str, dict[str, str]] = {
    "variants.prefix-mask": {
        "That is the causal mask": "import torch\n\ndef prefix_mask(prefix, tokens):\n"
        "    return torch.ones(tokens, tokens, dtype=torch.bool).tril()",
        "Everything is visible": "import torch\n\ndef prefix_mask(prefix, tokens):\n"
        "    return torch.ones(tokens, tokens, dtype=torch.bool)",
        "The prefix is one token too long": MASK + "return (s <= t) | (s <= prefix)",
        "The prefix is one token too short": MASK + "return (s <= t) | (s < prefix - 1)",
        "The tokens of the prefix see the whole": "import torch\n\ndef prefix_mask(prefix, tokens):\n"
        "    mask = torch.ones(tokens, tokens, dtype=torch.bool).tril()\n    mask[:prefix] = True\n    return mask",
        "The mask is turned": MASK + "return ((s <= t) | (s < prefix)).T",
        "The mask is upside down": MASK + "return ~((s <= t) | (s < prefix))",
        "A token after the prefix does not see itself": MASK + "return (s < t) | (s < prefix)",
        "What comes after the prefix does not": "import torch\n\ndef prefix_mask(prefix, tokens):\n"
        "    mask = torch.ones(tokens, tokens, dtype=torch.bool).tril()\n    mask[:prefix, :prefix] = True\n"
        "    mask[prefix:, :prefix] = False\n    return mask",
        "What comes after the prefix sees the prefix only": MASK + "return (s < prefix).expand(tokens, tokens)",
        "The tokens of the prefix see nothing but": MASK + "return (s <= t) | (t >= prefix)",
        "The lower triangle": "import torch\n\ndef prefix_mask(prefix, tokens):\n"
        "    mask = torch.ones(tokens, tokens, dtype=torch.bool).triu()\n    mask[:, :prefix] = True\n    return mask",
    },
    "variants.grouped-queries": {
        "Neighboring heads": SCORES + "return q @ k.repeat(n, 1, 1).mT" + ROOT,
        "All heads read the first": SCORES + "return q @ k[0].T" + ROOT,
        "All heads read the mean": SCORES + "return q @ k.mean(0).T" + ROOT,
        "The scores are not divided": SCORES + "return q @ k.repeat_interleave(n, 0).mT",
        "You divided by K": SCORES + "return q @ k.repeat_interleave(n, 0).mT / q.shape[-1]",
        "You multiplied by": SCORES + "return q @ k.repeat_interleave(n, 0).mT * q.shape[-1] ** 0.5",
        "The scores are turned": SCORES + "return k.repeat_interleave(n, 0) @ q.mT" + ROOT,
        "The groups are in the wrong order": SCORES + "return q @ k.flip(0).repeat_interleave(n, 0).mT" + ROOT,
        "That is divided by the root of H": SCORES + "return q @ k.repeat_interleave(n, 0).mT / q.shape[0] ** 0.5",
        "There is one score for each group": SCORES
        + "q = q.view(k.shape[0], n, *q.shape[1:]).sum(1)\n    return q @ k.mT"
        + ROOT,
        "Those are weights": SCORES + "return (q @ k.repeat_interleave(n, 0).mT / q.shape[-1] ** 0.5).softmax(-1)",
    },
}

RIGHT: dict[str, list[str]] = {
    "variants.prefix-mask": [
        "import torch\n\ndef prefix_mask(prefix, tokens):\n"
        "    mask = torch.ones(tokens, tokens, dtype=torch.bool).tril()\n    mask[:, :prefix] = True\n    return mask",
        "import torch\n\ndef prefix_mask(prefix, tokens):\n"
        "    return torch.tensor([[s <= t or s < prefix for s in range(tokens)] for t in range(tokens)])",
    ],
    "variants.grouped-queries": [
        SCORES + "return torch.stack([q[h] @ k[h // n].T for h in range(q.shape[0])])" + ROOT,
        SCORES
        + "g = q.view(k.shape[0], n, *q.shape[1:])\n"
        + "    return torch.einsum('gntk,gsk->gnts', g, k).flatten(0, 1)"
        + ROOT,
    ],
}
