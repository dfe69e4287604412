"""Answers in code as people write them, wrong ones by how the sentence for their mistake begins, and right ones."""

NEURON = "def neuron(x, w, b):\n    return "

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
}
