"""What ``train.py`` compares with: a small GPT and a loop that do what nanoGPT's do, step by step, written anew.

The same operations in the same order: one matrix for query, key and value; ``scaled_dot_product_attention``; GELU by
the error function; no biases; tied embeddings; normal weights of 0.02, those into the stream by √(2 · layers) less;
batches stacked from random windows of a memory-mapped file; AdamW in two groups, clipping, cosine. ``real`` takes the
model from a clone of nanoGPT instead.
"""

import importlib.util
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LAYERS, HEADS, WIDTH, CONTEXT, BATCH, STEPS, WARMUP = 4, 4, 128, 64, 12, 2000, 100
LR, FINAL, BETAS, DECAY, CLIP = 1e-3, 1e-4, (0.9, 0.99), 0.1, 1.0


class Norm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.weight.shape, self.weight, None, 1e-5)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = Norm(), Norm()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, tokens, _ = x.shape
        q, k, v = (
            part.view(rows, tokens, HEADS, WIDTH // HEADS).transpose(1, 2)
            for part in self.qkv(self.before(x)).split(WIDTH, dim=2)
        )
        read = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(read.transpose(1, 2).contiguous().view(rows, tokens, WIDTH))
        return x + self.down(functional.gelu(self.up(self.between(x))))


class Small(nn.Module):
    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.embed, self.positions = nn.Embedding(vocab, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = Norm()
        self.head = nn.Linear(WIDTH, vocab, bias=False)
        self.head.weight = self.embed.weight
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                into_stream = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * LAYERS) if into_stream else 0.02)

    def forward(self, ids: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embed(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        return logits, functional.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


def real(folder: Path, vocab: int) -> Any:
    """nanoGPT's own model, from a clone."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", folder / "model.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    sizes = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "block_size": CONTEXT, "vocab_size": vocab}
    return module.GPT(module.GPTConfig(**sizes, dropout=0.0, bias=False))


def optimizer(model: nn.Module, fused: bool) -> torch.optim.AdamW:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.dim() >= 2], "weight_decay": DECAY},
        {"params": [weight for weight in weights if weight.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=LR, betas=BETAS, **({"fused": True} if fused else {}))


def rate(step: int) -> float:
    if step < WARMUP:
        return LR * (step + 1) / (WARMUP + 1)
    done = (step - WARMUP) / (STEPS - WARMUP)
    return FINAL + 0.5 * (1 + math.cos(math.pi * done)) * (LR - FINAL)


def draw(tokens: Path) -> tuple[Tensor, Tensor]:
    """A batch of random windows; the file is mapped anew for each, as nanoGPT does it."""
    mapped = np.memmap(tokens, dtype=np.uint16, mode="r")
    places = torch.randint(len(mapped) - CONTEXT, (BATCH,)).tolist()
    ids = torch.stack([torch.from_numpy(mapped[i : i + CONTEXT].astype(np.int64)) for i in places])
    targets = torch.stack([torch.from_numpy(mapped[i + 1 : i + 1 + CONTEXT].astype(np.int64)) for i in places])
    return ids, targets


def loop(model: nn.Module, tokens: Path, *, fused: bool, compiled: bool) -> Callable[[int], None]:
    """A function that takes step after step: ``step(number)``."""
    moves = optimizer(model, fused)
    called = torch.compile(model) if compiled else model
    waiting = [draw(tokens)]

    def step(number: int) -> None:
        for group in moves.param_groups:
            group["lr"] = rate(number)
        ids, targets = waiting.pop()
        _, loss = called(ids, targets)
        waiting.append(draw(tokens))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        moves.step()
        moves.zero_grad(set_to_none=True)
        if number % 10 == 0:
            loss.item()

    return step
