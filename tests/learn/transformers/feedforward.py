"""Answers in code to the exercises on feed-forward networks: wrong ones by the first words for their mistake."""

SWIGLU = "def swiglu(x, gate, up, down):\n    "
SILU = "torch.nn.functional.silu"
NORM = "def layer_norm(x, weight, bias, eps):\n    "
CENTERED = NORM + "x = x - x.mean(-1, keepdim=True)\n    "
VARIANCE = CENTERED + "v = (x ** 2).mean(-1, keepdim=True)\n    "


def _over(axis: str) -> str:
    return (
        NORM
        + f"m = x.mean({axis}, keepdim=True)\n    v = ((x - m) ** 2).mean({axis}, keepdim=True)\n"
        + "    return (x - m) / (v + eps).sqrt() * weight + bias"
    )


WRONG: dict[str, dict[str, str]] = {
    "feedforward.swiglu": {
        "Gate and up are swapped": SWIGLU + f"return ({SILU}(x @ up) * (x @ gate)) @ down",
        "The bend is missing": SWIGLU + "return ((x @ gate) * (x @ up)) @ down",
        "That is the sigmoid alone": SWIGLU + "return (torch.sigmoid(x @ gate) * (x @ up)) @ down",
        "That is GELU": SWIGLU + "return (torch.nn.functional.gelu(x @ gate) * (x @ up)) @ down",
        "That is ReLU": SWIGLU + "return ((x @ gate).clamp(min=0) * (x @ up)) @ down",
        "SiLU bends the product": SWIGLU + f"return {SILU}((x @ gate) * (x @ up)) @ down",
        "Both sums are bent": SWIGLU + f"return ({SILU}(x @ gate) * {SILU}(x @ up)) @ down",
        "The two are added": SWIGLU + f"return ({SILU}(x @ gate) + x @ up) @ down",
        "up is not used": SWIGLU + f"return {SILU}(x @ gate) @ down",
        "down is missing": SWIGLU + f"return {SILU}(x @ gate) * (x @ up)",
        "The input is added": SWIGLU + f"return x + ({SILU}(x @ gate) * (x @ up)) @ down",
    },
    "feedforward.layer-norm": {
        "eps stands outside the root": VARIANCE + "return x / (v.sqrt() + eps) * weight + bias",
        "The variance is divided by D": NORM
        + "return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + eps).sqrt() * weight + bias",
        "That is torch.std plus eps": NORM
        + "return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps) * weight + bias",
        "Mean and variance run over the tokens": _over("1"),
        "Mean and variance run over the texts": _over("0"),
        "One mean and one variance for a whole text": _over("(1, 2)"),
        "One mean and one variance for the whole batch": NORM
        + "v = x.var(correction=0)\n    return (x - x.mean()) / (v + eps).sqrt() * weight + bias",
        "That is RMSNorm": NORM + "return x / ((x * x).mean(-1, keepdim=True) + eps).sqrt() * weight + bias",
        "The mean is missing from what is divided": NORM
        + "v = x.var(-1, keepdim=True, correction=0)\n    return x / (v + eps).sqrt() * weight + bias",
        "You divided by the root mean square": NORM
        + "v = (x ** 2).mean(-1, keepdim=True)\n    x = x - x.mean(-1, keepdim=True)\n"
        + "    return x / (v + eps).sqrt() * weight + bias",
        "The root is missing": VARIANCE + "return x / (v + eps) * weight + bias",
        "eps is missing": VARIANCE + "return x / v.sqrt() * weight + bias",
        "The weight is missing": VARIANCE + "return x / (v + eps).sqrt() + bias",
        "The bias is missing": VARIANCE + "return x / (v + eps).sqrt() * weight",
        "The bias is added before": VARIANCE + "return (x / (v + eps).sqrt() + bias) * weight",
    },
}

RIGHT: dict[str, list[str]] = {
    "feedforward.swiglu": [
        SWIGLU + f"return torch.einsum('tf,fd->td', {SILU}(x @ gate) * (x @ up), down)",
        SWIGLU + "rows = []\n    for token in x:\n        z = token @ gate\n"
        "        rows.append((z / (1 + torch.exp(-z)) * (token @ up)) @ down)\n    return torch.stack(rows)",
    ],
    "feedforward.layer-norm": [
        NORM + "return torch.nn.functional.layer_norm(x, weight.shape, weight, bias, eps)",
        NORM + "v, m = torch.var_mean(x, -1, correction=0, keepdim=True)\n"
        "    return weight * (x - m) * torch.rsqrt(v + eps) + bias",
        VARIANCE + "return x / torch.sqrt(v + eps) * weight + bias",
    ],
}
