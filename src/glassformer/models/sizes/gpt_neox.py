"""Published sizes of Pythia, GPT-NeoX and RedPajama-INCITE. Embedding and head are two matrices."""

from glassformer.models.gpt_neox import GPTNeoXConfig, SequentialGPTNeoXConfig
from glassformer.models.sizes import Size


def _pythia(name: str, d_model: int, layers: int, heads: int, parameters: int, vocab: int = 50304) -> Size:
    """Source: Biderman et al. (2023), table 1."""
    config = GPTNeoXConfig(vocab, 2048, d_model, layers, heads, 4 * d_model)
    return Size(config=config, hub=f"EleutherAI/{name}", parameters=parameters)


SIZES = {
    "pythia-70m": _pythia("pythia-70m", 512, 6, 8, 70_426_624),
    "pythia-160m": _pythia("pythia-160m", 768, 12, 12, 162_322_944),
    "pythia-410m": _pythia("pythia-410m", 1024, 24, 16, 405_334_016),
    "pythia-1b": _pythia("pythia-1b", 2048, 16, 8, 1_011_781_632),
    "pythia-1.4b": _pythia("pythia-1.4b", 2048, 24, 16, 1_414_647_808),
    "pythia-2.8b": _pythia("pythia-2.8b", 2560, 32, 32, 2_775_208_960),
    "pythia-6.9b": _pythia("pythia-6.9b", 4096, 32, 32, 6_857_302_016, vocab=50432),
    "pythia-12b": _pythia("pythia-12b", 5120, 36, 40, 11_846_072_320, vocab=50688),
    "gpt-neox-20b": Size(
        config=GPTNeoXConfig(50432, 2048, 6144, 44, 64, 24576, gelu="tanh"),
        hub="EleutherAI/gpt-neox-20b",
        parameters=20_554_567_680,
    ),
    "redpajama-incite-3b": Size(
        config=SequentialGPTNeoXConfig(50432, 2048, 2560, 32, 32, 10240, rotary_share=1.0),
        hub="togethercomputer/RedPajama-INCITE-Base-3B-v1",
        parameters=2_775_864_320,
    ),
}
