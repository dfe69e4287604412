"""Answers in code as people write them, wrong ones by how the sentence for their mistake begins, and right ones."""

NEURON = "def neuron(x, w, b):\n    return "
LAYER = "def layer(x, W, b):\n    return "
CROSS_ENTROPY = "def cross_entropy(scores, answers):\n    "
SHARES = (
    CROSS_ENTROPY
    + "shares = torch.softmax(scores, dim=1)\n    right = shares[torch.arange(len(answers)), answers]\n    "
)
DESCEND = "def descend(slope, x, rate, steps):\n    "
LOOP = DESCEND + "for step in range(steps):\n        "
DROPOUT = "def dropout(h, keep, p, training):\n    "
CLIP = "def clip(g, most):\n    "

WRONG = {
    "nn.bag-of-words": {
        "Each word is marked": "def count_words(text, vocabulary):\n"
        "    words = text.split()\n    return [1 if word in words else 0 for word in vocabulary]",
        "Pieces of longer words": "def count_words(text, vocabulary):\n"
        "    return [text.count(word) for word in vocabulary]",
        "There is one number for each word of the text": "def count_words(text, vocabulary):\n"
        "    words = text.split()\n    return [words.count(word) for word in words]",
        "The counts stand in the order of the text": "def count_words(text, vocabulary):\n    counts = {}\n"
        "    for word in text.split():\n        if word in vocabulary:\n"
        "            counts[word] = counts.get(word, 0) + 1\n    return list(counts.values())",
        "Words that do not occur": "def count_words(text, vocabulary):\n    words = text.split()\n"
        "    return [words.count(word) for word in vocabulary if words.count(word) > 0]",
        "The return stands inside": "def count_words(text, vocabulary):\n"
        "    words = text.split()\n    for word in vocabulary:\n        return words.count(word)",
        "That is the answer to the example": "def count_words(text, vocabulary):\n    return [2, 0, 2]",
        "You count the whole vocabulary": "def count_words(text, vocabulary):\n"
        "    words = text.split()\n    return words.count(vocabulary)",
        "The roles are swapped": "def count_words(text, vocabulary):\n"
        "    words = text.split()\n    return [vocabulary.count(word) for word in words]",
        "These are texts": "def count_words(text, vocabulary):\n"
        "    words = text.split()\n    return [str(words.count(word)) for word in vocabulary]",
        "You divided": "def count_words(text, vocabulary):\n    words = text.split()\n"
        "    return [words.count(word) / len(words) for word in vocabulary]",
    },
    "nn.neuron": {
        "The bias is missing": NEURON + "torch.sigmoid(x @ w)",
        "The bias is subtracted": NEURON + "torch.sigmoid(x @ w - b)",
        "That is the weighted sum": NEURON + "x @ w + b",
        "The bias is added after": NEURON + "torch.sigmoid(x @ w) + b",
        "The sign inside": NEURON + "1 / (1 + torch.exp(x @ w + b))",
        "That is the step function": NEURON + "(x @ w + b >= 0).int()",
        "The products are averaged": NEURON + "torch.sigmoid((x * w).mean(1) + b)",
        "The bias is added to every product": NEURON + "torch.sigmoid((x * w + b).sum(1))",
        "The products are not added up": NEURON + "torch.sigmoid(x * w + b)",
        "There is one number too many": NEURON + "torch.sigmoid(x @ w + b).unsqueeze(1)",
        "That is softmax": NEURON + "torch.softmax(x @ w + b, dim=0)",
        "All e-mails are added up": NEURON + "torch.sigmoid((x * w).sum() + b)",
    },
    "nn.layer": {
        "The biases are missing": LAYER + "torch.relu(x @ W)",
        "The biases are subtracted": LAYER + "torch.relu(x @ W - b)",
        "Those are the weighted sums": LAYER + "x @ W + b",
        "The biases are added after": LAYER + "torch.relu(x @ W) + b",
        "The ReLU bends the inputs": LAYER + "torch.relu(x) @ W + b",
        "The ReLU is the wrong way round": LAYER + "torch.minimum(x @ W + b, torch.tensor(0.0))",
        "That is the sigmoid": LAYER + "torch.sigmoid(x @ W + b)",
        "That is the step function": "def layer(x, W, b):\n    z = x @ W + b\n    return (z > 0).float()",
        "The signs are taken away": LAYER + "torch.abs(x @ W + b)",
        "The table of weights is turned": LAYER + "torch.relu(torch.nn.functional.linear(x, W, b))",
        "The two tables are the wrong way round": LAYER + "torch.relu(W @ x + b)",
        "The star multiplies": LAYER + "torch.relu(x * W + b)",
        "Each example got a bias": LAYER + "torch.relu(x @ W + b.unsqueeze(1))",
        "The result is turned": "def layer(x, W, b):\n"
        "    units = [torch.relu(x @ W[:, j] + b[j]) for j in range(len(b))]\n    return torch.stack(units)",
        "The units are added up": LAYER + "torch.relu(x @ W + b).sum(dim=1)",
    },
    "nn.cross-entropy": {
        "The minus is missing": SHARES + "return torch.log(right).mean()",
        "There is one number for each": SHARES + "return -torch.log(right)",
        "The losses are added up": SHARES + "return -torch.log(right).sum()",
        "The sum is divided by": SHARES + "return -torch.log(right).sum() / scores.numel()",
        "Softmax runs over the examples": CROSS_ENTROPY + "shares = scores.softmax(dim=0)\n"
        "    losses = [-torch.log(shares[i, answer]) for i, answer in enumerate(answers)]\n"
        "    return sum(losses) / len(losses)",
        "Softmax is applied twice": CROSS_ENTROPY
        + "return torch.nn.functional.cross_entropy(scores.softmax(dim=1), answers)",
        "Softmax is missing": CROSS_ENTROPY + "shares = torch.exp(scores)\n"
        "    return -torch.log(shares[torch.arange(len(answers)), answers]).mean()",
        "Nothing but nan": CROSS_ENTROPY + "shares = scores / scores.sum(dim=1, keepdim=True)\n"
        "    return -torch.log(shares[torch.arange(len(answers)), answers]).mean()",
        "The sigmoid looks": CROSS_ENTROPY + "shares = torch.sigmoid(scores)\n"
        "    return -torch.log(shares[torch.arange(len(answers)), answers]).mean()",
        "The logarithm is missing: that": SHARES + "return right.mean()",
        "The logarithm is missing, only": SHARES + "return -right.mean()",
        "Mean and logarithm": SHARES + "return -torch.log(right.mean())",
        "The logarithm has the base 2": SHARES + "return -torch.log2(right).mean()",
        "The logarithm has the base 10": SHARES + "return -torch.log10(right).mean()",
        "All classes count": CROSS_ENTROPY + "return -torch.log_softmax(scores, dim=1).mean()",
        "The class with the highest": CROSS_ENTROPY + "shares = scores.softmax(dim=1)\n"
        "    return -torch.log(shares.amax(dim=1)).mean()",
        "Every example meets": CROSS_ENTROPY + "shares = scores.softmax(dim=1)\n"
        "    return -torch.log(shares[:, answers]).mean()",
        "The answers choose rows": CROSS_ENTROPY + "shares = scores.softmax(dim=1)\n"
        "    return -torch.log(shares[answers]).mean()",
    },
    "nn.descend": {
        "You walk uphill": LOOP + "x = x + rate * slope(x)\n    return x",
        "That is one step too few": DESCEND
        + "for step in range(1, steps):\n        x -= rate * slope(x)\n    return x",
        "That is one step too many": DESCEND
        + "for step in range(steps + 1):\n        x -= rate * slope(x)\n    return x",
        "The return stands inside": LOOP + "x = x - rate * slope(x)\n        return x",
        "The learning rate is missing": LOOP + "x = x - slope(x)\n    return x",
        "You divide by": LOOP + "x = x - slope(x) / rate\n    return x",
        "Every step takes the slope": DESCEND
        + "s = slope(x)\n    for step in range(steps):\n        x = x - rate * s\n"
        "    return x",
        "Each step is rate long": LOOP + "x = x - rate\n    return x",
        "A step takes x itself": LOOP + "x = x - rate * x\n    return x",
        "You took 2x": LOOP + "x = x - rate * 2 * x\n    return x",
        "x never changes": LOOP + "x - rate * slope(x)\n    return x",
        "x became the step": LOOP + "x = rate * slope(x)\n    return x",
        "x became minus": LOOP + "x =- rate * slope(x)\n    return x",
        "That is the slope where": LOOP + "x = x - rate * slope(x)\n    return slope(x)",
        "Those are all places of": DESCEND + "places = [x]\n    for step in range(steps):\n"
        "        places.append(places[-1] - rate * slope(places[-1]))\n    return places",
        "Those are all places after": DESCEND + "places = []\n    for step in range(steps):\n"
        "        x = x - rate * slope(x)\n        places.append(x)\n    return places",
    },
    "mlp.dropout": {
        "The kept values are not scaled": DROPOUT + "return h * keep if training else h",
        "Values are dropped at test time": DROPOUT + "return h * keep / (1 - p)",
        "The kept values are divided by p": DROPOUT + "if training:\n        h = h * keep / p\n    return h",
        "The kept values are multiplied": DROPOUT + "if not training:\n        return h\n    return h * keep * (1 - p)",
        "The wrong values are dropped": DROPOUT
        + "if training:\n        return torch.where(keep == 1, 0 * h, h / (1 - p))\n    return h",
        "It is the wrong way round": DROPOUT + "if training:\n        return h\n    return h * keep / (1 - p)",
    },
    "mlp.clip": {
        "Each entry is clipped by itself": CLIP + "edge = most / len(g) ** 0.5\n    return g.clamp(-edge, edge)",
        "Each entry is limited": CLIP + "return torch.clamp(g, -most, most)",
        "A short gradient is made longer": CLIP + "return most * g / g.norm()",
        "The result always has the norm 1": CLIP + "if g.norm() > most:\n        return g / g.norm()\n    return g",
        "The gradient is not clipped": CLIP + "return g",
        "A long gradient is thrown away": CLIP
        + "if g.norm() > most:\n        return torch.zeros_like(g)\n    return g",
    },
}

