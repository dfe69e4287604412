"""Answers in code as people write them, wrong ones by how the sentence for their mistake begins, and right ones."""

from tests.learn import transformers

NEURON = "def neuron(x, w, b):\n    return "
LAYER = "def layer(x, W, b):\n    return "
CROSS_ENTROPY = "def cross_entropy(scores, answers):\n    "
SHARES = (
    CROSS_ENTROPY
    + "shares = torch.softmax(scores, dim=1)\n    right = shares[torch.arange(len(answers)), answers]\n    "
)
DESCEND = "def descend(slope, x, rate, steps):\n    "
FORWARD = "def forward(x, W1, b1, W2, b2):\n    "
BACKWARD = (
    "def backward(x, y, W1, b1, W2, b2):\n    z = x @ W1 + b1\n    h = torch.tanh(z)\n"
    "    p = torch.sigmoid(h @ W2 + b2)\n    n = len(x)\n    d2 = (p - y) / n\n    "
)
D1 = "d1 = (d2 @ W2.T) * (1 - h**2)\n    "
GRADS = "grads = [x.T @ d1, d1.sum(0), h.T @ d2, d2.sum(0)]\n    return torch.cat([g.flatten() for g in grads])"
LOOP = DESCEND + "for step in range(steps):\n        "
DROPOUT = "def dropout(h, keep, p, training):\n    "
CLIP = "def clip(g, most):\n    "

