"""nanoGPT: GPT-2 as people train it from scratch.

Legend: see ``glassformer.parts``.
"""

from torch import nn

from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.surgery import replace


class NanoGPT(GPT2):
    """GPT-2 with GELU by the error function, which is faster on processors than the tanh form; mostly without biases.

    Initialization and dropout: as in ``GPT2``.

    Source: Karpathy (2022), https://github.com/karpathy/nanoGPT. Taught in ``transformers``, section 14.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        replace(self, r"stack\.\d+\.feedforward\.part\.activation", lambda _: nn.GELU())
