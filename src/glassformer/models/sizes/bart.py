"""BART's published sizes. The bias of the logits is not trained, and not counted."""

from dataclasses import replace

from glassformer.models.bart import BartConfig
from glassformer.models.sizes import Size

LARGE = BartConfig(d_model=1024, encoder_layers=12, layers=12, encoder_heads=16, heads=16, encoder_d_ff=4096, d_ff=4096)

SIZES = {
    "bart-base": Size(config=BartConfig(), hub="facebook/bart-base", parameters=139_420_416),
    "bart-large": Size(config=LARGE, hub="facebook/bart-large", parameters=406_291_456),
    "bart-large-cnn": Size(
        config=replace(LARGE, vocab=50264, attention_dropout=0.0, inner_dropout=0.0),
        hub="facebook/bart-large-cnn",
        parameters=406_290_432,
        note="One token fewer than BART large: its table of tokens has no row for <mask>.",
    ),
}
