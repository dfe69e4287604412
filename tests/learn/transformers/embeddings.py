"""Answers in code to the exercises on embeddings: wrong ones by how a mistake's sentence begins, and right ones."""

WAVES = "def sinusoids(length, d):\n    pos = torch.arange(length, dtype=torch.float64)[:, None]\n    "
TABLE = (
    "\n    p = torch.zeros(length, d, dtype=torch.float64)"
    "\n    p[:, 0::2] = angles.sin()\n    p[:, 1::2] = angles.cos()"
)
ANGLES = "angles = pos / 10000 ** (torch.arange(0, d, 2, dtype=torch.float64) / d)"

ROPE = "def rope(x, base):\n    T, d = x.shape\n    pos = torch.arange(T, dtype=x.dtype)[:, None]\n    "
OMEGA = "angle = pos * base ** (-2 * torch.arange(d // 2, dtype=x.dtype) / d)\n    "
PARTS = "cos, sin = angle.cos(), angle.sin()\n    a, b = x[:, : d // 2], x[:, d // 2 :]\n    "
TURNED = "return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=1)"

WRONG: dict[str, dict[str, str]] = {
    "embeddings.sinusoids": {
        "All sines come first": WAVES + ANGLES + "\n    return torch.cat([angles.sin(), angles.cos()], dim=1)",
        "Sine and cosine are swapped": WAVES
        + ANGLES
        + TABLE.replace("sin", "tmp").replace("cos", "sin").replace("tmp", "cos")
        + "\n    return p",
        "Positions are counted from 1": WAVES + "pos = pos + 1\n    " + ANGLES + TABLE + "\n    return p",
        "The exponent is i / d": WAVES + ANGLES.replace("(0, d, 2,", "(d // 2,") + TABLE + "\n    return p",
        "The exponent is 4i / d": WAVES + ANGLES.replace("** (", "** (2 * ") + TABLE + "\n    return p",
        "The exponent has the wrong sign": WAVES + ANGLES.replace("/ 10000", "* 10000") + TABLE + "\n    return p",
        "Each column has a frequency of its own": WAVES
        + "p = pos / 10000 ** (torch.arange(d, dtype=torch.float64) / d)\n"
        "    p[:, 0::2], p[:, 1::2] = p[:, 0::2].sin(), p[:, 1::2].cos()\n    return p",
        "The base is 10,000": WAVES + ANGLES.replace("10000", "1000") + TABLE + "\n    return p",
        "The table is turned": WAVES + ANGLES + TABLE + "\n    return p.T",
    },
    "embeddings.rope": {
        "You paired neighbors": ROPE + OMEGA + "a, b = x[:, 0::2], x[:, 1::2]\n    out = torch.empty_like(x)\n"
        "    out[:, 0::2] = a * angle.cos() - b * angle.sin()\n"
        "    out[:, 1::2] = b * angle.cos() + a * angle.sin()\n    return out",
        "The vectors are turned the wrong way": ROPE
        + OMEGA
        + PARTS
        + "return torch.cat([a * cos + b * sin, b * cos - a * sin], 1)",
        "Both signs are plus": ROPE + OMEGA + PARTS + "return torch.cat([a * cos + b * sin, b * cos + a * sin], 1)",
        "The exponent is i / d": ROPE + OMEGA.replace("-2 *", "-") + PARTS + TURNED,
        "The exponent has the wrong sign": ROPE + OMEGA.replace("-2 *", "2 *") + PARTS + TURNED,
        "The exponent is 4i / d": ROPE + OMEGA.replace("arange(d // 2", "arange(0, d, 2") + PARTS + TURNED,
        "Positions are counted from 1": ROPE.replace("arange(T,", "arange(1, T + 1,") + OMEGA + PARTS + TURNED,
        "All pairs turn by the same angle": ROPE + "angle = pos\n    " + PARTS + TURNED,
        "The base is ignored": ROPE + OMEGA.replace("base", "10000") + PARTS + TURNED,
        "The numbers are turned right, but put back in turn": ROPE
        + OMEGA
        + PARTS
        + "return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(1)",
        "b is turned with the a": ROPE
        + OMEGA
        + PARTS
        + "a = a * cos - b * sin\n    b = b * cos + a * sin\n    return torch.cat([a, b], dim=1)",
    },
}

RIGHT: dict[str, list[str]] = {
    "embeddings.sinusoids": [
        WAVES + ANGLES + TABLE + "\n    return p",
        WAVES + ANGLES + "\n    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(length, d)",
        "import math\ndef sinusoids(length, d):\n    rows = []\n    for pos in range(length):\n        row = []\n"
        "        for i in range(d // 2):\n            angle = pos / 10000 ** (2 * i / d)\n"
        "            row += [math.sin(angle), math.cos(angle)]\n        rows.append(row)\n"
        "    return torch.tensor(rows, dtype=torch.float64)",
    ],
    "embeddings.rope": [
        ROPE + OMEGA + PARTS + TURNED,
        ROPE + OMEGA + "cos, sin = angle.cos().repeat(1, 2), angle.sin().repeat(1, 2)\n    a, b = x.chunk(2, dim=1)\n"
        "    return x * cos + torch.cat([-b, a], dim=1) * sin",
        ROPE
        + OMEGA
        + "a, b = x.chunk(2, dim=1)\n    z = torch.complex(a, b) * torch.polar(torch.ones_like(angle), angle)\n"
        "    return torch.cat([z.real, z.imag], dim=1)",
    ],
}
