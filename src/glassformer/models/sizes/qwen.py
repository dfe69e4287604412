"""Published sizes of Qwen 2, 2.5 and 3 (the dense ones). A tied head is counted once."""

from dataclasses import replace

from glassformer.models.qwen import Qwen2Config, Qwen3Config
from glassformer.models.sizes import Size

SECOND = Qwen2Config()
SMALL = replace(SECOND, vocab=151936, d_model=896, layers=24, heads=14, kv_heads=2, d_k=64, d_ff=4864, tied=True)
MIDDLE = replace(SMALL, d_model=1536, layers=28, heads=12, d_k=128, d_ff=8960)
THIRD = Qwen3Config()
TINY = replace(THIRD, d_model=1024, layers=28, heads=16, d_ff=3072, tied=True)

SIZES = {
    "qwen2-0.5b": Size(config=SMALL, hub="Qwen/Qwen2-0.5B", parameters=494_032_768),
    "qwen2-1.5b": Size(config=MIDDLE, hub="Qwen/Qwen2-1.5B", parameters=1_543_714_304),
    "qwen2-7b": Size(config=SECOND, hub="Qwen/Qwen2-7B", parameters=7_615_616_512),
    "qwen2.5-0.5b": Size(config=replace(SMALL, max_positions=32768), hub="Qwen/Qwen2.5-0.5B", parameters=494_032_768),
    "qwen2.5-1.5b": Size(config=MIDDLE, hub="Qwen/Qwen2.5-1.5B", parameters=1_543_714_304),
    "qwen2.5-7b": Size(config=SECOND, hub="Qwen/Qwen2.5-7B", parameters=7_615_616_512),
    "qwen3-0.6b": Size(config=TINY, hub="Qwen/Qwen3-0.6B", parameters=596_049_920),
    "qwen3-1.7b": Size(config=replace(TINY, d_model=2048, d_ff=6144), hub="Qwen/Qwen3-1.7B", parameters=1_720_574_976),
    "qwen3-4b": Size(
        config=replace(THIRD, d_model=2560, d_ff=9728, tied=True), hub="Qwen/Qwen3-4B", parameters=4_022_468_096
    ),
    "qwen3-8b": Size(config=THIRD, hub="Qwen/Qwen3-8B", parameters=8_190_735_360),
}
