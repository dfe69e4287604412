"""Published sizes of Mixtral. All experts are counted, though each token uses two."""

from dataclasses import replace

from glassformer.models.mixtral import MixtralConfig
from glassformer.models.sizes import Size

SMALL = MixtralConfig()

SIZES = {
    "mixtral-8x7b": Size(
        config=SMALL,
        hub="mistralai/Mixtral-8x7B-v0.1",
        parameters=46_702_792_704,
        note="A token passes through 12.9B of them.",
    ),
    "mixtral-8x22b": Size(
        config=replace(SMALL, max_positions=65536, d_model=6144, layers=56, heads=48, d_ff=16384),
        hub="mistralai/Mixtral-8x22B-v0.1",
        parameters=140_620_634_112,
        note="A token passes through 39B of them.",
    ),
}
