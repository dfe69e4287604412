"""Published sizes of Gemma 1. The one matrix of embedding and head is counted once."""

from dataclasses import replace

from glassformer.models.gemma import GemmaConfig
from glassformer.models.sizes import Size

SEVEN = GemmaConfig()

SIZES = {
    "gemma-2b": Size(
        config=replace(SEVEN, d_model=2048, layers=18, heads=8, kv_heads=1, d_ff=16384),
        hub="google/gemma-2b",
        parameters=2_506_172_416,
    ),
    "gemma-7b": Size(config=SEVEN, hub="google/gemma-7b", parameters=8_537_680_896),
}
