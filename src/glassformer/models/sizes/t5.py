"""The published sizes of T5 1.0, T5 1.1, Flan-T5 and UL2."""

from glassformer.models.sizes import Size
from glassformer.models.t5 import T5Config, T5v11Config
from glassformer.models.ul2 import UL2Config

_UNTIED = (
    "With a head of its own, as it was trained; release 5 of the reference library ties it and counts vocab · d_model "
    "fewer."
)


def _first(d_model: int, layers: int, heads: int, d_ff: int, d_k: int = 64) -> T5Config:
    return T5Config(d_model=d_model, encoder_layers=layers, layers=layers, heads=heads, d_ff=d_ff, d_k=d_k)


def _later(layers: int, d_model: int, heads: int, d_ff: int) -> T5v11Config:
    return T5v11Config(d_model=d_model, encoder_layers=layers, layers=layers, heads=heads, d_ff=d_ff)


LATER = {
    "small": (T5v11Config(), 76_961_152),
    "base": (_later(12, 768, 12, 2048), 247_577_856),
    "large": (_later(24, 1024, 16, 2816), 783_150_080),
    "xl": (_later(24, 2048, 32, 5120), 2_849_757_184),
    "xxl": (_later(24, 4096, 64, 10240), 11_135_332_352),
}

SIZES = {
    "t5-small": Size(config=T5Config(), hub="google-t5/t5-small", parameters=60_506_624),
    "t5-base": Size(config=_first(768, 12, 12, 3072), hub="google-t5/t5-base", parameters=222_903_552),
    "t5-large": Size(config=_first(1024, 24, 16, 4096), hub="google-t5/t5-large", parameters=737_668_096),
    "t5-3b": Size(config=_first(1024, 24, 32, 16384, 128), hub="google-t5/t5-3b", parameters=2_851_598_336),
    "t5-11b": Size(config=_first(1024, 24, 128, 65536, 128), hub="google-t5/t5-11b", parameters=11_307_321_344),
    "ul2-20b": Size(config=UL2Config(), hub="google/ul2", parameters=19_591_209_984, note=_UNTIED),
    **{
        f"{name}-{size}": Size(config=config, hub=f"google/{name}-{size}", parameters=count, note=_UNTIED)
        for name in ("t5-v1_1", "flan-t5")
        for size, (config, count) in LATER.items()
    },
}
