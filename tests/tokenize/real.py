"""The published files that some tests read: fetched once, or the test says how to have them."""

from pathlib import Path
from typing import Any

import pytest

from glassformer.checkpoint.fetch import cached, fetch
from tests.conftest import BESIDE, FULL, ROOT, skip

TINY_SHAKESPEARE = ROOT.parent / "shared" / "data" / "tinyshakespeare.txt"


def real(name: str) -> Path:
    """The path of ``smollm2``, ``minilm`` or ``gpt2-ranks``; skips the test if it is not in the cache."""
    found = fetch(name) if FULL else cached(name)
    if found is None:
        command = f"python -c \"from glassformer.checkpoint.fetch import fetch; fetch('{name}')\""
        skip(f"{name} in the cache", f"GLASSFORMER_FULL=1, or {command}")
        raise AssertionError
    return found


def smollm2_fields() -> dict[str, Any]:
    """The metadata about the tokenizer in SmolLM2's GGUF, as the reference reader gives them."""
    gguf = pytest.importorskip("gguf", reason="needs gguf; to enable: pip install gguf")
    reader = gguf.GGUFReader(real("smollm2"))
    return {name: field.contents() for name, field in reader.fields.items() if name.startswith("tokenizer.")}


def shakespeare() -> str:
    """nanoGPT's benchmark text. Not even a full run can fetch it: where it is absent, these tests have no subject."""
    if not TINY_SHAKESPEARE.is_file():
        pytest.skip(f"needs nanoGPT's tinyshakespeare {BESIDE}; to enable: put its input.txt at {TINY_SHAKESPEARE}")
    return TINY_SHAKESPEARE.read_text("utf-8")
