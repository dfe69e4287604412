"""The two sizes of the 2017 paper."""

from glassformer.models.sizes import Size
from glassformer.models.transformer import TransformerConfig

_NOTE = "The paper says {}, for about 37,000 tokens, with no more exact number of them."

SIZES = {
    "transformer-base": Size(config=TransformerConfig(), parameters=63_045_632, note=_NOTE.format("65M")),
    "transformer-big": Size(
        config=TransformerConfig(d_model=1024, heads=16, d_ff=4096, dropout=0.3),
        parameters=214_171_648,
        note=_NOTE.format("213M"),
    ),
}
