"""How long loading takes and how much memory: SmolLM2's GGUF the first time and later, and a large checkpoint in
shards.

    python benchmarks/load.py [--gigabytes 1] [--reference]

Every measurement is a fresh process. ``--reference`` loads the GGUF with the reference library too (20 seconds each
time). The last line is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MEASURE = """
import json, re, time
from pathlib import Path

def high():  # the most memory that this process has held, in bytes
    status = Path("/proc/self/status")
    if status.exists():  # not getrusage: a child begins with its parent's peak
        return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text()).group(1)) * 1024
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

began = time.perf_counter()
{imports}
ready, before = time.perf_counter(), high()
{run}
done, peak = time.perf_counter(), high()
weights = sum(p.numel() * p.element_size() for p in model.parameters())
print(json.dumps(dict(imports=ready - began, seconds=done - ready, peak=(peak - before) / weights)))
"""
IMPORTS = "import torch, glassformer.hub, glassformer.tokenize.fast, glassformer.checkpoint.families.llama, tokenizers"


def measure(run: str, imports: str = IMPORTS, **environment: str) -> dict[str, float]:
    code = MEASURE.format(imports=imports, run=run)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ | environment
    )
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def make(folder: Path, gigabytes: float) -> None:
    """A LLaMA of random bfloat16 weights in shards, about so large."""
    import torch

    from glassformer.checkpoint.families.llama import FAMILY
    from glassformer.checkpoint.rules import publish
    from glassformer.checkpoint.writing import write
    from glassformer.models.llama import Llama, LlamaConfig

    layers = max(1, round(gigabytes * 1e9 / 2 / 50e6))
    model = Llama(LlamaConfig(vocab=32000, d_model=2048, layers=layers, heads=16, kv_heads=16, d_ff=5504)).bfloat16()
    write(folder, publish(model, FAMILY.rules(model)), FAMILY.settings(model), shard_bytes=300_000_000)
    torch.manual_seed(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--reference", action="store_true")
    options = parser.parse_args()
    from glassformer.checkpoint.fetch import fetch

    gguf = fetch("smollm2")
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        load = f"model = glassformer.hub.load({str(gguf)!r}).model"
        cache = {"GLASSFORMER_CACHE": temporary}
        rows["SmolLM2 GGUF, first load"] = measure(load, **cache)
        rows["SmolLM2 GGUF, later loads"] = measure(load, **cache)
        rows["SmolLM2 GGUF, later, bfloat16"] = measure(
            load.replace(".model", "").replace(")", ", dtype=torch.bfloat16).model"), **cache
        )
    if options.reference:
        reference = (
            f"model = transformers.AutoModelForCausalLM.from_pretrained({str(gguf.parent)!r}, gguf_file={gguf.name!r})"
        )
        rows["SmolLM2 GGUF, reference"] = measure(reference, "import torch, transformers", HF_HUB_OFFLINE="1")
    with tempfile.TemporaryDirectory() as temporary:
        make(Path(temporary), options.gigabytes)
        for name, dtype in (("as stored", "None"), ("as float32", "torch.float32"), ("as bfloat16", "torch.bfloat16")):
            rows[f"{options.gigabytes:g} GB of bfloat16 in shards, {name}"] = measure(
                f"model = glassformer.hub.load({temporary!r}, dtype={dtype}).model"
            )
    print(f"{'':46}{'seconds':>9}{'peak / weights':>16}")
    for name, row in rows.items():
        print(f"{name:46}{row['seconds']:9.2f}{row['peak']:16.2f}")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
