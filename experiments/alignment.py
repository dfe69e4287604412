"""Can a model be taught to prefer right answers? Sums of 3-digit numbers, from pre-training to PPO, DPO and GRPO.

    python experiments/alignment.py

The text for pre-training was written by somebody who forgets four carries in five, so a small GPT learns both ways to
add, and mostly the wrong one. Fine-tuning on a few right answers tips it to about one half. From that model start, each
on its own: PPO with a reward model, and with a rule that checks the sum; DPO on the pairs from which the reward model
was trained; and GRPO with the rule. Two more runs show what goes wrong: PPO without a price for leaving the reference,
and DPO with a low one. The answer is written last digit first (``data.addition``).

``sampled`` is the share of held-out sums answered right, digit for digit, at temperature 1; ``greedy`` the same with
the likeliest token at each place. ``kl`` is the divergence of whole answers from the fine-tuned model, in nats;
``score`` the mean of the reward model's scores, in standard deviations of those that the fine-tuned model's answers
get.

The settings were chosen with seeds 0 and 1, which are not among those below, but for one: pre-training was lengthened
from 2000 to 3500 steps when seed 3 had not learned to add by then. Later DPO was shortened to 200 rounds, at a constant
rate, with seed 0 alone. Each seed deals its own held-out sums. A seed takes four minutes on one thread; ``seconds`` are
those of the processor, for all seeds. Ctrl-C stops it, and the next run goes on from there.
``experiments/figures/alignment.py`` draws what was recorded. Shown in ``transformers``, section 13.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from recording import resumed, write
from torch import Tensor, nn

from glassformer.data.addition import CHARACTERS, answer, careless, question, right, sums, wrong
from glassformer.generate.sampling import GREEDY
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.objectives import Batch, Loss, causal, dpo, grpo, reward, supervised
from glassformer.objectives.ppo import ActorCritic
from glassformer.tokenize.char import CharTokenizer
from glassformer.train.alignment import dpo_round, grpo_round, ppo_round
from glassformer.train.experience import Reward, divergence, scoring
from glassformer.train.groups import adamw
from glassformer.train.rollout import answers, rollout
from glassformer.train.schedule import Cosine, set_lr
from glassformer.train.step import Objective, train_step

SEEDS = [2, 3, 4, 5]
HELD_OUT = 1000
TOKENS = CharTokenizer(CHARACTERS)
PAD, EOS = TOKENS.encode(" \n")
MODEL = GPTConfig(vocab=TOKENS.vocab, max_positions=16, d_model=64, layers=2, heads=4, d_ff=256, dropout=0.0)
SPOKEN: dict[str, Any] = {"max_new": 6, "eos": EOS, "pad": PAD}

PRETRAINING: dict[str, Any] = {"forget": 0.8, "steps": 3500, "batch": 128, "lr": 3e-3}
FINE_TUNING: dict[str, Any] = {"sums": 512, "steps": 60, "batch": 64, "lr": 1e-4}
REWARD_MODEL: dict[str, Any] = {"pairs": 8192, "steps": 1200, "batch": 64, "lr": 1e-3}
PPO: dict[str, Any] = {"rounds": 100, "prompts": 128, "lr": 1e-4, "kl": 0.1, "reward": "model"}
DPO: dict[str, Any] = {"rounds": 200, "prompts": 64, "lr": 2e-4, "beta": 1.0}
GRPO: dict[str, Any] = {"rounds": 100, "prompts": 32, "lr": 2e-4, "group": 8, "beta": 0.04, "reward": "rule"}
METHODS = {
    "ppo": PPO,
    "ppo_rule": PPO | {"reward": "rule"},
    "ppo_without_kl": PPO | {"kl": 0.0},
    "dpo": DPO,
    "dpo_low_beta": DPO | {"beta": 0.1},
    "grpo": GRPO,
}
POINTS = 5  # of each curve, after the start

Pairs = list[tuple[int, int]]


class Chance:
    """Where sums to learn from come from; and all other chance of one seed."""

    def __init__(self, seed: int) -> None:
        self.data = sums(test=HELD_OUT, seed=seed)
        self.generator = torch.Generator().manual_seed(seed)

    def pairs(self, number: int, first: int | None = None) -> Pairs:
        """``number`` pairs, any of those to learn from, or of the ``first`` of them."""
        drawn = torch.randint(first or len(self.data.train), (number,), generator=self.generator)
        return [(a, b) for a, b in self.data.train[drawn].tolist()]

    def some(self, rows: list[Any], number: int) -> list[Any]:
        """``number`` of ``rows``, drawn with replacement."""
        return [rows[i] for i in torch.randint(len(rows), (number,), generator=self.generator).tolist()]


def questions(pairs: Pairs) -> list[list[int]]:
    return [TOKENS.encode(question(a, b)) for a, b in pairs]


def correct(batch: Batch) -> Tensor:
    """1 for each row whose answer is right and has an end, 0 for the others: the rule that GRPO is rewarded by."""
    texts = [TOKENS.decode(row).strip(" ").split("=", 1) for row in reward.complete(batch)[0].tolist()]
    return torch.tensor([float(said.endswith("\n") and right(asked, said[:-1])) for asked, said in texts])


def fit(model: nn.Module, loss: Loss, batch: Callable[[], Batch], settings: dict[str, Any]) -> None:
    """The loop: warm-up and cosine, ``settings["steps"]`` batches, one step on each."""
    steps = settings["steps"]
    optimizer, schedule = adamw(model, settings["lr"], weight_decay=0.0), Cosine(steps, steps // 20)
    for step in range(steps):
        set_lr(optimizer, schedule(step))
        train_step(Objective(model, loss), [batch()], optimizer, clip=1.0)


def pretrained(chance: Chance) -> GPT2:
    """A model of lines such as ``123+457=079``, in which most carries are forgotten."""

    def lines() -> Batch:
        pairs = chance.pairs(PRETRAINING["batch"])
        written = [careless(a, b, PRETRAINING["forget"], chance.generator) for a, b in pairs]
        texts = [question(*pair) + line + "\n" for pair, line in zip(pairs, written, strict=True)]
        ids = torch.tensor([TOKENS.encode(text.ljust(max(map(len, texts)))) for text in texts])
        return causal.batch(ids, ids != PAD)

    model = GPT2(MODEL)
    fit(model, causal.loss, lines, PRETRAINING)
    return model


def fine_tuned(model: GPT2, chance: Chance) -> GPT2:
    """A copy that has seen some right answers; it stops early, so that there is something left to learn."""

    def right_answers() -> Batch:
        pairs = chance.pairs(FINE_TUNING["batch"], FINE_TUNING["sums"])
        return supervised.batch(questions(pairs), [TOKENS.encode(answer(*p)) for p in pairs], eos=EOS, pad=PAD)

    tuned = deepcopy(model)
    fit(tuned, supervised.loss, right_answers, FINE_TUNING)
    return tuned


Preference = tuple[list[int], list[int], list[int]]


def preferences(model: GPT2, pairs: Pairs, generator: torch.Generator) -> list[Preference]:
    """For each sum the question, the right answer, and a wrong one: the model's own, or where that is right, a spoiled
    one."""
    asked = questions(pairs)
    own = answers(rollout(model, asked, **SPOKEN, generator=generator))
    better = [[*TOKENS.encode(answer(*pair)), EOS] for pair in pairs]
    spoiled = [[*TOKENS.encode(wrong(*pair, generator)), EOS] for pair in pairs]
    worse = [bad if said == good else said for said, good, bad in zip(own, better, spoiled, strict=True)]
    return list(zip(asked, better, worse, strict=True))


def compared(rows: list[Preference]) -> Batch:
    asked, better, worse = zip(*rows, strict=True)
    return reward.batch(asked, better, worse, pad=PAD)


def standardized(judge: nn.Module, model: GPT2, chance: Chance) -> Reward:
    """The scores of a reward model, shifted and scaled so that the answers of ``model`` have mean 0 and spread 1."""
    with torch.no_grad():
        sample = rollout(model, questions(chance.pairs(2000)), **SPOKEN, generator=chance.generator)
        scores = reward.scores(judge, sample)
    average, spread = scores.mean(), scores.std()
    return lambda batch: (reward.scores(judge, batch) - average) / spread


@torch.no_grad()
def figures(model: GPT2, reference: GPT2, judge: Reward | None, asked: list[list[int]]) -> dict[str, float]:
    """See above."""
    sampled = rollout(model, asked, **SPOKEN, generator=torch.Generator().manual_seed(0))
    found = {
        "sampled": correct(sampled).mean(),
        "greedy": correct(rollout(model, asked, **SPOKEN, sampling=GREEDY)).mean(),
        "kl": divergence(model, reference, sampled).mean(),
    }
    if judge:
        found["score"] = judge(sampled).mean()
    return {name: value.item() for name, value in found.items()}


def aligned(method: str, start: GPT2, judge: Reward, rows: list[Preference], chance: Chance) -> Iterator[GPT2]:
    """A copy of ``start``, after each round in which one of ``METHODS`` improves it."""
    policy, settings, generator = deepcopy(start), METHODS[method], chance.generator
    both = ActorCritic(policy, scoring(start))
    optimizer = adamw(both if "kl" in settings else policy, settings["lr"], weight_decay=0.0)
    scored = correct if settings.get("reward") == "rule" else judge
    for _ in range(settings["rounds"]):
        asked = questions(chance.pairs(settings["prompts"]))
        if method.startswith("ppo"):
            ppo_round(both, start, scored, asked, optimizer, generator, **SPOKEN, kl=settings["kl"])
        elif method.startswith("dpo"):
            pairs, loss = compared(chance.some(rows, settings["prompts"])), partial(dpo.loss, beta=settings["beta"])
            dpo_round(policy, start, pairs, optimizer, generator, loss=loss)
        else:
            group, loss = settings["group"], partial(grpo.loss, beta=settings["beta"])
            grpo_round(policy, start, scored, asked, optimizer, generator, **SPOKEN, group=group, loss=loss)
        yield policy


@torch.no_grad()
def fooled(model: GPT2, judge: Reward, pairs: Pairs) -> dict[str, Any]:
    """Of the wrong answers the share that the reward model scores above the right one, and some of them."""
    said = rollout(model, questions(pairs), **SPOKEN, generator=torch.Generator().manual_seed(0))
    solved = supervised.batch(questions(pairs), [TOKENS.encode(answer(*p)) for p in pairs], eos=EOS, pad=PAD)
    theirs, ours = judge(said), judge(solved)
    failed = (correct(said) == 0).nonzero()[:, 0].tolist()
    rows = answers(said)
    examples = [
        {
            "question": question(*pairs[i]),
            "answer": TOKENS.decode(rows[i]).removesuffix("\n"),
            "right": answer(*pairs[i]),
            "score": theirs[i].item(),
            "score_of_right": ours[i].item(),
        }
        for i in failed[:5]
    ]
    return {"share": mean(float(theirs[i] > ours[i]) for i in failed), "examples": examples}


def measure(seed: int) -> dict[str, Any]:
    """All stages with one seed."""
    began, chance = time.process_time(), Chance(seed)
    torch.manual_seed(seed)
    held_out = [(a, b) for a, b in chance.data.test.tolist()]
    asked = questions(held_out)

    def tell(stage: str, found: dict[str, float]) -> dict[str, float]:
        numbers = "  ".join(f"{name} {value:6.3f}" for name, value in found.items())
        print(f"    seed {seed}  {time.process_time() - began:4.0f} s  {stage:15}  {numbers}", flush=True)
        return found

    base = pretrained(chance)
    start = fine_tuned(base, chance)
    pretraining = tell("pre-training", figures(base, start, None, asked))
    judge = scoring(start)
    rows = preferences(start, chance.pairs(REWARD_MODEL["pairs"]), chance.generator)
    fit(judge, reward.loss, lambda: compared(chance.some(rows, REWARD_MODEL["batch"])), REWARD_MODEL)
    test = compared(preferences(start, held_out, torch.Generator().manual_seed(0)))
    with torch.no_grad():
        agreed = {name: value.item() for name, value in reward.loss(judge, test)[1].items()}
    tell("reward model", agreed)
    scores = standardized(judge, start, chance)
    tuning = tell("fine-tuning", figures(start, start, scores, asked))
    curves: dict[str, list[dict[str, float]]] = {}
    for method, settings in METHODS.items():
        chance.generator.manual_seed(seed)  # so that no method depends on those before it
        curves[method] = [{"step": 0, **tuning}]
        for step, model in enumerate(aligned(method, start, scores, rows, chance), start=1):
            if step % (settings["rounds"] // POINTS) == 0:
                curves[method].append({"step": step, **figures(model, start, scores, asked)})
        tell(method, curves[method][-1])
        if method == "ppo_without_kl":
            outwitted = fooled(model, scores, held_out)
    return {
        "pretrained": pretraining,
        "reward_model": agreed,
        "curves": curves,
        "fooled": outwitted,
        "seconds": time.process_time() - began,
    }


def spread(values: list[float]) -> dict[str, Any]:
    """Mean and standard deviation over seeds, and each seed's."""
    return {"mean": mean(values), "sd": stdev(values), "seeds": values}


