"""Published sizes of LLaMA 1 to 3, TinyLlama and SmolLM2. A tied head is counted once."""

from dataclasses import replace

from glassformer.models.llama import LlamaConfig
from glassformer.models.sizes import Size
from glassformer.parts.rotary_scaling import Llama3

SEVEN = LlamaConfig()
THIRTEEN = replace(SEVEN, d_model=5120, layers=40, heads=40, kv_heads=40, d_ff=13824)
EIGHT = LlamaConfig(128256, 8192, 4096, 32, 32, 8, 128, 14336, 1e-5, 500000.0)
SEVENTY = replace(EIGHT, d_model=8192, layers=80, heads=64, d_ff=28672)
SMALL = replace(EIGHT, max_positions=131072, rope_scaling=Llama3(32.0, 1.0, 4.0, 8192), d_ff=8192, tied=True)
SMOL = LlamaConfig(49152, 8192, 576, 30, 9, 3, 64, 1536, 1e-5, 100000.0, tied=True)


def _second(config: LlamaConfig) -> LlamaConfig:
    """LLaMA 2 of the size of a LLaMA 1."""
    return replace(config, max_positions=4096, eps=1e-5)


def _longer(config: LlamaConfig) -> LlamaConfig:
    """LLaMA 3.1 of the size of a LLaMA 3: it reads 16 times as far."""
    return replace(config, max_positions=131072, rope_scaling=Llama3(8.0, 1.0, 4.0, 8192))


SIZES = {
    "llama-7b": Size(config=SEVEN, hub="huggyllama/llama-7b", parameters=6_738_415_616),
    "llama-13b": Size(config=THIRTEEN, hub="huggyllama/llama-13b", parameters=13_015_864_320),
    "llama-33b": Size(
        config=replace(SEVEN, d_model=6656, layers=60, heads=52, kv_heads=52, d_ff=17920),
        hub="huggyllama/llama-30b",
        parameters=32_528_943_616,
    ),
    "llama-65b": Size(
        config=replace(SEVEN, d_model=8192, layers=80, heads=64, kv_heads=64, d_ff=22016),
        hub="huggyllama/llama-65b",
        parameters=65_285_660_672,
    ),
    "llama-2-7b": Size(config=_second(SEVEN), hub="meta-llama/Llama-2-7b-hf", parameters=6_738_415_616),
    "llama-2-13b": Size(config=_second(THIRTEEN), hub="meta-llama/Llama-2-13b-hf", parameters=13_015_864_320),
    "llama-2-70b": Size(
        config=_second(replace(SEVEN, d_model=8192, layers=80, heads=64, kv_heads=8, d_ff=28672)),
        hub="meta-llama/Llama-2-70b-hf",
        parameters=68_976_648_192,
    ),
    "llama-3-8b": Size(config=EIGHT, hub="meta-llama/Meta-Llama-3-8B", parameters=8_030_261_248),
    "llama-3-70b": Size(config=SEVENTY, hub="meta-llama/Meta-Llama-3-70B", parameters=70_553_706_496),
    "llama-3.1-8b": Size(config=_longer(EIGHT), hub="meta-llama/Llama-3.1-8B", parameters=8_030_261_248),
    "llama-3.1-70b": Size(config=_longer(SEVENTY), hub="meta-llama/Llama-3.1-70B", parameters=70_553_706_496),
    "llama-3.1-405b": Size(
        config=_longer(replace(EIGHT, d_model=16384, layers=126, heads=128, d_ff=53248)),
        hub="meta-llama/Llama-3.1-405B",
        parameters=405_853_388_800,
    ),
    "llama-3.2-1b": Size(
        config=replace(SMALL, d_model=2048, layers=16, d_k=64),
        hub="meta-llama/Llama-3.2-1B",
        parameters=1_235_814_400,
    ),
    "llama-3.2-3b": Size(
        config=replace(SMALL, d_model=3072, layers=28, heads=24),
        hub="meta-llama/Llama-3.2-3B",
        parameters=3_212_749_824,
    ),
    "tinyllama-1.1b": Size(
        config=LlamaConfig(32000, 2048, 2048, 22, 32, 4, 64, 5632, 1e-5),
        hub="TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        parameters=1_100_048_384,
    ),
    "smollm2-135m": Size(config=SMOL, hub="HuggingFaceTB/SmolLM2-135M", parameters=134_515_008),
    "smollm2-360m": Size(
        config=replace(SMOL, d_model=960, layers=32, heads=15, kv_heads=5, d_ff=2560),
        hub="HuggingFaceTB/SmolLM2-360M",
        parameters=361_821_120,
    ),
    "smollm2-1.7b": Size(
        config=replace(SMOL, d_model=2048, layers=24, heads=32, kv_heads=32, d_ff=8192, rope_base=130000.0),
        hub="HuggingFaceTB/SmolLM2-1.7B",
        parameters=1_711_376_384,
    ),
}
