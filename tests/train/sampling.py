"""What the tests of rollouts, experience and rounds share: a small decoder in float64, and prompts of odd lengths."""

import torch

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.train.rollout import repeated, rollout

VOCAB, EOS, PAD = 13, 11, 12
PROMPTS = [[1], [2, 3], [4, 5, 6], [1, 2, 3, 4, 5]]
SPOKEN = {"max_new": 7, "eos": EOS, "pad": PAD}


def decoder(seed=3, larger=1.0):
    """Its answers are nearly uniform; ``larger`` multiplies its weights, and so what it prefers."""
    torch.manual_seed(seed)
    config = GPTConfig(vocab=VOCAB, max_positions=23, d_model=16, layers=2, heads=2, d_ff=24, dropout=0.0)
    model = GPT2(config).double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(larger)
    return model


def chance(seed=1):
    return torch.Generator().manual_seed(seed)


def sampled(policy, times=5, seed=1):
    """``times`` answers to each prompt, side by side."""
    return rollout(policy, repeated(PROMPTS, times), **SPOKEN, generator=chance(seed))


def sevens(batch):
    """A reward: how often token 7 is said."""
    return ((batch["targets"] == 7) & batch["answer"]).sum(-1).double()
