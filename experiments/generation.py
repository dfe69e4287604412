"""One model, many ways to choose: how likely, how varied and how repetitive the text of SmolLM2 is.

    python experiments/generation.py

Each way continues the same four beginnings by 60 tokens; those with chance in them three times. For each text:
the mean log P of its tokens under the model, the share of its pairs of tokens that are different (distinct-2), and the
share of its runs of four tokens that occurred before. Texts may not end sooner. Means, and the standard deviation over
texts.

It takes about five minutes on one thread. Ctrl-C stops it, and the next run goes on from there. Shown in
``transformers``, section 12.
"""

from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from recording import resumed, write
from torch import Tensor

import glassformer
from glassformer.generate.beam import beam_search
from glassformer.generate.contrastive import contrastive_search
from glassformer.generate.decode import collect, complete
from glassformer.generate.sampling import GREEDY, Sampling

PROMPTS = [
    "Once upon a time there was a",
    "My favorite color is",
    "The best way to learn is to",
    "The old house on the hill",
]
SEED, TIMES = 0, 3
TOKENS = 60
WAYS: dict[str, Any] = {
    "greedy": GREEDY,
    "beam search, 4 beams": "beam",
    "contrastive, α 0.6": "contrastive",
    "greedy, penalty 1.2": Sampling(temperature=0, repetition_penalty=1.2),
    "temperature 0.7": Sampling(temperature=0.7),
    "temperature 1": Sampling(),
    "temperature 1.5": Sampling(temperature=1.5),
    "top-k 40": Sampling(top_k=40),
    "top-p 0.9": Sampling(top_p=0.9),
    "min-p 0.1": Sampling(min_p=0.1),
    "typical 0.9": Sampling(typical=0.9),
}


def continuations(model: Any, ids: Tensor, way: Any) -> Tensor:
    """The new tokens, three rows, or one where nothing is left to chance."""
    if way == "beam":
        return beam_search(model, ids, beams=4, max_new=TOKENS).ids[:, 0]
    if way == "contrastive":
        return collect(contrastive_search(model, ids, max_new=TOKENS))
    if way.temperature == 0:
        return complete(model, ids, max_new=TOKENS, sampling=way)
    draw = torch.Generator().manual_seed(SEED)
    return complete(model, ids.expand(TIMES, -1), max_new=TOKENS, sampling=way, generator=draw)


@torch.inference_mode()
def judge(model: Any, ids: Tensor, new: Tensor) -> list[dict[str, float]]:
    """Mean log P, distinct-2 and repeated runs of four, for each row of ``new``."""
    text = torch.cat((ids.expand(len(new), -1), new), 1)
    log = model(text)[:, ids.shape[1] - 1 : -1].float().log_softmax(-1).gather(2, new[..., None])[..., 0]
    found = []
    for row, likely in zip(new.tolist(), log.mean(1).tolist(), strict=True):
        pairs, fours = ([tuple(row[i : i + n]) for i in range(len(row) - n + 1)] for n in (2, 4))
        distinct, again = len(set(pairs)) / len(pairs), 1 - len(set(fours)) / len(fours)
        found.append({"log": likely, "distinct": distinct, "again": again})
    return found


def one(key: str) -> dict[str, Any]:
    """What one way makes of one beginning."""
    name, number = key.split(" / ")
    loaded = LOADED or LOADED.update(it=glassformer.load("smollm2")) or LOADED
    model, tokenizer = loaded["it"].model, loaded["it"].tokenizer
    ids = torch.tensor([tokenizer.encode(PROMPTS[int(number)])])
    new = continuations(model, ids, WAYS[name])
    return {"texts": [tokenizer.decode(row) for row in new.tolist()], "judged": judge(model, ids, new)}


LOADED: dict[str, Any] = {}


def main() -> None:
    """Run what is not done yet, and write the result."""
    torch.set_num_threads(1)
    keys = [f"{name} / {number}" for name in WAYS for number in range(len(PROMPTS))]
    runs = resumed(Path(__file__), keys, one)
    result: dict[str, Any] = {"prompts": PROMPTS, "seed": SEED, "times": TIMES, "tokens": TOKENS, "ways": {}}
    for name in WAYS:
        mine = [runs[f"{name} / {number}"] for number in range(len(PROMPTS))]
        judged = [each for run in mine for each in run["judged"]]
        result["ways"][name] = {
            measure: {"mean": mean(each[measure] for each in judged), "sd": stdev(each[measure] for each in judged)}
            for measure in ("log", "distinct", "again")
        } | {"texts": [run["texts"][0] for run in mine]}
    print(write(Path(__file__), result))


if __name__ == "__main__":
    main()
