"""Tokenizers side by side: encoding with GPT-2's ranks, and training BPE, ours and the libraries'.

Run it with ``python benchmarks/tokenizing.py``. It prints a table, and last one line of JSON with the same figures. The
text is tiny Shakespeare where it is there, else the plays that ship with the package. Rounds are interleaved, so that a
busy moment of the machine meets all; a figure is the median over the rounds, and so is a ratio. ``cold`` begins with an
empty word cache; ``batches`` cuts the text every 10,000 characters, where ids may differ. Without GPT-2's ranks in the
cache (``--fetch`` gets them) a BPE trained here stands in.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one core each

SHAKESPEARE = Path(__file__).parents[2] / "shared" / "data" / "tinyshakespeare.txt"


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def text_to_use() -> tuple[str, str]:
    if SHAKESPEARE.is_file():
        return "tiny Shakespeare", SHAKESPEARE.read_text("utf-8")
    from glassformer.data.plays import plays

    return "the packaged plays", "\n".join("\n".join(play.passages) for play in plays())[:1_100_000]


def encoders(text: str, fetch_ranks: bool) -> tuple[str, dict[str, Callable[[], Any]]]:
    from glassformer.checkpoint.fetch import cached, fetch
    from glassformer.tokenize import BPE, Tokenizer

    path = fetch("gpt2-ranks") if fetch_ranks else cached("gpt2-ranks")
    bpe = BPE.from_ranks(path) if path else BPE.train(text, 5000, special=("<|endoftext|>",))
    fast = Tokenizer.from_bpe(bpe)
    warm = BPE(bpe.tokens, bpe.merges, special=bpe.special)

    def cold() -> None:
        bpe._words.clear()
        bpe.encode(text)

    ids = warm.encode(text)
    assert ids == fast.encode(text), "ours and the library differ"
    bulk = [text[start : start + 10_000] for start in range(0, len(text), 10_000)]
    work: dict[str, Callable[[], Any]] = {
        "ours, pure Python, cold": cold,
        "ours, pure Python, warm": lambda: warm.encode(text),
        "ours, Tokenizer": lambda: fast.encode(text),
        "tokenizers": lambda: fast.core.encode(text).ids,
        "tokenizers, batches of 10 kB": lambda: [e.ids for e in fast.core.encode_batch_fast(bulk)],
    }
    try:
        import tiktoken
    except ImportError:
        print("tiktoken is not installed: left out.", file=sys.stderr)
    else:
        from glassformer.tokenize.split import expressions

        ranks = {token: rank for rank, token in enumerate(bpe.tokens) if token != b"<|endoftext|>"}
        core = tiktoken.Encoding(
            "side", pat_str=expressions("gpt-2")[0], mergeable_ranks=ranks, special_tokens={"<|endoftext|>": bpe.vocab}
        )
        assert core.encode_ordinary(text) == ids or not path, "ours and tiktoken differ"
        work["tiktoken"] = lambda: core.encode_ordinary(text)
    return ("GPT-2's ranks" if path else "a BPE of 5,000 tokens trained here"), work


def trainers(text: str, merges: int) -> dict[str, Callable[[], Any]]:
    from tokenizers import Tokenizer as Core
    from tokenizers import models, pre_tokenizers
    from tokenizers import trainers as library

    from glassformer.tokenize import BPE

    def theirs() -> None:
        core = Core(models.BPE())
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        how = library.BpeTrainer(vocab_size=256 + merges, initial_alphabet=alphabet, show_progress=False)
        core.train_from_iterator([text], how)

    return {"ours, pure Python": lambda: BPE.train(text, 256 + merges), "tokenizers": theirs}


def rounds(work: dict[str, Callable[[], Any]], number: int) -> dict[str, list[float]]:
    for run in work.values():  # a round that is not counted: imports, tables, the libraries' own caches
        run()
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(number):
        for name, run in work.items():
            seconds[name].append(timed(run))
    return seconds


def ratio(mine: list[float], theirs: list[float]) -> float:
    """How many times as long mine took, round by round."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--merges", type=int, default=1000)
    parser.add_argument("--fetch", action="store_true", help="fetch GPT-2's ranks if they are not in the cache")
    args = parser.parse_args()
    name, text = text_to_use()
    megabytes = len(text.encode()) / 1e6
    vocabulary, work = encoders(text, args.fetch)
    figures: dict[str, Any] = {"text": name, "MB": round(megabytes, 3), "vocabulary": vocabulary, "rounds": args.rounds}

    print(f"Encoding {megabytes:.2f} MB of {name} with {vocabulary}; median of {args.rounds} rounds")
    print(f"{'':32}{'MB/s':>8}{'times tokenizers':>18}")
    seconds = rounds(work, args.rounds)
    for label, taken in seconds.items():
        speed, times = megabytes / statistics.median(taken), ratio(seconds["tokenizers"], taken)
        print(f"{label:32}{speed:8.2f}{times:18.2f}")
        figures[f"encode, {label}, MB/s"], figures[f"encode, {label}, ratio"] = round(speed, 2), round(times, 2)

    print(f"\nTraining BPE, {args.merges} merges on the same text")
    print(f"{'':32}{'s':>8}{'times tokenizers':>18}")
    seconds = rounds(trainers(text, args.merges), args.rounds)
    for label, taken in seconds.items():
        spent, times = statistics.median(taken), ratio(taken, seconds["tokenizers"])
        print(f"{label:32}{spent:8.2f}{times:18.2f}")
        figures[f"train, {label}, s"], figures[f"train, {label}, ratio"] = round(spent, 2), round(times, 2)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
