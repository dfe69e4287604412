"""What a model costs: parameters, operations, memory.

Everything is counted on the modules themselves, also on the meta device.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from glassformer.parts.attention import Attention, CrossAttention
from glassformer.parts.feedforward import MixtureOfExperts
from glassformer.parts.mask import Everything
from glassformer.parts.position import LearnedPositions
from glassformer.parts.score_bias import RelativeBias
from glassformer.parts.ssm import SelectiveSSM

TABLES = nn.Embedding, LearnedPositions, RelativeBias  # a row is looked up, nothing is multiplied
BYTES = {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0, "4-bit": 0.5}


@dataclass(frozen=True)
class Cost:
    """What one model costs.

    Attributes:
        parameters: the number of parameters; a tied tensor counts once.
        flops: floating-point operations for one token with ``context`` tokens in view, a multiply and an add counting
            as two.
        context: the number of tokens in view.
        kv_numbers: how many numbers the KV cache keeps for each token; 0 for an SSM, whose state does not grow, and for
            an encoder.
    """

    parameters: int
    flops: int
    context: int
    kv_numbers: int

    def memory(self, kind: str) -> float:
        """The bytes of the weights alone as ``"float32"``, ``"bfloat16"``, ``"int8"`` or ``"4-bit"``, without scales.

        Raises ``ValueError`` for another kind.
        """
        return self.parameters * _bytes(kind)

    def kv_bytes(self, kind: str = "bfloat16") -> float:
        """The bytes of the KV cache for each token: ``2 · layers · kv_heads · d_k`` numbers."""
        return self.kv_numbers * _bytes(kind)


def _bytes(kind: str) -> float:
    if kind not in BYTES:
        raise ValueError(f"kind must be one of {', '.join(BYTES)}, not {kind!r}.")
    return BYTES[kind]


def cost(model: Any, context: int = 1024) -> Cost:
    """Count what ``model`` costs. Of a mixture of experts, only the chosen ones compute; all are kept.

    Operations: ``2 · d_in · d_out`` for each linear layer, ``4 · context · heads · d_k`` for each attention layer
    (scores and mixture, every token in view; a window's width at most), ``9 · d_inner · d_state`` for each SSM. Norms,
    activations and additions are left out: they are below one percent. An encoder-decoder counts one source and one
    target token.

    Args:
        model: any model of this library.
        context: the number of tokens in view, at least 1.

    Raises ``ValueError`` if ``context`` is below 1. Source: Chowdhery et al. (2022), appendix B.
    Taught in ``transformers``, section 4.
    """
    if context < 1:
        raise ValueError(f"context must be at least 1 token, not {context}.")
    source = getattr(model, "encoder", None)
    encoder = set() if source is None else {id(m) for m in source.modules()}
    caches = getattr(model, "mask", Everything()).causal
    kv_numbers = 0
    for module in model.modules():
        if caches and isinstance(module, Attention) and id(module) not in encoder:
            kv_numbers += 2 * module.kv_heads * module.d_k
    codes = sum(b.numel() for name, b in model.named_buffers() if name.endswith("weight"))  # of quantized layers
    parameters = sum(p.numel() for p in model.parameters()) + codes
    return Cost(parameters, _flops(model, context), context, kv_numbers)


def _flops(module: nn.Module, context: int) -> int:
    """The operations of one token in ``module`` and everything inside it."""
    weight = getattr(module, "weight", None)
    if isinstance(weight, Tensor) and weight.ndim == 2 and not isinstance(module, TABLES):
        return 2 * weight.numel()  # a linear layer, or what stands in for one
    own = 0
    if isinstance(module, Attention):
        own = 4 * min(context, getattr(module.mask, "width", context)) * module.heads * module.d_k
    if isinstance(module, CrossAttention):
        own = 4 * context * module.heads * module.d_k
    if isinstance(module, SelectiveSSM):
        d_inner, d_state = module.A_log.shape
        own = 9 * d_inner * d_state + 2 * module.conv.weight.numel()
    if isinstance(module, MixtureOfExperts):
        share = module.chosen / len(module.experts)
        return _flops(module.router, context) + round(share * sum(_flops(e, context) for e in module.experts))
    return own + sum(_flops(child, context) for child in module.children())