RNN = "def rnn(x, w_xh, w_hh, b, h):\n    states = []\n    for x_t in x:\n        "
KEEP = "\n        states.append(h)\n    return torch.stack(states)"
BPTT = "def slope_of_u(x, h, u, upstream):\n    total = 0.0\n    delta = "
BACK = "\n    for t in range(len(x) - 1, -1, -1):\n        "
LSTM = "def step(z, c):\n    i, f, g, o = z.chunk(4)\n    "

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
    "mlp.forward": {
        "The hidden layer is not bent": FORWARD + "h = x @ W1 + b1\n    return h @ W2 + b2",
        "The output is bent as well": FORWARD + "h = torch.tanh(x @ W1 + b1)\n    return torch.tanh(h @ W2 + b2)",
        "The bend is in the wrong layer": FORWARD + "h = x @ W1 + b1\n    return torch.tanh(h @ W2 + b2)",
        "The sigmoid is applied": FORWARD + "h = torch.tanh(x @ W1 + b1)\n    return torch.sigmoid(h @ W2 + b2)",
        "Softmax is applied": FORWARD + "h = torch.tanh(x @ W1 + b1)\n    return torch.softmax(h @ W2 + b2, dim=1)",
        "The bias of the hidden layer is missing": FORWARD + "h = torch.tanh(x @ W1)\n    return h @ W2 + b2",
        "The bias of the output is missing": FORWARD + "h = torch.tanh(x @ W1 + b1)\n    return h @ W2",
        "Both biases are missing": FORWARD + "return torch.tanh(x @ W1) @ W2",
        "The bias of the hidden layer is added after": FORWARD + "h = torch.tanh(x @ W1) + b1\n    return h @ W2 + b2",
        "The bias of the hidden layer is added twice": FORWARD
        + "z = torch.nn.functional.linear(x, W1.T, b1)\n    return torch.tanh(z + b1) @ W2 + b2",
        "The bias of the output is added twice": FORWARD
        + "h = torch.tanh(x @ W1 + b1)\n    s = torch.nn.functional.linear(h, W2.T, b2)\n    return s + b2",
        "The bend is ReLU": FORWARD + "h = torch.relu(x @ W1 + b1)\n    return h @ W2 + b2",
        "The bend is the sigmoid": FORWARD + "h = torch.sigmoid(x @ W1 + b1)\n    return h @ W2 + b2",
        "Those are the hidden values": FORWARD + "return torch.tanh(x @ W1 + b1)",
        "The bend is applied to the inputs": FORWARD + "h = torch.tanh(x) @ W1 + b1\n    return h @ W2 + b2",
        "The table of weights is turned over": FORWARD + "h = torch.tanh(x @ W1.T + b1)\n    return h @ W2.T + b2",
    },
    "mlp.backward": {
        "The mean is missing": BACKWARD + "d2 = p - y\n    " + D1 + GRADS,
        "The sign is the wrong way round": BACKWARD + "d2 = (y - p) / n\n    " + D1 + GRADS,
        "The derivative of the bend is missing": BACKWARD + "d1 = d2 @ W2.T\n    " + GRADS,
        "The derivative of tanh is taken at h": BACKWARD + "d1 = d2 @ W2.T * (1 - torch.tanh(h) ** 2)\n    " + GRADS,
        "The derivative of tanh is taken from z": BACKWARD + "d1 = d2 @ W2.T * (1 - z**2)\n    " + GRADS,
        "The derivative is that of the sigmoid": BACKWARD + "d1 = d2 @ W2.T * h * (1 - h)\n    " + GRADS,
        "The square is missing": BACKWARD + "d1 = d2 @ W2.T * (1 - h)\n    " + GRADS,
        "The derivative of the sigmoid is counted": BACKWARD + "d2 = d2 * p * (1 - p)\n    " + D1 + GRADS,
        "The weights W2 are missing": BACKWARD + "d1 = d2 * (1 - h**2)\n    " + GRADS,
        "The gradient of W1 is turned over": BACKWARD + D1 + GRADS.replace("x.T @ d1", "d1.T @ x"),
        "The gradient of W2 takes z": BACKWARD + D1 + GRADS.replace("h.T @ d2", "z.T @ d2"),
        "The biases are averaged": BACKWARD + D1 + GRADS.replace("sum", "mean"),
        "The biases are not summed": BACKWARD + D1 + GRADS.replace(".sum(0)", ""),
        "The mean is divided by twice": BACKWARD + D1 + GRADS + " / n",
        "W2 is used as it is": BACKWARD + "d1 = (d2 @ W2) * (1 - h**2)\n    " + GRADS,
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
    "rnn.forward": {
        "The state is not carried": RNN
        + "states.append(torch.tanh(x_t @ w_xh + h @ w_hh + b))\n    return torch.stack(states)",
        "The state is forgotten": RNN + "h = torch.tanh(x_t @ w_xh + b)" + KEEP,
        "The bend is missing": RNN + "h = x_t @ w_xh + h @ w_hh + b" + KEEP,
        "The bias is missing": RNN + "h = torch.tanh(x_t @ w_xh + h @ w_hh)" + KEEP,
        "The bias is added twice": RNN + "h = torch.tanh((x_t @ w_xh + b) + (h @ w_hh + b))" + KEEP,
        "The bias is added after": RNN + "h = torch.tanh(x_t @ w_xh + h @ w_hh) + b" + KEEP,
        "The two tables are swapped": RNN + "h = torch.tanh(x_t @ w_hh + h @ w_xh + b)" + KEEP,
        "The recurrent table is turned": RNN + "h = torch.tanh(x_t @ w_xh + w_hh @ h + b)" + KEEP,
        "The table for the words is turned": RNN + "h = torch.tanh(w_xh @ x_t + h @ w_hh + b)" + KEEP,
        "The start is ignored": "def rnn(x, w_xh, w_hh, b, h):\n    h = torch.zeros_like(b)\n    states = []\n"
        "    for x_t in x:\n        h = torch.tanh(x_t @ w_xh + h @ w_hh + b)" + KEEP,
        "That is the last state": RNN + "h = torch.tanh(x_t @ w_xh + h @ w_hh + b)\n    return h",
        "The text is read from its end": "def rnn(x, w_xh, w_hh, b, h):\n    states = []\n"
        "    for t in reversed(range(len(x))):\n"
        "        h = torch.tanh(x[t] @ w_xh + h @ w_hh + b)" + KEEP,
        "That is the sigmoid": RNN + "h = torch.sigmoid(x_t @ w_xh + h @ w_hh + b)" + KEEP,
    },
    "rnn.bptt": {
        "The slopes are not added": "def slope_of_u(x, h, u, upstream):\n"
        "    return upstream * (1 - h[-1] ** 2) * h[-2]",
        "The slope of tanh is missing": BPTT
        + "upstream"
        + BACK
        + "total += delta * h[t]\n        delta *= u\n    return total",
        "The slope of tanh at the last word": BPTT + "upstream" + BACK + "total += delta * h[t]\n"
        "        delta = delta * u * (1 - h[t] ** 2)\n    return total",
        "On its way back": BPTT + "upstream * (1 - h[-1] ** 2)" + BACK + "total += delta * h[t]\n"
        "        delta *= 1 - h[t] ** 2\n    return total",
        "At each word u multiplies": BPTT + "upstream * (1 - h[-1] ** 2)" + BACK + "total += delta * h[t + 1]\n"
        "        delta *= u * (1 - h[t] ** 2)\n    return total",
        "The slope of tanh is 1": "import math\n"
        + BPTT
        + "upstream * (1 - math.tanh(h[-1]) ** 2)"
        + BACK
        + "total += delta * h[t]\n        delta *= u * (1 - math.tanh(h[t]) ** 2)\n    return total",
        "That is the slope of the bend of a sigmoid": BPTT
        + "upstream * h[-1] * (1 - h[-1])"
        + BACK
        + "total += delta * h[t]\n        delta *= u * h[t] * (1 - h[t])\n    return total",
        "The sum is divided": BPTT + "upstream * (1 - h[-1] ** 2)" + BACK + "total += delta * h[t]\n"
        "        delta *= u * (1 - h[t] ** 2)\n    return total / len(x)",
        "Upstream is missing": BPTT + "1 - h[-1] ** 2" + BACK + "total += delta * h[t]\n"
        "        delta *= u * (1 - h[t] ** 2)\n    return total",
        "That is the slope by w": BPTT + "upstream * (1 - h[-1] ** 2)" + BACK + "total += delta * x[t]\n"
        "        delta *= u * (1 - h[t] ** 2)\n    return total",
    },
    "rnn.lstm-step": {
        "The gates are in the wrong order: you read": "def step(z, c):\n    i, f, o, g = z.chunk(4)\n"
        "    c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n    return o.sigmoid() * c.tanh(), c",
        "The gates are in the wrong order: forget": "def step(z, c):\n    f, i, g, o = z.chunk(4)\n"
        "    c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n    return o.sigmoid() * c.tanh(), c",
        "The sigmoids are missing": LSTM + "c = f * c + i * torch.tanh(g)\n    return o * torch.tanh(c), c",
        "What is written, g, is no gate": LSTM + "i, f, g, o = [torch.sigmoid(part) for part in (i, f, g, o)]\n"
        "    c = f * c + i * g\n    return o * torch.tanh(c), c",
        "What is written, g, is not bent": LSTM
        + "c = f.sigmoid() * c + i.sigmoid() * g\n    return o.sigmoid() * c.tanh(), c",
        "The cell is shown unbent": LSTM
        + "c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n    return o.sigmoid() * c, c",
        "That shows the old cell": LSTM
        + "h = o.sigmoid() * c.tanh()\n    return h, f.sigmoid() * c + i.sigmoid() * g.tanh()",
        "The forget gate is not used": LSTM + "keep = torch.sigmoid(i)\n    c = (1 - keep) * c + keep * torch.tanh(g)\n"
        "    return torch.sigmoid(o) * torch.tanh(c), c",
        "The cell is given back first": LSTM
        + "c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n    return c, o.sigmoid() * c.tanh()",
        "Only the hidden state": LSTM
        + "c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n    return o.sigmoid() * c.tanh()",
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
    "mlp.forward": [
        "import torch.nn.functional as F\n" + FORWARD + "return F.linear(F.linear(x, W1.T, b1).tanh(), W2.T, b2)",
        FORWARD + "rows = []\n    for row in x:\n"
        "        h = [torch.tanh((row * W1[:, j]).sum() + b1[j]) for j in range(len(b1))]\n"
        "        rows.append([float(sum(h[j] * W2[j, k] for j in range(len(h))) + b2[k]) for k in range(len(b2))])\n"
        "    return rows",
        FORWARD
        + "z = torch.einsum('ei,ih->eh', x, W1) + b1\n    return torch.addmm(b2, 2 * torch.sigmoid(2 * z) - 1, W2)",
    ],
    "mlp.backward": [
        BACKWARD + D1 + GRADS,
        "def backward(x, y, W1, b1, W2, b2):\n    h = torch.tanh(x @ W1 + b1)\n"
        "    error = torch.sigmoid(h @ W2 + b2) - y\n"
        "    total = 0\n    for i in range(len(x)):\n        d1 = error[i] * W2[:, 0] * (1 - h[i] ** 2)\n"
        "        parts = [torch.outer(x[i], d1).flatten(), d1, error[i] * h[i], error[i]]\n"
        "        total = total + torch.cat(parts)\n    return total / len(x)",
        BACKWARD + "d1 = torch.einsum('eo,ho->eh', d2, W2) / torch.cosh(z) ** 2\n    " + GRADS,
    ],
    "mlp.dropout": [
        DROPOUT + "if training:\n        return torch.where(keep == 1, h / (1 - p), torch.zeros_like(h))\n    return h",
        DROPOUT + "share = 1 - p if training else 1\n    mask = keep if training else 1\n    return h * mask / share",
    ],
    "mlp.clip": [
        CLIP + "return g * min(1.0, most / float(g.norm()))",
        CLIP + "size = (g**2).sum().sqrt()\n    return g * torch.clamp(most / size, max=1)",
    ],
    "rnn.forward": [
        "def rnn(x, w_xh, w_hh, b, h):\n    read = x @ w_xh + b\n    out = torch.empty(len(x), len(b), dtype=x.dtype)\n"
        "    for t in range(len(x)):\n        out[t] = h = torch.tanh(read[t] + h @ w_hh)\n    return out",
        "def rnn(x, w_xh, w_hh, b, h):\n    if len(x) == 0:\n        return torch.empty(0, len(b))\n"
        "    h = torch.tanh(torch.cat([x[0], h]) @ torch.cat([w_xh, w_hh]) + b)\n"
        "    return torch.cat([h[None], rnn(x[1:], w_xh, w_hh, b, h)])",
    ],
    "rnn.bptt": [
        "import torch\ndef slope_of_u(x, h, u, upstream):\n"
        "    weight = torch.tensor(u, dtype=torch.float64, requires_grad=True)\n"
        "    state = torch.tensor(h[0], dtype=torch.float64)\n    for t in range(len(x)):\n"
        "        read = torch.atanh(torch.tensor(h[t + 1], dtype=torch.float64)) - u * h[t]\n"
        "        state = torch.tanh(read + weight * state)\n    (upstream * state).backward()\n"
        "    return weight.grad.item()",
        "def slope_of_u(x, h, u, upstream):\n    nudge = 0.0\n    for before, after in zip(h, h[1:]):\n"
        "        nudge = (1 - after ** 2) * (before + u * nudge)\n    return upstream * nudge",
    ],
    "rnn.lstm-step": [
        "def step(z, c):\n    units = len(c)\n    gate = torch.sigmoid(z)\n"
        "    new = gate[units : 2 * units] * c + gate[:units] * torch.tanh(z[2 * units : 3 * units])\n"
        "    return gate[3 * units :] * torch.tanh(new), new",
        LSTM + "c = torch.lerp(torch.zeros_like(c), c, f.sigmoid()) + i.sigmoid() * g.tanh()\n"
        "    return [o.sigmoid() * c.tanh(), c]",
    ],
}

for page in transformers.PAGES:
    WRONG |= page.WRONG
    RIGHT |= page.RIGHT