def over_seeds(found: Sequence[dict[str, float]]) -> dict[str, Any]:
    return {name: spread([one[name] for one in found]) for name in found[0] if name != "step"}


def main() -> None:
    """Run what is not done yet, and write the result file."""
    torch.set_num_threads(1)  # sums in one order, so that a second run on this machine gives the same figures
    script = Path(__file__)
    try:
        done = resumed(script, [str(seed) for seed in SEEDS], lambda key: measure(int(key)))
    except KeyboardInterrupt:
        sys.exit("\nStopped. What is finished is kept; run it again to go on.")
    settings = {"pretraining": PRETRAINING, "fine_tuning": FINE_TUNING, "reward_model": REWARD_MODEL, **METHODS}
    runs = list(done.values())
    curves = {method: [run["curves"][method] for run in runs] for method in METHODS}
    result = {
        "command": f"python experiments/{script.name}",
        "seeds": SEEDS,
        "held_out": HELD_OUT,
        "parameters": sum(parameter.numel() for parameter in GPT2(MODEL).parameters()),
        "settings": settings,
        "torch": torch.__version__,
        "seconds": sum(run["seconds"] for run in runs),
        "pretrained": over_seeds([run["pretrained"] for run in runs]),
        "fine_tuned": over_seeds([curve[0] for curve in curves["ppo"]]),
        "reward_model": over_seeds([run["reward_model"] for run in runs]),
        "after": {method: over_seeds([curve[-1] for curve in found]) for method, found in curves.items()},
        "fooled": spread([run["fooled"]["share"] for run in runs]),
        "examples": runs[0]["fooled"]["examples"],
        **{
            f"curve_{method}": [
                {"step": points[0]["step"], **over_seeds(points)} for points in zip(*found, strict=True)
            ]
            for method, found in curves.items()
        },
    }
    print(write(script, result))


if __name__ == "__main__":
    main()
