"""Published sizes of Mamba. The counts are those of the language model with its tied head."""

from glassformer.models.mamba import MambaConfig
from glassformer.models.sizes import Size


def _size(d_model: int, layers: int, hub: str, parameters: int) -> Size:
    """Source: the published configurations; ``d_inner`` and ``dt_rank`` follow from the width."""
    config = MambaConfig(d_model=d_model, layers=layers, d_inner=2 * d_model, dt_rank=d_model // 16)
    return Size(config=config, hub=f"state-spaces/mamba-{hub}-hf", parameters=parameters)


SIZES = {
    "mamba-130m": _size(768, 24, "130m", 129_135_360),
    "mamba-370m": _size(1024, 48, "370m", 371_516_416),
    "mamba-790m": _size(1536, 48, "790m", 793_204_224),
    "mamba-1.4b": _size(2048, 48, "1.4b", 1_372_178_432),
    "mamba-2.8b": _size(2560, 64, "2.8b", 2_768_345_600),
}
