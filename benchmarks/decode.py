"""How fast real SmolLM2 reads and writes, beside the reference library on the same weights, in one interleaved run.

    python benchmarks/decode.py [--tokens 64] [--rounds 5]

Needs the reference library (pip install 'glassformer[reference]') and SmolLM2, which is fetched. Measure on a quiet
machine. Prints a table for people; the last line is one JSON object.
"""

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from glassformer.adapt.decoding import compiled, for_decoding
from glassformer.adapt.quantize import int8
from glassformer.data.plays import plays
from glassformer.generate.decode import complete
from glassformer.hub import load, save

warnings.filterwarnings("ignore")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

PROMPT = "Once upon a time there was a transformer that could explain itself. One day a reader came and asked"
LLAMA_CPP = 104  # tokens a second of llama.cpp on the same model's 4-bit file, measured on two cores of this kind


def bandwidth() -> float:
    """Bytes a second at which memory is read: the best of several sums over half a gigabyte."""
    block = torch.ones(1 << 27)
    best = min(timed(lambda: block.sum()) for _ in range(8))
    return block.nbytes / best


def timed(run: Callable[[], Any]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def weight_bytes(model: Any) -> int:
    """The bytes that one step reads: every weight once, of the embedding one row."""
    matrices = [m for m in model.modules() if hasattr(m, "weight") and m is not model.embed]
    return sum(m.weight.nbytes for m in matrices)


@torch.inference_mode()
def likelihood(model: Any, ids: Tensor) -> float:
    """The mean negative log-likelihood of each token after the first, in nats."""
    total = 0.0
    for row in ids:
        logits = model(row[None, :-1]).float()
        total += float(torch.nn.functional.cross_entropy(logits[0], row[1:]))
    return total / len(ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    import transformers

    transformers.logging.set_verbosity_error()
    tokens = options.tokens
    model, tokenizer, _ = load("smollm2")
    assert tokenizer is not None
    prompt = torch.tensor([tokenizer.encode(PROMPT)])
    with tempfile.TemporaryDirectory() as folder:
        save(model, folder, tokenizer)
        theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        theirs16 = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()

    def reference(of: Any) -> Callable[[int], Tensor]:
        def run(count: int) -> Tensor:
            with torch.inference_mode():
                out = of.generate(prompt, max_new_tokens=count, min_new_tokens=count, do_sample=False, pad_token_id=0)
            return out[:, prompt.shape[1] :]

        return run

    def ours(of: Any, step: Any = None) -> Callable[[int], Tensor]:
        room = prompt.shape[1] + tokens + 1  # the same for one token and for many, as a compiled step is made for it
        return lambda count: complete(of, prompt, max_new=count, step=step, state=of.new_state(1, room))

    row, half = for_decoding(load("smollm2").model), for_decoding(load("smollm2", dtype=torch.bfloat16).model)
    eight = int8(load("smollm2").model)
    runs = {
        "reference, float32": reference(theirs),
        "reference, bfloat16": reference(theirs16),
        "ours, float32, as loaded": ours(model),
        "ours, float32, eager": ours(row),
        "ours, float32, compiled": ours(row, compiled(row)),
        "ours, bfloat16, compiled": ours(half, compiled(half)),
        "ours, int8, compiled": ours(eight, compiled(eight)),
    }
    first, written = {}, {}
    for name, run in runs.items():
        print(f"warming up: {name} …", flush=True)
        first[name] = timed(lambda run=run: run(2))
        written[name] = run(64)
    same = {name: torch.equal(tokens_, written["reference, float32"]) for name, tokens_ in written.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():  # less the prompt's own pass and its first token, which prefill measures
            alone = timed(lambda run=run: run(1))
            seconds[name].append(timed(lambda run=run: run(tokens + 1)) - alone)
    speed = {name: tokens / statistics.median(times) for name, times in seconds.items()}
    base, memory = speed["reference, float32"], bandwidth()
    models = {"as loaded": model, "eager": row, "float32, compiled": row, "bfloat16, compiled": half, "int8": eight}
    read = {name: weight_bytes(next(m for end, m in models.items() if end in name)) for name in runs if "ours" in name}

    text = tokenizer.encode("\n".join(plays()[0].passages))
    held = torch.tensor(text[: 24 * 128]).view(24, 128)
    nats = {"float32": likelihood(model, held), "bfloat16": likelihood(half, held), "int8": likelihood(eight, held)}

    long = held[:1]
    prefill: dict[str, list[float]] = {"reference": [], "ours": []}
    with torch.inference_mode():
        for _ in range(options.rounds + 2):
            prefill["reference"].append(timed(lambda: theirs(long, use_cache=True, logits_to_keep=1)))
            prefill["ours"].append(timed(lambda: row.logits(row.hidden(long, state=row.new_state(1, 128))[:, -1:])))
    reads = {name: statistics.median(times[2:]) for name, times in prefill.items()}
    gc.collect()

    print(f"\nSmolLM2-135M, batch 1, {tokens} tokens after {prompt.shape[1]}; {torch.get_num_threads()} threads")
    print(f"{'':28}{'tokens/s':>9}{'× reference':>13}{'of bandwidth':>14}{'first run':>11}")
    for name, rate in speed.items():
        share = f"{rate * read[name] / memory:.0%}" if name in read else ""
        print(f"{name:28}{rate:9.1f}{rate / base:13.2f}{share:>14}{first[name]:9.1f} s")
    print(f"{'llama.cpp, 4-bit (recorded)':28}{LLAMA_CPP:9.1f}{LLAMA_CPP / base:13.2f}")
    print("64 greedy tokens as the reference's: " + ", ".join(name for name, equal in same.items() if equal))
    print(f"memory reads at {memory / 1e9:.1f} GB/s")
    print("negative log-likelihood, nats a token: " + ", ".join(f"{k} {v:.4f}" for k, v in nats.items()))
    print(f"prefill of 128 tokens: reference {reads['reference'] * 1e3:.0f} ms, ours {reads['ours'] * 1e3:.0f} ms")
    print(
        json.dumps(
            {
                "tokens_per_second": speed,
                "ratio": {name: rate / base for name, rate in speed.items()},
                "bfloat16_over_reference_bfloat16": speed["ours, bfloat16, compiled"] / speed["reference, bfloat16"],
                "of_bandwidth": {name: speed[name] * read[name] / memory for name in read},
                "bandwidth": memory,
                "same_tokens": same,
                "nats": nats,
                "prefill_seconds": reads,
                "prefill_ratio": reads["reference"] / reads["ours"],
                "gap_to_llama_cpp": LLAMA_CPP / speed["ours, int8, compiled"],
                "first_run_seconds": first,
            }
        )
    )


if __name__ == "__main__":
    main()
