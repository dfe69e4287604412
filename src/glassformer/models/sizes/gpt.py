"""Published sizes of GPT-1, GPT-2 and GPT-3. The counts are those of the language model with its tied head."""

from glassformer.models.gpt import GPT1Config, GPTConfig
from glassformer.models.sizes import Size

SPARSE = "Every second layer of the original attends in a band only; this is the dense model of the same size. "


def _gpt3(d_model: int, layers: int, heads: int, parameters: int, note: str = "") -> Size:
    """Source: Brown et al. (2020), table 2.1."""
    config = GPTConfig(50257, 2048, d_model, layers, heads, 4 * d_model)
    return Size(config=config, parameters=parameters, note=(SPARSE + note).strip())


SIZES = {
    "gpt1": Size(config=GPT1Config(), hub="openai-community/openai-gpt", parameters=116_534_784),
    "gpt2": Size(
        config=GPTConfig(),
        hub="openai-community/gpt2",
        parameters=124_439_808,
        note="The paper says 117M, which its authors later corrected.",
    ),
    "gpt2-medium": Size(
        config=GPTConfig(d_model=1024, layers=24, heads=16, d_ff=4096),
        hub="openai-community/gpt2-medium",
        parameters=354_823_168,
        note="The paper says 345M.",
    ),
    "gpt2-large": Size(
        config=GPTConfig(d_model=1280, layers=36, heads=20, d_ff=5120),
        hub="openai-community/gpt2-large",
        parameters=774_030_080,
        note="The paper says 762M.",
    ),
    "gpt2-xl": Size(
        config=GPTConfig(d_model=1600, layers=48, heads=25, d_ff=6400),
        hub="openai-community/gpt2-xl",
        parameters=1_557_611_200,
        note="The paper says 1542M.",
    ),
    "gpt3-125m": _gpt3(768, 12, 12, 125_226_240),
    "gpt3-350m": _gpt3(1024, 24, 16, 355_871_744),
    "gpt3-760m": _gpt3(1536, 24, 16, 760_300_032),
    "gpt3-1.3b": _gpt3(2048, 24, 16, 1_315_723_264, "The paper's 24 heads of 128 do not fit a width of 2048."),
    "gpt3-2.7b": _gpt3(2560, 32, 32, 2_651_553_280),
    "gpt3-6.7b": _gpt3(4096, 32, 32, 6_658_404_352),
    "gpt3-13b": _gpt3(5120, 40, 40, 12_853_386_240, "The paper's width of 5140 does not divide into its 40 heads."),
    "gpt3-175b": _gpt3(12288, 96, 96, 174_604_259_328),
}
