"""What SmolLM2 expects after five beginnings: the 40 most likely tokens, and the rest as one.

    python experiments/distributions.py

There is no chance in it. It takes half a minute. Shown in ``transformers``, section 12.
"""

from pathlib import Path
from typing import Any

import torch
from recording import write

import glassformer
from glassformer.glass.distributions import MOST, distribution

PROMPTS = [
    "The capital of France is Paris, and the capital of Italy is",
    "Once upon a time there was a",
    "My favorite color is",
    "The best way to learn is to",
    "2 + 2 =",
]


@torch.inference_mode()
def main() -> None:
    """Read each beginning once, and write the result."""
    torch.set_num_threads(1)
    loaded = glassformer.load("smollm2")
    found: list[dict[str, Any]] = []
    for prompt in PROMPTS:
        logits = loaded.model(torch.tensor([loaded.tokenizer.encode(prompt)]))[0, -1]
        order = logits.double().log_softmax(-1).sort(descending=True, stable=True).indices[:MOST]
        found.append(distribution(prompt, [loaded.tokenizer.decode([i]) for i in order.tolist()], logits))
    print(write(Path(__file__), {"distributions": found}))


if __name__ == "__main__":
    main()
