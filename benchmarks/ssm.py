"""The selective scan in chunks beside its loop: time and memory, at the sizes of one layer of mamba-130m.

Run it alone with ``python benchmarks/ssm.py``. It prints a table, and last one line of JSON with the same figures. The
two take turns, so that a busy moment meets both; a time is the median of the turns and a ratio that of the medians.
Memory is the most that PyTorch held at once, beyond the inputs.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from glassformer.parts.scan import scan_chunked, scan_loop

SCANS = {"loop": scan_loop, "chunked": scan_chunked}


def inputs(batch: int, tokens: int, d_inner: int, d_state: int) -> list[Tensor]:
    torch.manual_seed(0)
    return [
        torch.randn(batch, tokens, d_inner),
        0.001 * 100 ** torch.rand(batch, tokens, d_inner),  # steps as a new model has them: 0.001 to 0.1
        -torch.arange(1.0, d_state + 1).repeat(d_inner, 1),
        torch.randn(batch, tokens, d_state),
        torch.randn(batch, tokens, d_state),
        torch.zeros(batch, d_inner, d_state),
    ]


def forward(scan: Callable[..., tuple[Tensor, Tensor]], tensors: list[Tensor]) -> None:
    with torch.no_grad():
        scan(*tensors)


def forward_and_backward(scan: Callable[..., tuple[Tensor, Tensor]], tensors: list[Tensor]) -> None:
    leaves = [t.detach().requires_grad_() for t in tensors]
    y, _ = scan(*leaves)
    torch.autograd.grad(y, leaves, torch.ones_like(y), allow_unused=True)


WORK = {"forward": forward, "forward+backward": forward_and_backward}


def seconds(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def peak(run: Callable[[], None]) -> float:
    """MB held at once at most, beyond those at the start."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    sizes = [e.nbytes() for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    return float(max(itertools.accumulate(sizes))) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512, 1024, 2048])
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--d-inner", type=int, default=1536)
    parser.add_argument("--d-state", type=int, default=16)
    args = parser.parse_args()
    sizes = f"batch {args.batch}, d_inner {args.d_inner}, d_state {args.d_state}"
    print(f"{sizes}, float32, {torch.get_num_threads()} threads; median of {args.turns} turns")
    print(f"{'T':>5} {'':18}{'loop ms':>9} {'chunked ms':>11} {'ratio':>7} {'loop MB':>9} {'chunked MB':>11}")
    rows = []
    for tokens, (work, run) in itertools.product(args.lengths, WORK.items()):
        tensors = inputs(args.batch, tokens, args.d_inner, args.d_state)
        times: dict[str, list[float]] = {name: [] for name in SCANS}
        for turn in range(args.turns + 1):
            for name, scan in SCANS.items():
                spent = seconds(partial(run, scan, tensors))
                times[name] += [spent] if turn else []  # the first turn warms up
        ms = {name: 1000 * statistics.median(each) for name, each in times.items()}
        mb = {name: peak(partial(run, scan, tensors)) for name, scan in SCANS.items()}
        ratio = ms["loop"] / ms["chunked"]
        print(
            f"{tokens:5} {work:18}{ms['loop']:9.1f} {ms['chunked']:11.1f} {ratio:6.1f}× "
            f"{mb['loop']:9.1f} {mb['chunked']:11.1f}"
        )
        rows.append({"T": tokens, "work": work, "ms": ms, "ratio": ratio, "peak MB": mb})
    print(json.dumps({"sizes": sizes, "threads": torch.get_num_threads(), "rows": rows}))


if __name__ == "__main__":
    main()