# Right answers written in other ways than the reference.

RIGHT = {
    "nn.bag-of-words": [
        "from collections import Counter\ndef count_words(text, vocabulary):\n"
        "    seen = Counter(text.split())\n    return [seen[word] for word in vocabulary]",
        "def count_words(text, vocabulary):\n    counts = [0] * len(vocabulary)\n    for word in text.split():\n"
        "        if word in vocabulary:\n            counts[vocabulary.index(word)] += 1\n    return tuple(counts)",
    ],
    "nn.neuron": [
        "def neuron(x, w, b):\n    return torch.sigmoid(torch.einsum('ef,f->e', x, w) + b)",
        "import math\ndef neuron(x, w, b):\n    out = []\n    for row in x:\n"
        "        z = sum(a * c for a, c in zip(row.tolist(), w.tolist())) + float(b)\n"
        "        out.append(1 / (1 + math.exp(-z)))\n    return out",
        "def neuron(x, w, b):\n    return (w.float() @ x.float().mT + b.float()).sigmoid()",
    ],
    "nn.layer": [
        "import torch.nn.functional as F\ndef layer(x, W, b):\n    return F.relu(F.linear(x, W.T, b))",
        "def layer(x, W, b):\n    z = (W.T @ x.T).T + b\n    z[z < 0] = 0\n    return z",
        "def layer(x, W, b):\n    z = torch.einsum('ei,iu->eu', x, W) + b\n    return torch.where(z > 0, z, 0.0)",
        "def layer(x, W, b):\n    out = []\n    for row in x.tolist():\n        units = []\n"
        "        for j in range(len(b)):\n            z = b[j].item()\n            for i in range(len(row)):\n"
        "                z += row[i] * W[i, j].item()\n            units.append(max(0, z))\n        out.append(units)\n"
        "    return out",
    ],
    "nn.cross-entropy": [
        CROSS_ENTROPY + "return torch.nn.functional.cross_entropy(scores, answers)",
        CROSS_ENTROPY + "logs = scores.log_softmax(1)\n    return -logs.gather(1, answers[:, None]).mean()",
        CROSS_ENTROPY + "powers = torch.exp(scores)\n    shares = powers / powers.sum(1, keepdim=True)\n    total = 0\n"
        "    for i in range(len(answers)):\n        total = total - torch.log(shares[i, answers[i]])\n"
        "    return total / len(answers)",
        CROSS_ENTROPY + "wanted = torch.nn.functional.one_hot(answers, scores.shape[1])\n"
        "    return -(wanted * scores.log_softmax(dim=-1)).sum() / len(scores)",
        "import math\n"
        + CROSS_ENTROPY
        + "losses = []\n    for row, answer in zip(scores.tolist(), answers.tolist()):\n"
        "        total = sum(math.exp(score) for score in row)\n"
        "        losses.append(-math.log(math.exp(row[answer]) / total))\n    return sum(losses) / len(losses)",
    ],
    "nn.descend": [
        DESCEND + "while steps > 0:\n        x -= slope(x) * rate\n        steps -= 1\n    return x",
        DESCEND + "if steps == 0:\n        return x\n    return descend(slope, x - rate * slope(x), rate, steps - 1)",
        DESCEND + "places = [x]\n    for step in range(steps):\n"
        "        places.append(places[-1] + -rate * slope(places[-1]))\n    return places[-1]",
        "import torch\n" + DESCEND + "x = torch.tensor(x, dtype=torch.float64)\n    for step in range(steps):\n"
        "        x = x - rate * slope(x)\n    return x",
    ],
    "mlp.dropout": [
        DROPOUT + "if training:\n        return torch.where(keep == 1, h / (1 - p), torch.zeros_like(h))\n    return h",
        DROPOUT + "share = 1 - p if training else 1\n    mask = keep if training else 1\n    return h * mask / share",
    ],
    "mlp.clip": [
        CLIP + "return g * min(1.0, most / float(g.norm()))",
        CLIP + "size = (g**2).sum().sqrt()\n    return g * torch.clamp(most / size, max=1)",
    ],
}
