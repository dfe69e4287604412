"""Does a gate help? Small decoders of equal size whose feed-forward networks differ, on Shakespeare letter by letter.

    python experiments/gated.py

Two layers of width 96 read 64 characters at a time. The feed-forward network is ReLU or GELU at d_ff = 4 D, or SwiGLU
at 8/3 D, which has exactly as many weights; SwiGLU once more at 4 D has half as many again. Adam with the rate
0.003 takes 400 steps on 16 excerpts each. Nothing is tuned for any of them. For each of four seeds all of them see the
same excerpts in the same order. The loss is the mean over the last three plays, which none of them has learned from.

It takes about five minutes on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in
``transformers``, section 11.
"""

from functools import cache
from pathlib import Path
from statistics import mean, stdev
from types import SimpleNamespace
from typing import Any

import torch
from recording import resumed, write
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from glassformer.data.plays import plays
from glassformer.models.initialize import normal
from glassformer.models.trunk import Decoder
from glassformer.parts.attention import Attention
from glassformer.parts.feedforward import FeedForward, GatedFeedForward
from glassformer.parts.norm import RMSNorm
from glassformer.parts.residual import PreNorm
from glassformer.parts.rotary import Rotary
from glassformer.parts.stack import Layer, Stack

SEEDS = [0, 1, 2, 3]
D, HEADS, LAYERS = 96, 4, 2
CONTEXT, BATCH, STEPS, RATE = 64, 16, 400, 0.003
HELD_OUT = 3
MODELS: dict[str, tuple[type[nn.Module], int, type[nn.Module]]] = {
    "ReLU, 4 D": (FeedForward, 4 * D, nn.ReLU),
    "GELU, 4 D": (FeedForward, 4 * D, nn.GELU),
    "SwiGLU, 8/3 D": (GatedFeedForward, 8 * D // 3, nn.SiLU),
    "SwiGLU, 4 D": (GatedFeedForward, 4 * D, nn.SiLU),
}


class Small(Decoder):
    """Pre-RMSNorm layers with rotary positions and no biases, as in LLaMA, around any feed-forward network."""

    def __init__(self, vocab: int, name: str) -> None:
        kind, d_ff, bend = MODELS[name]

        def layer() -> Layer:
            attention = Attention(D, HEADS, bias=False, rotate=Rotary(D // HEADS, 10000.0))
            return Layer(PreNorm(RMSNorm(D), attention), PreNorm(RMSNorm(D), kind(D, d_ff, bend(), False)))

        super().__init__(
            SimpleNamespace(),
            embed=nn.Embedding(vocab, D),
            stack=Stack(layer() for _ in range(LAYERS)),
            norm=RMSNorm(D),
            head=nn.Linear(D, vocab, bias=False),
        )

    def init_weights(self) -> None:
        """N(0, 1/D): at this width 0.02 would begin too small."""
        normal(self, D**-0.5)


@cache
def text() -> tuple[Tensor, Tensor, int]:
    """The characters of all plays but the last three, those of the last three, and how many kinds there are."""
    parts = [" ".join(play.passages) for play in plays()]
    kinds = sorted(set("".join(parts)))
    number = {kind: i for i, kind in enumerate(kinds)}
    known, unseen = (
        torch.tensor([number[c] for c in " ".join(some)]) for some in (parts[:-HELD_OUT], parts[-HELD_OUT:])
    )
    return known, unseen, len(kinds)


def loss(model: Small, ids: Tensor) -> Tensor:
    """The mean surprise at each next character, in nats."""
    return cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())


@torch.no_grad()
def judged(model: Small) -> float:
    """The loss on every tenth stretch of the plays that were held out."""
    rows = text()[1].unfold(0, CONTEXT + 1, 10 * CONTEXT)
    return mean(loss(model, some).item() for some in rows.tensor_split(4))


def one(key: str) -> dict[str, Any]:
    """The loss on unseen plays after training, the parameters of the feed-forward networks, and the way there."""
    name, seed = key.split(" / ")
    known, _, vocab = text()
    torch.manual_seed(int(seed))
    model = Small(vocab, name)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    draw = torch.Generator().manual_seed(int(seed))
    told = []
    for step in range(STEPS):
        for group in optimizer.param_groups:  # linearly up over 50 steps, linearly down over the last half
            group["lr"] = RATE * min(1.0, (step + 1) / 50, 2 * (STEPS - step) / STEPS)
        starts = torch.randint(len(known) - CONTEXT, (BATCH,), generator=draw)
        value = loss(model, known[starts[:, None] + torch.arange(CONTEXT + 1)])
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        told.append(value.item())
    inner = sum(p.numel() for layer in model.stack for p in layer.feedforward.part.parameters())
    return {"loss": judged(model), "inner": inner, "losses": told[::25]}


def main() -> None:
    """Run what is not done yet, and write the result."""
    torch.set_num_threads(1)
    keys = [f"{name} / {seed}" for seed in SEEDS for name in MODELS]
    runs = resumed(Path(__file__), keys, one)
    result: dict[str, Any] = {"seeds": SEEDS, "steps": STEPS, "width": D, "models": {}}
    base = [runs[f"GELU, 4 D / {seed}"]["loss"] for seed in SEEDS]
    for name in MODELS:
        mine = [runs[f"{name} / {seed}"]["loss"] for seed in SEEDS]
        apart = [ours - theirs for ours, theirs in zip(mine, base, strict=True)]
        result["models"][name] = {
            "loss": {"mean": mean(mine), "sd": stdev(mine), "all": mine},
            "against_gelu": {"mean": mean(apart), "sd": stdev(apart), "all": apart},
            "inner": runs[f"{name} / 0"]["inner"],
        }
    print(write(Path(__file__), result))
    for name, found in result["models"].items():
        print(f"{name:14s} {found['inner']:7,d}  {found['loss']['mean']:.4f} ± {found['loss']['sd']:.4f}", end="   ")
        print(f"against GELU {found['against_gelu']['mean']:+.4f} ± {found['against_gelu']['sd']:.4f}")


if __name__ == "__main__":
    main()
