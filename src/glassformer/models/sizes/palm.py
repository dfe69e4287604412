"""Published sizes of PaLM. Its weights are not published. The paper's counts leave out the scales of the norms."""

from glassformer.models.palm import PalmConfig
from glassformer.models.sizes import Size


def _palm(d_model: int, layers: int, heads: int, matrices: int, paper: str) -> Size:
    """Source: Chowdhery et al. (2022), table 1."""
    norms = (layers + 1) * d_model
    config = PalmConfig(256000, 2048, d_model, layers, heads, 256, 4 * d_model, logit_scale=d_model**-0.5)
    note = f"The paper's {paper} are the {matrices:,} numbers of the matrices; the norms have {norms:,} more."
    return Size(config=config, parameters=matrices + norms, note=note)


SIZES = {
    "palm-8b": _palm(4096, 32, 16, 8_631_877_632, "8.63B"),
    "palm-62b": _palm(8192, 64, 32, 62_495_129_600, "62.50B"),
    "palm-540b": _palm(18432, 118, 48, 540_354_281_472, "540.35B"),
}
