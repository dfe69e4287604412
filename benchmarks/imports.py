"""What ``import glassformer`` costs beside ``import torch``: seconds of fresh processes, interleaved.

    python benchmarks/imports.py [--rounds 9]

The last line is one JSON object.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

IMPORTS = {
    "nothing": "pass",
    "torch": "import torch",
    "glassformer": "import glassformer",
    "torch, glassformer": "import torch, glassformer",
    "glassformer.load": "import glassformer; glassformer.load",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(rounds):
        for name, code in IMPORTS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            seconds[name].append(time.perf_counter() - began)
    median = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{'import':24}{'seconds':>9}{'× torch':>9}")
    for name, value in median.items():
        print(f"{name:24}{value:9.2f}{value / median['torch']:9.2f}")
    print(json.dumps({"seconds": median, "ratio": {name: value / median["torch"] for name, value in median.items()}}))


if __name__ == "__main__":
    main()
