"""Published sizes of Mistral."""

from dataclasses import replace

from glassformer.models.mistral import MistralConfig
from glassformer.models.sizes import Size

FIRST = MistralConfig()

SIZES = {
    "mistral-7b-v0.1": Size(config=FIRST, hub="mistralai/Mistral-7B-v0.1", parameters=7_241_732_096),
    "mistral-7b-v0.3": Size(
        config=replace(FIRST, vocab=32768, rope_base=1000000.0, window=None),
        hub="mistralai/Mistral-7B-v0.3",
        parameters=7_248_023_552,
    ),
}
